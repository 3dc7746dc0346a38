"""A Linux guest: a booted Debian on real file systems, that leaves nothing behind."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from tests.support.systemd_container import (
    a_linux_guest,
    needs_a_linux_guest,
    only_freeze_test_here,
    the_facts,
)

from diskguard_emulator.clock import RealClock
from diskguard_emulator.guests import linux
from diskguard_emulator.guests.linux import LinuxGuest
from diskguard_emulator.guests.linux_disks import CommandFailed, command
from diskguard_emulator.guests.linux_tree import why_no_linux_guest
from diskguard_emulator.guests.port import GuestStopped
from diskguard_emulator.guests.registry import make_guest

pytestmark = [
    pytest.mark.root,
    pytest.mark.real_time,
    pytest.mark.timeout(90),
    pytest.mark.xdist_group("freeze"),
    needs_a_linux_guest,
]


def left_in_the_machine(folder: Path) -> str:
    """Loop devices and mounts that stem from this folder."""
    loops = subprocess.run(["losetup", "--all"], capture_output=True, text=True, check=True).stdout
    lines = [*loops.splitlines(), *Path("/proc/self/mountinfo").read_text().splitlines()]
    return "\n".join(line for line in lines if str(folder) in line)


async def left_at_last(folder: Path) -> str:
    """The same, once namespaces of other tests' guests, which began meanwhile, have let go."""
    for _ in range(200):
        if not left_in_the_machine(folder):
            break
        await asyncio.sleep(0.1)
    return left_in_the_machine(folder)


async def said_by(guest: LinuxGuest, script: str) -> str:
    outcome = await guest.run_script(script)
    return (outcome.stdout + outcome.stderr).decode()


async def test_a_guest_runs_scripts_on_its_own_root_and_leaves_nothing_behind(tmp_path):
    async with a_linux_guest(tmp_path, writer=True) as guest:
        said = await said_by(guest, "pwd; systemctl is-system-running; findmnt -no SOURCE /")
        await asyncio.sleep(0.5)
        number = await guest.ask("cat", "/data0/number")

    assert said.splitlines()[:2] == ["/var/lib/waagent/run-command/1", "running"]
    assert "/dev/loop" in said
    assert int(number) > 0
    assert await left_at_last(tmp_path) == ""


async def test_disks_keep_what_was_on_them_over_power_off(tmp_path):
    async with a_linux_guest(tmp_path, init="none") as guest:
        await said_by(guest, "echo kept >/data0/note; sync; touch /run/forgotten")
        sleeping = asyncio.create_task(guest.run_script("sleep 60"))
        await asyncio.sleep(0.3)
        await guest.power_off()
        with pytest.raises(GuestStopped):
            await sleeping
        with pytest.raises(GuestStopped):
            await guest.run_script("true")
        assert not guest.agent_answers
        await guest.start()

        said = await said_by(guest, "cat /data0/note; ls /run/forgotten")

    assert said.startswith("kept\n")
    assert "No such file" in said


async def test_a_guest_that_ends_frozen_pins_no_disk(tmp_path):
    with only_freeze_test_here():
        async with a_linux_guest(tmp_path, init="none") as guest:
            await guest.ask("fsfreeze", "--freeze", "/data0")

    assert await left_at_last(tmp_path) == ""


async def test_a_clone_is_dropped_once_nobody_wants_it(tmp_path):
    async with a_linux_guest(tmp_path, init="none") as guest:
        image = await guest.clone_disk(0)
        size = image.file.stat().st_size
        await image.drop()

        assert size == guest.facts.disks[1].size_bytes
        assert not image.file.exists()


async def test_a_guest_without_data_disks_writes_to_its_root(tmp_path):
    async with a_linux_guest(tmp_path, mounts=[], init="none") as guest:
        assert guest.written_paths == ["/var/tmp"]  # noqa: S108 - the guest's own


async def test_a_guest_whose_root_is_broken_says_why_it_did_not_boot(tmp_path):
    guest = linux.make_guest(the_facts(init="none"), RealClock(), tmp_path / "db01")
    await guest.prepare()
    guest.mounts = (*guest.mounts, guest.mounts[0])
    await command("wipefs", "--all", "--force", guest.disks[0].device)

    with pytest.raises(CommandFailed, match="did not boot"):
        await guest.boot()

    await guest.close()
    assert await left_at_last(tmp_path) == ""


def test_the_registry_knows_the_guest(tmp_path):
    assert isinstance(make_guest("linux", the_facts(), RealClock(), tmp_path), LinuxGuest)


def test_a_machine_without_the_tree_says_how_to_make_it(tmp_path):
    assert "linux_tree makes it" in (why_no_linux_guest(tmp_path / "none.tar") or "")


async def test_a_tool_that_fails_is_quoted():
    with pytest.raises(CommandFailed, match="No such file"):
        await command("ls", "/no/such/place")
