"""Guests with names, and what diskguard says to them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from diskguard.guest.dialogue import (
    parse_armed,
    parse_report,
    parse_thawed,
    render_arm,
    render_collect,
    render_thaw,
)
from diskguard.model.guest import Armed, FreezeRequest, GuestDisk, GuestReport, ThawReport
from diskguard_emulator.clock import LoopOrEpochClock
from diskguard_emulator.guests import port
from diskguard_emulator.guests.virtual import VirtualGuest, make_guest

GIB: Final = 2**30
SENTINEL: Final = "4d1f" * 8
SIZES: Final[Mapping[int | None, int]] = {None: 32 * GIB, 0: 64 * GIB, 1: 64 * GIB}
A_FREEZE: Final = FreezeRequest(
    attempt="a1b2c3",
    disks=tuple(
        GuestDisk(name=f"db01-{lun}", lun=lun, size_bytes=size) for lun, size in SIZES.items()
    ),
    lead=timedelta(seconds=6),
    limit=timedelta(seconds=10),
    hold=timedelta(seconds=3),
)


def the_facts(**options: Any) -> port.GuestFacts:
    """A VM with an OS disk and two data disks; `options` is what its estate says of the guest."""
    return port.GuestFacts(
        vm_id="/subscriptions/s/resourceGroups/app/providers/Microsoft.Compute/virtualMachines/db01",
        vm_name="db01",
        os_type="Linux",
        disks=tuple(
            port.GuestDisk(name=f"db01-{lun}", lun=lun, size_bytes=size)
            for lun, size in SIZES.items()
        ),
        running=options.pop("running", True),
        options=options,
    )


def a_virtual_guest(**options: Any) -> VirtualGuest:
    """A guest in virtual time."""
    return make_guest(the_facts(**options), LoopOrEpochClock(), Path("nowhere"))


async def arm(guest: port.Guest, request: FreezeRequest = A_FREEZE, **changes: Any) -> Armed:
    """The guest's promise. Raises GuestRefused."""
    wish = replace(request, **changes)
    output = await say(guest, render_arm(wish, sentinel=SENTINEL))
    return parse_armed(output, sentinel=SENTINEL, request=wish)


async def collect(guest: port.Guest, attempt: str = A_FREEZE.attempt) -> GuestReport:
    """What became of an attempt. Raises GuestReportMissing, GuestRefused."""
    output = await say(guest, render_collect(attempt, sentinel=SENTINEL))
    return parse_report(output, sentinel=SENTINEL, attempt=attempt)


async def thaw(guest: port.Guest) -> ThawReport:
    """The emergency."""
    output = await say(guest, render_thaw(sentinel=SENTINEL))
    return parse_thawed(output, sentinel=SENTINEL)


async def say(guest: port.Guest, lines: tuple[str, ...]) -> str:
    """What a script prints; it prints no error."""
    outcome = await guest.run_script("\n".join(lines))
    assert outcome.stderr == b""
    return outcome.stdout.decode()
