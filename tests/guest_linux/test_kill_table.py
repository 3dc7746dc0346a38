"""Whoever is hit, whenever: a second after the limit nothing is frozen. In a booted guest, root included."""

import asyncio
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.emulator.guests.asking import SENTINEL, arm
from tests.support.systemd_container import (
    a_linux_guest,
    needs_a_linux_guest,
    only_freeze_test_here,
    slice_of,
)

from diskguard.errors import GuestRefused
from diskguard.guest.dialogue import render_arm
from diskguard.model.guest import Armed, FreezeRequest, GuestDisk
from diskguard_emulator.guests.linux import LinuxGuest

pytestmark = [
    pytest.mark.root,
    pytest.mark.real_time,
    pytest.mark.xdist_group("freeze"),
    needs_a_linux_guest,
]

LIMIT = timedelta(seconds=3)
LEAD = timedelta(seconds=1.2)
PROMISE = (LIMIT + timedelta(seconds=1)).total_seconds()
SLACK = 0.25  # of the observer itself: it looks every 10 ms on a busy machine
GUESTS = 3
RANDOM_INSTANTS = 100
ASKED_AGAIN = 4
KILL_THE_SCRIPT = "pkill -KILL -f '[s]cript.sh|[h]elper.pyz arm' || true"
MOUNTS = [
    {"path": "/data0", "file_system": "ext4", "luns": [0]},
    {"path": "/data1", "file_system": "xfs", "luns": [1]},
]
# Seconds after the agreed instant: armed and waiting, freezing, frozen, thawing by itself, thawed.
STEPS = (-0.5, 0.0, 0.01, 0.05, 1.0, 2.0, 2.01, 2.5)


class Observer:
    """A writer outside the guest that never stops; it knows how long no write came through."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY)
        self._stop = threading.Event()
        self._last = time.monotonic()
        self._longest = 0.0
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def _write(self) -> None:
        while not self._stop.wait(0.01):
            os.pwrite(self._file, b"diskguard", 0)
            os.fsync(self._file)
            now = time.monotonic()
            self._longest, self._last = max(self._longest, now - self._last), now

    @property
    def silence(self) -> float:
        """The longest time without a write so far, the present one included, in seconds."""
        return max(self._longest, time.monotonic() - self._last)

    @property
    def waits(self) -> bool:
        """Whether no write came through for longer than one should take."""
        return time.monotonic() - self._last > 0.5

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=30)
        os.close(self._file)


@contextmanager
def observed(guest: LinuxGuest) -> Iterator[list[Observer]]:
    """An observer on every file system of the guest."""
    with ExitStack() as stack:
        observers = []
        for number, mount in enumerate(guest.mounts):
            observer = Observer(guest.root / mount.path.lstrip("/") / f"observed-{number}")
            stack.callback(observer.close)
            observers.append(observer)
        yield observers


# Whom it hits. A victim is named by who is hit; `hit` gets the guest's slice and the attempt.


def leg(place: Path, name: str, attempt: str) -> Path:
    return place / f"diskguard-{name}-{attempt}.service"


def doors(group: Path, name: str) -> list[Path]:
    """The files of that name in a cgroup and all below it; cgroups may vanish meanwhile."""
    return [Path(folder, name) for folder, _, files in os.walk(group) if name in files]


def processes(group: Path) -> list[int]:
    """The processes of a cgroup and all below it, in this machine's numbers."""
    found: list[int] = []
    for door in doors(group, "cgroup.procs"):
        with suppress(OSError):
            found += map(int, door.read_text().split())
    return found


def hit(number: signal.Signals, *groups: Path) -> None:
    """The signal went to the oldest process of each cgroup: the leg itself, not its children."""
    for group in groups:
        for process in sorted(processes(group))[:1]:
            with suppress(ProcessLookupError):
                os.kill(process, number)


def holder(place: Path, attempt: str, number: signal.Signals) -> None:
    hit(number, leg(place, "hold", attempt))


def watchdog(place: Path, attempt: str, number: signal.Signals) -> None:
    hit(number, leg(place, "watch", attempt))


def both(place: Path, attempt: str, number: signal.Signals) -> None:
    hit(number, leg(place, "hold", attempt), leg(place, "watch", attempt))


def process_group(place: Path, attempt: str, number: signal.Signals) -> None:
    for process in sorted(processes(leg(place, "hold", attempt)))[:1]:
        with suppress(ProcessLookupError):
            os.killpg(os.getpgid(process), number)


def cgroup(place: Path, attempt: str, number: signal.Signals) -> None:
    whole(leg(place, "hold", attempt), number)


def the_slice(place: Path, attempt: str, number: signal.Signals) -> None:
    whole(place, number)


def nobody(place: Path, attempt: str, number: signal.Signals) -> None:
    """Nobody in the guest: the orchestrator dies, which the guest cannot even notice."""


def whole(group: Path, number: signal.Signals) -> None:
    """Everybody in a cgroup at once, those still being forked too."""
    door = group / ("cgroup.kill" if number == signal.SIGKILL else "cgroup.freeze")
    with suppress(OSError):
        door.write_text("1")


Victim = Callable[[Path, str, signal.Signals], None]
VICTIMS: tuple[Victim, ...] = (holder, watchdog, both, process_group, cgroup, the_slice, nobody)
SIGNALS = (signal.SIGKILL, signal.SIGSTOP)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Who is hit by what, so long after the agreed instant."""

    victim: Victim
    signal: signal.Signals
    after: float

    def __str__(self) -> str:
        return f"{self.signal.name} of {self.victim.__name__} at {self.after:+.3f} s"


def every_step() -> list[Case]:
    return [
        Case(victim=victim, signal=number, after=step)
        for victim in VICTIMS
        for number in SIGNALS
        for step in STEPS
    ]


def random_instants(count: int, seed: int) -> list[Case]:
    chance = random.Random(seed)  # noqa: S311 - chance for a play
    return [
        Case(
            victim=chance.choice(VICTIMS[:-1]),
            signal=chance.choice(SIGNALS),
            after=chance.choice((chance.uniform(-0.6, 2.6), chance.uniform(-0.01, 0.15))),
        )
        for _ in range(count)
    ]


async def sleep_until(instant: datetime) -> None:
    left = instant - datetime.now(UTC)  # noqa: TID251 - real time is what this is about
    await asyncio.sleep(left.total_seconds())


def the_freeze(guest: LinuxGuest, attempt: str) -> FreezeRequest:
    return FreezeRequest(
        attempt=attempt,
        disks=tuple(
            GuestDisk(name=disk.name, lun=disk.lun, size_bytes=disk.size_bytes)
            for disk in guest.facts.disks
        ),
        lead=LEAD,
        limit=LIMIT,
    )


async def try_case(guest: LinuxGuest, case: Case, attempt: str) -> str | None:
    """What became of the promise in this case, None if it was kept."""
    armed = await armed_at_last(guest, attempt)
    with observed(guest) as observers:
        await sleep_until(armed.freeze_at + timedelta(seconds=case.after))
        case.victim(slice_of(guest), armed.attempt, case.signal)
        await sleep_until(armed.freeze_at + timedelta(seconds=PROMISE + SLACK))
        verdict = judge(case, observers, at_least=0.5 if case.after >= 1 else 0.0)
        await tidy_up(guest)
    return verdict


async def armed_at_last(guest: LinuxGuest, attempt: str) -> Armed:
    """The guest's promise; a machine too busy to arm in time refuses, so it is asked again."""
    for turn in range(ASKED_AGAIN):
        try:
            return await arm(guest, the_freeze(guest, f"{attempt}-{turn}"))
        except GuestRefused:
            await tidy_up(guest)
    return await arm(guest, the_freeze(guest, attempt))


def judge(case: object, observers: list[Observer], at_least: float = 0.0) -> str | None:
    """What was wrong with the standstill; one shorter than `at_least` was none, and proves nothing."""
    silence = max(observer.silence for observer in observers)
    if min(observer.silence for observer in observers) < at_least:
        return f"{case}: was not frozen"
    if any(observer.waits for observer in observers):
        return f"{case}: still frozen after {silence:.2f} s"
    if silence > PROMISE + SLACK:
        return f"{case}: frozen for {silence:.2f} s"
    return None


async def tidy_up(guest: LinuxGuest) -> None:
    """Stopped legs are gone, so that the next attempt finds nobody at work."""
    place = slice_of(guest)
    for door in doors(place, "cgroup.freeze"):
        with suppress(OSError):
            door.write_text("0")
    whole(place, signal.SIGKILL)
    while processes(place):  # noqa: ASYNC110 - the kernel tells nobody when a cgroup is empty
        await asyncio.sleep(0.02)
    await guest.ask(
        "sh", "-c", "systemctl stop 'diskguard-*'; systemctl reset-failed; rm -rf /run/diskguard"
    )


async def run_table(cases: list[Case], folder: Path, guests: int) -> list[str]:
    """Why promises were broken, over all cases; several guests at a time, each with its own."""
    left, broken = list(enumerate(cases)), list[str]()

    async def one_guest(number: int) -> None:
        async with a_linux_guest(folder, f"vm{number}", mounts=MOUNTS) as guest:
            while left:
                index, case = left.pop()
                verdict = await try_case(guest, case, f"case-{index}")
                broken.extend([] if verdict is None else [verdict])

    with only_freeze_test_here():
        async with asyncio.TaskGroup() as group:
            for number in range(guests):
                group.create_task(one_guest(number))
    return broken


A_FEW = [
    Case(victim=holder, signal=signal.SIGKILL, after=1.0),
    Case(victim=holder, signal=signal.SIGSTOP, after=0.01),
    Case(victim=watchdog, signal=signal.SIGSTOP, after=1.0),
    Case(victim=both, signal=signal.SIGKILL, after=1.0),
    Case(victim=both, signal=signal.SIGSTOP, after=1.0),
    Case(victim=process_group, signal=signal.SIGKILL, after=0.02),
    Case(victim=cgroup, signal=signal.SIGKILL, after=1.0),
    Case(victim=the_slice, signal=signal.SIGKILL, after=1.0),
    Case(victim=the_slice, signal=signal.SIGSTOP, after=1.0),
    *random_instants(3, seed=1),
]


@pytest.mark.timeout(200)
async def test_nothing_stays_frozen_whoever_is_hit(tmp_path):
    broken = await run_table(A_FEW, tmp_path, GUESTS)

    assert not broken, "\n".join(broken)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_nothing_stays_frozen_whoever_is_hit_at_every_step(tmp_path):
    broken = await run_table(every_step(), tmp_path, GUESTS)

    assert not broken, "\n".join(broken)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_nothing_stays_frozen_whoever_is_hit_at_any_instant(tmp_path):
    broken = await run_table(random_instants(RANDOM_INSTANTS, seed=2), tmp_path, GUESTS)

    assert not broken, "\n".join(broken)


@pytest.mark.timeout(200)
async def test_the_observer_sees_a_freeze_that_nobody_ends(tmp_path):
    with only_freeze_test_here():
        async with a_linux_guest(tmp_path, mounts=MOUNTS) as guest:
            with observed(guest) as observers:
                await guest.ask("fsfreeze", "--freeze", "/data0")
                await asyncio.sleep(PROMISE + SLACK)
                verdict = judge("nobody thaws", observers)
                await guest.ask("fsfreeze", "--unfreeze", "/data0")

    assert verdict is not None
    assert "still frozen" in verdict


@pytest.mark.timeout(200)
async def test_a_script_killed_while_it_arms_leaves_nothing_frozen(tmp_path):
    chance, verdicts = random.Random(3), []  # noqa: S311 - chance for a play

    with only_freeze_test_here():
        async with a_linux_guest(tmp_path, mounts=MOUNTS) as guest:
            for turn in range(2):
                with observed(guest) as observers:
                    request = the_freeze(guest, f"killed-{turn}")
                    script = "\n".join(render_arm(request, sentinel=SENTINEL))
                    arming = asyncio.create_task(guest.run_script(script))
                    await asyncio.sleep(chance.uniform(0.05, 0.7))
                    await guest.ask("sh", "-c", KILL_THE_SCRIPT)
                    await arming
                    await asyncio.sleep((LEAD + LIMIT).total_seconds() + 1)
                    verdicts.append(judge("the script was killed", observers))
                    await tidy_up(guest)

    assert verdicts == [None, None]


@pytest.mark.timeout(200)
async def test_a_guest_without_systemd_refuses_unless_allowed(tmp_path):
    with only_freeze_test_here():
        async with a_linux_guest(tmp_path, mounts=MOUNTS, init="none") as guest:
            with pytest.raises(GuestRefused) as refused:
                await arm(guest, the_freeze(guest, "a1"))
            with observed(guest) as observers:
                request = replace(the_freeze(guest, "a2"), allow_without_systemd=True)
                armed = await arm(guest, request)
                await sleep_until(armed.freeze_at + timedelta(seconds=1))
                await guest.ask("sh", "-c", "pkill -KILL -f '[h]elper.pyz hold'")
                await sleep_until(armed.thaw_by + timedelta(seconds=SLACK))
                verdict = judge("the holder was killed", observers)

    assert refused.value.reason == "no-systemd"
    assert armed.supervisor == "session"
    assert verdict is None
