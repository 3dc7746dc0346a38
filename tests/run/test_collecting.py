"""The holder's report: read afterwards, and what a point is called without it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.run.freeze_kit import SCRIPT, one_vm, reached
from tests.run.invariants import (
    check_no_name_was_put_blindly,
    check_nothing_stands_still,
    primaries,
    the_point,
)
from tests.support.runs import Stage

from diskguard.errors import GuestRefused
from diskguard.model.guest import Armed, FreezeRequest, GuestReport, ThawReport
from diskguard.model.ids import ResourceId
from diskguard.model.report import Result
from diskguard.model.restore_point import Grade, PointState
from diskguard.ports import Guest
from diskguard.run.line import Run
from diskguard_emulator.faults import (
    Delays,
    Effect,
    LosesAnswer,
    Resets,
)
from diskguard_emulator.guests.virtual import Happening, Incident


class Hasty:
    """A guest whose first report is asked for too early: the real one waits ten seconds itself."""

    def __init__(self, real: Guest) -> None:
        self.real, self.asked = real, 0

    async def arm(self, vm: ResourceId, request: FreezeRequest) -> Armed:
        return await self.real.arm(vm, request)

    async def collect(self, vm: ResourceId, attempt: str) -> GuestReport:
        self.asked += 1
        if self.asked <= 2:
            raise GuestRefused("the holder is still at work", reason="not-finished")
        return await self.real.collect(vm, attempt)

    async def thaw(self, vm: ResourceId) -> ThawReport:
        return await self.real.thaw(vm)


async def test_a_report_that_is_not_written_yet_is_asked_for_again():
    async with one_vm() as stage, stage.ports() as ports:
        hasty = Hasty(ports.guest)
        early = replace(ports, guest=hasty)

        report = await Run(stage.errand(early), early).to_its_end()

        assert reached(report).achieved is Grade.FILESYSTEM
        assert hasty.asked == 3


COLLECT_LOST: dict[str, Effect] = {
    "lost": LosesAnswer(),
    "never heard": Resets(),
    "late by five minutes": Delays(by=timedelta(minutes=5)),
}


@pytest.mark.parametrize("trouble", COLLECT_LOST)
async def test_a_report_that_is_lost_once_is_made_good_by_the_second_attempt(trouble):
    async with one_vm() as stage:
        stage.suffers(COLLECT_LOST[trouble], *SCRIPT, nth=2)

        report = await stage.back_up()

        assert reached(report).achieved is Grade.FILESYSTEM
        assert (await the_point(stage)).state is PointState.COMPLETE
        check_no_name_was_put_blindly(stage)


async def test_a_report_that_can_never_be_had_leaves_a_point_without_proof():
    async with one_vm() as stage:
        stage.guest().have(report_lost=True)

        report = await stage.back_up()

        assert reached(report).achieved is Grade.CRASH
        assert set(primaries(stage).values()) == {2}


async def test_a_vm_that_somebody_stops_before_its_report_is_read_leaves_a_point_without_proof():
    async with one_vm() as stage:
        stopper = asyncio.ensure_future(_stop_once_thawed(stage))

        report = await stage.back_up()
        await stopper

        assert reached(report).achieved is Grade.CRASH
        assert stage.guest().verbs == ["arm"]


async def _stop_once_thawed(stage: Stage) -> None:
    for _ in range(2000):
        if stage.guest().history:
            break
        await asyncio.sleep(0.05)
    stage.vm().power = "stopped"


async def test_a_guest_that_reboots_in_its_window_is_frozen_no_longer_and_tried_again():
    async with one_vm() as stage:
        incident = Incident(what=Happening.REBOOTED, window=1, after=timedelta(seconds=1))
        stage.guest().have(incidents=(incident,))

        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.result is Result.DONE
        await check_nothing_stands_still(stage)


async def test_a_healthy_point_is_sealed_with_its_proof():
    async with one_vm() as stage:
        await stage.back_up()

        seal = (await the_point(stage)).seal
        assert seal is not None
        assert seal.consistency.achieved is Grade.FILESYSTEM
        assert seal.consistency.frozen_at is not None
        assert seal.consistency.frozen_at < seal.taken_at
        assert seal.consistency.thawed_at is not None
        assert seal.taken_at < seal.consistency.thawed_at < seal.sealed_at
        assert seal.learned.lead is not None
        assert seal.learned.hold is not None
