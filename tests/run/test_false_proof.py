"""Whatever a guest goes through, a point is never called more than was proven."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.support.estates import a_vm, an_estate
from tests.support.runs import a_stage

from diskguard.model.restore_point import Grade, PointState
from diskguard_emulator.guests.virtual import Happening, Incident, VirtualGuest
from diskguard_emulator.resources import Vm

ONCE = timedelta(seconds=2)  # after the first mount froze: in the middle of the window


def befalls(what: Happening, amount: float = 0, *, host_clock: bool = False) -> dict[str, Any]:
    """Trouble that strikes in every window."""
    incident = Incident(what=what, after=ONCE, amount=timedelta(seconds=amount))
    return {"incidents": (incident,), "host_clock": host_clock}


TROUBLES: dict[str, dict[str, Any]] = {
    "the host pauses it, and its clock is put right": befalls(Happening.PAUSED, 5),
    "the host pauses it for long, unnoticed": befalls(Happening.PAUSED_UNNOTICED, 30),
    "its clock is stepped": befalls(Happening.CLOCK_STEPPED, 3),
    "its clock is stepped back a little": befalls(Happening.CLOCK_STEPPED, -3),
    "its clock is stepped back past the freeze": befalls(Happening.CLOCK_STEPPED, -30),
    "a stranger thaws a mount": befalls(Happening.STRANGER_THAWS, host_clock=True),
    "the holder is killed": befalls(Happening.HOLDER_KILLED, host_clock=True),
    "the whole protocol is killed": befalls(Happening.BOTH_KILLED, host_clock=True),
    "it reboots": befalls(Happening.REBOOTED, host_clock=True),
    "its report is lost": {"report_lost": True},
    "a raw device is written past the freeze": {"raw_writes": (0,)},
    "its clock is not synchronised": {"unsynchronised": True, "host_clock": False},
    "its clock is an hour off and it does not know": {
        "host_clock": False,
        "clock_offset": timedelta(hours=1),
    },
    "its clock is ahead and it does not know": {
        "host_clock": False,
        "clock_offset": timedelta(seconds=40),
    },
    "its clock is behind and it does not know": {
        "host_clock": False,
        "clock_offset": -timedelta(seconds=40),
    },
    "it freezes too slowly": {"freeze_takes": timedelta(seconds=20)},
    "a mount cannot be frozen": {"freeze_fails": ("/data0",)},
    "a freeze hangs": {"freeze_hangs": ("/data0",)},
    "somebody else freezes a mount": {"frozen_by_others": ("/data0",)},
    "Azure Backup is freezing": {"azure_backup": "busy"},
    "another run holds the lock for good": {"lock_taken": True},
    "it has no systemd": {"no_systemd": True},
}


# What the user is told in each case.
WHY: dict[str, str] = {
    "the host pauses it, and its clock is put right": "stepped, or its host paused",
    "the host pauses it for long, unnoticed": "disagrees with Azure's",
    "its clock is stepped": "stepped, or its host paused",
    "its clock is stepped back a little": "stepped, or its host paused",
    "its clock is stepped back past the freeze": "disagrees with Azure's",
    "a stranger thaws a mount": "the freeze was stolen: somebody else thawed /",
    "the holder is killed": "report of the freeze is missing",
    "the whole protocol is killed": "report of the freeze is missing",
    "it reboots": "report of the freeze is missing",
    "its report is lost": "report of the freeze is missing",
    "a raw device is written past the freeze": "db01-data0: it was written to",
    "its clock is not synchronised": "clock is not synchronised",
    "its clock is an hour off and it does not know": "disagrees with Azure's",
    "its clock is ahead and it does not know": "disagrees with Azure's",
    "its clock is behind and it does not know": "disagrees with Azure's",
    "it freezes too slowly": "the freeze failed: /data0: FIFREEZE hangs",
    "a mount cannot be frozen": "the freeze failed: /data0: FIFREEZE: Input/output error",
    "a freeze hangs": "the freeze failed: /data0: FIFREEZE hangs",
    "somebody else freezes a mount": "the freeze failed: /data0: somebody else has frozen it",
    "Azure Backup is freezing": "Azure Backup is freezing this machine",
    "another run holds the lock for good": "is at work",
    "it has no systemd": "no systemd here",
}


@pytest.mark.parametrize(("trouble", "why"), WHY.items(), ids=WHY)
async def test_a_troubled_guest_never_gives_a_filesystem_point(trouble, why):
    estate = an_estate(a_vm("db01", 2, guest="virtual"))
    async with a_stage(estate) as stage:
        guest = next(vm.guest for vm in stage.cloud.world.every(Vm))
        assert isinstance(guest, VirtualGuest)
        guest.have(**TROUBLES[trouble])

        report = await stage.back_up(plan_copies=None)

        [outcome] = report.vms
        assert outcome.failure is None
        assert outcome.consistency is not None
        assert outcome.consistency.achieved is Grade.CRASH
        assert why in (outcome.consistency.reason or "")
        assert guest.longest_freeze <= timedelta(seconds=11)
        await asyncio.sleep(60)  # a paused guest's own time stood still too
        assert not guest.is_frozen
        [point] = await stage.points()
        assert point.state is PointState.COMPLETE
        assert point.seal is not None
        assert point.seal.consistency == outcome.consistency


def test_every_trouble_has_its_words():
    assert WHY.keys() == TROUBLES.keys()


async def test_a_healthy_guest_gives_one():
    async with a_stage(an_estate(a_vm("db01", 2, guest="virtual"))) as stage:
        report = await stage.back_up(plan_copies=None)

        [outcome] = report.vms
        assert outcome.consistency is not None
        assert outcome.consistency.achieved is Grade.FILESYSTEM
