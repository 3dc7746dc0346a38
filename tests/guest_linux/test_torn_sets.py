"""On real file systems: disks taken one after the other do not belong together, unless frozen."""

import asyncio
import random
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.emulator.guests.asking import arm, collect
from tests.support.loop_disks import CannotMount, mounted, scrub
from tests.support.systemd_container import (
    a_linux_guest,
    needs_a_linux_guest,
    only_freeze_test_here,
)
from tests.support.writers import BANK, FILES, PAIR, judge_bank, judge_files, judge_pair

from diskguard.model.guest import FreezeRequest, GuestDisk, GuestReport, HoldOutcome
from diskguard_emulator.guests.linux import LinuxGuest
from diskguard_emulator.guests.linux_disks import LinuxImage

pytestmark = [
    pytest.mark.root,
    pytest.mark.real_time,
    pytest.mark.xdist_group("freeze"),
    needs_a_linux_guest,
]

GAP = 0.6  # long enough for a busy machine to write something in between
LOG, DATA = 0, 1
Images = dict[int, LinuxImage]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """An application over two disks, and how to judge copies of them."""

    name: str
    program: str
    mounts: list[dict[str, Any]]
    judge: Callable[[Images, Path], str | None]


def two_file_systems(judge: Callable[..., str | None], images: Images, folder: Path) -> str | None:
    with (
        mounted([images[LOG]], folder / "log", "ext4") as log,
        mounted([images[DATA]], folder / "data", "ext4") as data,
    ):
        return judge(log, data)


def one_striped_file_system(images: Images, folder: Path) -> str | None:
    with mounted([images[LOG], images[DATA]], folder / "srv", "btrfs") as place:
        verdict = judge_files(place)
        scrub(place)
        return verdict


def pair(images: Images, folder: Path) -> str | None:
    return two_file_systems(judge_pair, images, folder)


def bank(images: Images, folder: Path) -> str | None:
    return two_file_systems(partial(judge_bank, scratch=folder / "bank"), images, folder)


LOG_AND_DATA = [
    {"path": "/log", "file_system": "ext4", "luns": [LOG]},
    {"path": "/data", "file_system": "ext4", "luns": [DATA]},
]
STRIPES = [{"path": "/srv", "file_system": "btrfs", "luns": [LOG, DATA]}]
WORKLOADS = [
    Workload(name="btrfs-raid0", program=FILES, mounts=STRIPES, judge=one_striped_file_system),
    Workload(name="ext4-pair", program=PAIR, mounts=LOG_AND_DATA, judge=pair),
    Workload(name="sqlite-wal-elsewhere", program=BANK, mounts=LOG_AND_DATA, judge=bank),
]


def the_freeze(guest: LinuxGuest, number: int) -> FreezeRequest:
    return FreezeRequest(
        attempt=f"round-{number}",
        disks=tuple(
            GuestDisk(name=disk.name, lun=disk.lun, size_bytes=disk.size_bytes)
            for disk in guest.facts.disks
        ),
        lead=timedelta(seconds=2),
        limit=timedelta(seconds=4),
        hold=timedelta(seconds=2),
    )


@asynccontextmanager
async def at_work(guest: LinuxGuest, program: str):
    """The application runs inside, and has been running for a while."""
    process = await guest.enter("python3", "-c", program)
    await asyncio.sleep(1.5)
    assert process.returncode is None, "the application ended by itself"
    try:
        yield
        assert process.returncode is None, "the application ended by itself"
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def take_apart(guest: LinuxGuest) -> Images:
    """Both data disks, the one written last first, so long apart."""
    last = await guest.clone_disk(DATA)
    await asyncio.sleep(GAP)
    return {DATA: last, LOG: await guest.clone_disk(LOG)}


async def take_frozen(guest: LinuxGuest, number: int) -> Images | None:
    """The same inside a window; None where it did not hold or a counter moved: nothing is proven then."""
    request = the_freeze(guest, number)
    armed = await arm(guest, request)
    left = armed.freeze_at - datetime.now(UTC)  # noqa: TID251 - real time is what this is about
    await asyncio.sleep(left.total_seconds() + 0.25)
    began = datetime.now(UTC)  # noqa: TID251 - as above
    images = await take_apart(guest)
    ended = datetime.now(UTC)  # noqa: TID251 - as above
    await asyncio.sleep((armed.thaw_by - datetime.now(UTC)).total_seconds())  # noqa: TID251 - as above
    report = await collect(guest, request.attempt)
    quiet = all(disk.before == disk.after for disk in report.disks)
    if quiet and report.outcome is HoldOutcome.HELD and lies_within(report, began, ended):
        return images
    for image in images.values():
        await image.drop()
    return None


def lies_within(report: GuestReport, began: datetime, ended: datetime) -> bool:
    """Whether the copies were made while the guest stood still; a busy machine may be late."""
    frozen_at, thawed_at = report.frozen_at, report.thawed_at
    return (
        frozen_at is not None and thawed_at is not None and frozen_at <= began <= ended <= thawed_at
    )


async def take_proven(guest: LinuxGuest, count: int) -> list[Images]:
    """So many sets with proof; on a busy machine up to every second window may lack it."""
    proven: list[Images] = []
    for number in range(2 * count):
        images = await take_frozen(guest, number)
        proven += [] if images is None else [images]
        if len(proven) == count:
            return proven
    raise AssertionError(
        "too many windows lack proof: they did not hold, or counters moved in them"
    )


async def judge_all(workload: Workload, sets: list[Images], folder: Path) -> list[str]:
    """Why sets are torn, of those that are; each copy mounted with normal recovery."""
    verdicts = []
    for number, images in enumerate(sets):
        place = folder / f"{workload.name}-{number}"
        place.mkdir()
        verdicts.append(await asyncio.to_thread(judge, workload, images, place))
    return [verdict for verdict in verdicts if verdict is not None]


def judge(workload: Workload, images: Images, place: Path) -> str | None:
    try:
        return workload.judge(images, place)
    except CannotMount as refusal:
        return str(refusal)


async def show(
    workload: Workload, folder: Path, *, unfrozen: int, frozen: int
) -> tuple[int, list[str]]:
    """How many sets taken without a freeze are torn, and why sets taken with it are."""
    chance = random.Random(workload.name)  # noqa: S311 - chance for a play
    with only_freeze_test_here():
        async with a_linux_guest(folder, mounts=workload.mounts) as guest:
            async with at_work(guest, workload.program):
                loose = []
                for _ in range(unfrozen):
                    await asyncio.sleep(chance.uniform(0, 0.3))
                    loose.append(await take_apart(guest))
                held = await take_proven(guest, frozen)
            await guest.power_off()
            torn = await judge_all(workload, loose, folder)
            broken = await judge_all(workload, held, folder / "store")
    return len(torn), broken


@pytest.mark.timeout(150)
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda each: each.name)
async def test_disks_belong_together_only_if_frozen(workload, tmp_path):
    (tmp_path / "store").mkdir()

    torn, broken = await show(workload, tmp_path, unfrozen=8, frozen=2)

    assert torn >= 3, "without a freeze nearly every set is torn; else this test proves nothing"
    assert broken == []


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda each: each.name)
async def test_disks_belong_together_only_if_frozen_at_length(workload, tmp_path):
    (tmp_path / "store").mkdir()

    torn, broken = await show(workload, tmp_path, unfrozen=25, frozen=20)

    assert torn > 25 / 2
    assert broken == []
