"""A plain guest runs what it is sent for real, without privileges, and nowhere but in its own namespaces."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.emulator.guests.asking import A_FREEZE, arm, collect, thaw, the_facts

from diskguard.errors import GuestRefused, GuestReportMissing
from diskguard.model.guest import Armed, HoldOutcome
from diskguard_emulator.clock import RealClock
from diskguard_emulator.guests import plain_machine
from diskguard_emulator.guests.plain import PlainGuest, is_torn, make_guest
from diskguard_emulator.guests.plain_machine import UNSHARE, NoNamespaces, boot_machine
from diskguard_emulator.guests.port import GuestStopped

LEAD = timedelta(seconds=1.5)
LIMIT = timedelta(seconds=3)


def why_no_namespaces() -> str | None:
    """Why this machine cannot host a plain guest, None if it can."""
    if shutil.which("unshare") is None:
        return "needs unshare(1) of util-linux"
    done = subprocess.run([*UNSHARE[:-1], "true"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no unprivileged namespaces here: {done.stderr}"


pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(why_no_namespaces() is not None, reason=why_no_namespaces() or ""),
]


def a_plain_guest(folder: Path, **options: object) -> PlainGuest:
    return make_guest(the_facts(**options), RealClock(), folder / "db01")


@pytest.fixture
async def guest(tmp_path):
    made = a_plain_guest(tmp_path)
    yield made
    await made.close()


async def promise(guest: PlainGuest, **changes: Any) -> Armed:
    """A freeze so soon and so short that a test can wait for it."""
    return await arm(
        guest, **{"lead": LEAD, "limit": LIMIT, "hold": timedelta(seconds=1), **changes}
    )


async def wait_until(instant: datetime, later: float = 0.0) -> None:
    await asyncio.sleep((instant - datetime.now(UTC)).total_seconds() + later)  # noqa: TID251 - real time is what this is about


async def wait_until_frozen(guest: PlainGuest, armed: Armed) -> None:
    """Return once every mount is frozen; they stay so for a second."""
    await wait_until(armed.freeze_at)
    async with asyncio.timeout(2):
        while len(guest.frozen_mounts) < armed.mount_count:  # noqa: ASYNC110 - files tell nobody
            await asyncio.sleep(0.01)


def killing(signal: str, *legs: str) -> str:
    """A script that sends the signal to these legs, one after the other."""
    return "".join(
        f"for each in /proc/[0-9]*; do tr '\\0' ' ' <$each/cmdline | grep -q 'pyz {leg} ' && "
        f"kill -{signal} ${{each#/proc/}}; done 2>/dev/null\n"
        for leg in legs
    )


async def say(guest: PlainGuest, script: str) -> str:
    outcome = await guest.run_script(script)
    return (outcome.stdout + outcome.stderr).decode()


async def test_disks_copied_inside_the_window_belong_together(guest):
    armed = await promise(guest)
    await wait_until_frozen(guest, armed)

    frozen = guest.frozen_mounts
    images = []
    for lun in (None, 0, 1):
        images.append(await guest.clone_disk(lun))
        await asyncio.sleep(0.2)

    assert sorted(frozen) == ["/", "/data0", "/data1"]
    assert not is_torn(images)
    assert images[0].number > 0
    await wait_until(armed.thaw_by)
    assert guest.frozen_mounts == ()
    report = await collect(guest)
    assert report.outcome is HoldOutcome.HELD
    assert all(disk.before == disk.after for disk in report.disks)


async def test_disks_copied_without_a_freeze_do_not_belong_together(guest):
    images = [await guest.clone_disk(None)]
    await asyncio.sleep(0.5)
    images.append(await guest.clone_disk(1))

    assert is_torn(images)
    for image in images:
        await image.drop()
    assert not any(image.file.exists() for image in images)


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
async def test_a_holder_that_is_hit_while_frozen_leaves_nothing_frozen(guest, signal):
    armed = await promise(guest)
    await wait_until_frozen(guest, armed)

    await say(guest, killing(signal, "hold"))
    await wait_until(armed.thaw_by)

    assert guest.frozen_mounts == ()
    with pytest.raises((GuestReportMissing, GuestRefused)):
        await collect(guest)


async def test_a_watchdog_killed_before_the_window_means_no_freeze(guest):
    armed = await promise(guest)

    await say(guest, killing("KILL", "watch"))
    await wait_until(armed.freeze_at, 0.5)

    assert guest.frozen_mounts == ()


async def test_the_timer_thaws_where_both_legs_are_gone_with_all_that_follows_them(guest):
    armed = await promise(guest)
    await wait_until(armed.freeze_at, 0.3)

    await say(guest, killing("KILL", "watch", "hold", "passes"))
    await wait_until(armed.thaw_by)

    assert guest.frozen_mounts == ()


async def test_the_emergency_thaws_what_a_stranger_froze(guest):
    await say(guest, "touch /guest/gates/8-0.frozen")  # gates are named after the root's number
    (gate,) = (guest.folder / "machine" / "gates").glob("8-1")
    gate.with_name("8-1.frozen").touch()
    assert guest.frozen_mounts == ("/",)

    report = await thaw(guest)

    assert report.thawed == ("/",)
    assert guest.frozen_mounts == ()


async def test_without_systemd_the_guest_refuses(tmp_path):
    guest = a_plain_guest(tmp_path, systemd=False)

    with pytest.raises(GuestRefused) as refused:
        await promise(guest)

    assert refused.value.reason == "no-systemd"
    await guest.close()


async def test_without_systemd_sessions_hold_where_allowed(tmp_path):
    guest = a_plain_guest(tmp_path, systemd=False)

    armed = await promise(guest, allow_without_systemd=True)
    await wait_until(armed.thaw_by)

    assert (await collect(guest)).outcome is HoldOutcome.HELD
    await guest.close()


async def test_an_armed_guest_may_not_be_armed_again(guest):
    await promise(guest, lead=timedelta(seconds=5))

    with pytest.raises(GuestRefused) as refused:
        await promise(guest, attempt="other")

    assert refused.value.reason == "busy"


async def test_a_script_sees_nothing_of_the_machine_but_its_programs(guest, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("not for guests")

    said = await say(guest, f"cat {secret}; echo x > /usr/x; echo x > /x; ls /home /root /etc")

    assert "not for guests" not in said
    assert "Read-only file system" in said
    assert "passwd" not in said


async def test_a_script_has_no_network_and_no_foreign_processes(guest):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = await say(
            guest,
            f"python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}))\"; "
            f"kill -0 {os.getpid()} && echo found",
        )

    assert "Error" in said
    assert "found" not in said


async def test_a_script_says_how_it_ended(guest):
    outcome = await guest.run_script("echo out; echo err >&2; exit 7")

    assert (outcome.stdout, outcome.stderr, outcome.exit_code) == (b"out\n", b"err\n", 7)


async def test_power_off_ends_every_process_and_start_begins_anew(guest):
    armed = await promise(guest)
    await wait_until_frozen(guest, armed)
    sleeping = asyncio.create_task(guest.run_script("sleep 60"))
    await asyncio.sleep(0.1)

    await guest.power_off()

    with pytest.raises(GuestStopped):
        await sleeping
    assert guest.frozen_mounts == ()
    assert not guest.agent_answers
    with pytest.raises(GuestStopped):
        await guest.run_script("true")
    before = await guest.clone_disk(None)
    await guest.start()
    await asyncio.sleep(0.3)
    assert (await guest.clone_disk(None)).number > before.number
    assert await say(guest, "ls /run") == ""


async def test_a_closed_guest_leaves_no_process(guest):
    await guest.run_script("true")
    init = guest._machine._process.pid

    await guest.close()

    with pytest.raises(ProcessLookupError):
        os.kill(init, 0)


LIVE = """
import asyncio, pathlib, sys
from diskguard_emulator.guests.plain_machine import boot_machine

async def live():
    machine = await boot_machine(pathlib.Path(sys.argv[1]))
    number = machine._process.pid
    print(pathlib.Path(f"/proc/{number}/task/{number}/children").read_text(), flush=True)
    await asyncio.Event().wait()

asyncio.run(live())
"""


def test_an_emulator_that_is_killed_leaves_no_process(tmp_path):
    folder = a_plain_guest(tmp_path).folder
    words = [sys.executable, "-c", LIVE, str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as emulator:
        assert emulator.stdout is not None
        first_process = Path("/proc") / emulator.stdout.readline().strip()
        lived = (first_process / "root" / "guest").exists()
        emulator.kill()

    until = time.monotonic() + 10
    while first_process.exists() and time.monotonic() < until:
        time.sleep(0.02)  # noqa: TID251 - /proc tells nobody
    assert lived
    assert not first_process.exists()


async def test_a_machine_without_namespaces_is_refused_in_its_own_words(guest, tmp_path):
    (guest.folder / "machine" / "boot.sh").write_text("echo unshare failed >&2; exit 1")

    outcome = await guest.run_script("true")

    assert outcome.exit_code == 1
    assert b"no namespaces for unprivileged users here (unshare failed)" in outcome.stderr
    assert guest.refusal is not None


async def test_a_machine_that_says_nothing_is_refused_too(guest):
    (guest.folder / "machine" / "boot.sh").write_text("exit 0")

    with pytest.raises(NoNamespaces, match="no reason given"):
        await boot_machine(guest.folder)


def test_the_patience_for_a_boot_is_bounded():
    assert 5 <= plain_machine.BOOT_PATIENCE <= 60


async def test_a_btrfs_over_two_disks_is_one_super_block(tmp_path):
    guest = a_plain_guest(
        tmp_path, mounts=[{"path": "/srv", "file_system": "btrfs", "luns": [0, 1]}], nvme=True
    )

    armed = await promise(guest)

    assert [(mount.path, mount.luns) for mount in armed.mounts] == [
        ("/srv", (0, 1)),
        ("/", (None,)),
    ]
    assert A_FREEZE.attempt == armed.attempt
    await guest.close()
