"""A booted Debian with systemd on loop disks of its own, for tests: made by the emulator's Linux guest."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.guest_linux.support.loops import only_freeze_test_here

from diskguard_emulator.clock import RealClock
from diskguard_emulator.guests import port
from diskguard_emulator.guests.linux import CGROUPS, LinuxGuest, make_guest
from diskguard_emulator.guests.linux_tree import why_no_linux_guest

MIB = 2**20
SIZES: dict[int | None, int] = {None: 1536 * MIB, 0: 512 * MIB, 1: 512 * MIB}
REASON = why_no_linux_guest()

needs_a_linux_guest = pytest.mark.skipif(REASON is not None, reason=REASON or "")


def the_facts(name: str = "db01", **options: Any) -> port.GuestFacts:
    """A VM with an OS disk and two data disks."""
    return port.GuestFacts(
        vm_id=f"/vms/{name}",
        vm_name=name,
        os_type="Linux",
        disks=tuple(
            port.GuestDisk(name=f"{name}-{lun}", lun=lun, size_bytes=size)
            for lun, size in SIZES.items()
        ),
        running=True,
        options={"writer": False, **options},
    )


@asynccontextmanager
async def a_linux_guest(
    folder: Path, name: str = "db01", **options: Any
) -> AsyncIterator[LinuxGuest]:
    """A booted guest; afterwards nothing of it is left in the machine."""
    guest = make_guest(the_facts(name, **options), RealClock(), folder / name)
    try:
        await guest.boot()
        yield guest
    finally:
        await guest.close()


def slice_of(guest: LinuxGuest) -> Path:
    """The cgroup, as the machine sees it, of the slice in which holder and watchdog live."""
    home = next(each for each in CGROUPS if (each / "cgroup.procs").exists())
    # By our own number: a test that was killed may have left the cgroup of its guest behind.
    return home / f"diskguard-{os.getpid()}-{guest.facts.vm_name}" / "diskguard.slice"


__all__ = ["a_linux_guest", "needs_a_linux_guest", "only_freeze_test_here", "slice_of"]
