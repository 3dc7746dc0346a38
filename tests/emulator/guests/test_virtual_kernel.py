"""The kernel of a virtual guest answers as a Linux kernel does, also where nobody should ask."""

import errno

import pytest
from tests.emulator.guests.asking import a_virtual_guest, the_facts

from diskguard_emulator.clock import LoopOrEpochClock
from diskguard_emulator.guests.registry import make_guest
from diskguard_emulator.guests.virtual_kernel import VirtualKernel
from diskguard_emulator.guests.virtual_processes import Killed, Process


def a_process(**options: object) -> tuple[VirtualKernel, Process]:
    """A process of a fresh guest, with its kernel."""
    guest = a_virtual_guest(**options)
    process = guest._table.born("test")
    return VirtualKernel(guest._machine, process), process


async def test_a_freeze_takes_its_time_and_is_answered_once():
    kernel, process = a_process(troubles={"freeze_takes": 0})
    root = kernel.open_mount("/")
    child = kernel.start_freeze(root, float("inf"))

    assert kernel.outcome(child) is None
    kernel.kill_group(process.number)

    with pytest.raises(Killed):
        kernel.outcome(child)


async def test_calls_answer_as_linux_does():
    kernel, _ = a_process()
    root, efi = kernel.open_mount("/"), kernel.open_mount("/boot/efi")

    late = kernel.outcome(kernel.start_freeze(root, kernel.boot_clock() - 1))
    thawed = kernel.outcome(kernel.start_thaw(efi))

    assert (late, thawed) == (errno.ETIME, errno.EINVAL)
    with pytest.raises(ChildProcessError):
        kernel.outcome(999)
    with pytest.raises(FileNotFoundError):
        kernel.open_mount("/nowhere")
    with pytest.raises(FileNotFoundError):
        kernel.read_text("/etc/shadow")
    with pytest.raises(FileNotFoundError):
        kernel.write_text("/run/nobody/made/this", "")
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        kernel.btrfs_fsid(root)
    kernel.syncfs(root)
    kernel.close(root)
    with pytest.raises(OSError, match="Bad file descriptor"):
        kernel.device_of(root)


async def test_a_btrfs_has_an_id():
    kernel, _ = a_process(root_file_system="btrfs")

    assert len(kernel.btrfs_fsid(kernel.open_mount("/"))) == 36


async def test_vfat_cannot_freeze():
    disks = a_virtual_guest()._disks

    assert disks.freeze(disks.at("/boot/efi"), "test") == errno.EOPNOTSUPP


async def test_a_frozen_file_system_is_busy():
    disks = a_virtual_guest()._disks
    root = disks.at("/")

    assert [disks.freeze(root, "test") for _ in range(2)] == [0, errno.EBUSY]
    assert disks.thaw(root, "test") == 0


async def test_without_a_helper_in_its_folder_nothing_is_started():
    kernel, _ = a_process()

    assert not kernel.start_service("unit", "/run/none.pyz", ["hold", "/run"], {})
    assert not kernel.start_timer("unit", "/run/none.pyz", ["passes", "/run"], 1)
    assert not kernel.start_session("/run/none.pyz", ["hold", "/run"])
    assert not kernel.unit_is_active("unit.service")
    kernel.stop_unit("unit.service")


async def test_a_leg_does_not_sleep_it_yields():
    kernel, _ = a_process()

    with pytest.raises(RuntimeError, match="yields"):
        kernel.sleep_until(kernel.boot_clock() + 1)


async def test_links_are_shown():
    kernel, _ = a_process()

    assert kernel.read_link("/dev/disk/azure/root") == "/dev/sda"
    assert kernel.read_link("/dev/sda") == ""
    assert kernel.real_path("/sys/class/block/sda1").endswith("/block/sda/sda1")
    kernel.settle()


async def test_azure_backups_lock_is_never_made():
    kernel, _ = a_process(troubles={"azure_backup": "idle"})

    with pytest.raises(FileNotFoundError):
        kernel.record_lock("/run/other")


@pytest.mark.parametrize("kind", ["none", "virtual"])
async def test_the_registry_makes_guests_by_name(kind, tmp_path):
    guest = make_guest(kind, the_facts(), LoopOrEpochClock(), tmp_path)

    image = await guest.clone_disk(None)

    await image.drop()
    await guest.power_off()
    await guest.start()
    assert guest.agent_answers == (kind == "virtual")
    await guest.close()


def test_an_unknown_guest_is_an_error(tmp_path):
    with pytest.raises(KeyError):
        make_guest("windows", the_facts(), LoopOrEpochClock(), tmp_path)
