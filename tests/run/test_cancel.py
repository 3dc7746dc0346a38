"""SIGINT and SIGTERM end a run cleanly, at whatever instant; so does its time limit."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.run.invariants import (
    LIMIT,
    check_every_sealed_point_is_whole,
    check_no_name_was_put_blindly,
    check_nothing_stands_still,
)
from tests.support.depth import sampled
from tests.support.estates import a_vm, an_estate
from tests.support.policies import TWO_REGIONS
from tests.support.runs import Stage, a_stage
from tests.support.two_vms import the_attempt_is_over

from diskguard.model.report import Result
from diskguard.model.restore_point import PointState
from diskguard.run.line import Run
from diskguard_emulator.faults import OperationStalls

POLICY = (
    TWO_REGIONS
    + """limits: {{run_timeout: 2h}}
rules:
  - name: stopped
    select: {{include: [{{names: ["files01"]}}]}}
    consistency: {{linux: offline}}
  - {{name: frozen, select: {{include: [{{names: ["*"]}}]}}}}
"""
)


def two_vms(text: str = POLICY):
    vms = (a_vm("db01", 1, guest="virtual"), a_vm("files01", 1, guest="virtual"))
    return a_stage(an_estate(*vms), text)


async def nothing_is_half_sealed(stage: Stage) -> None:
    await check_nothing_stands_still(stage)
    await check_every_sealed_point_is_whole(stage)
    check_no_name_was_put_blindly(stage)


# In the first minute (look, arming, window, collecting, stop, start) closely; then the copies.
INSTANTS = [*(each * 1.7 for each in range(44)), 90, 180, 400, 700]


@pytest.mark.parametrize("second", sampled(INSTANTS, every=3))
async def test_a_cancelled_run_ends_cleanly_and_the_next_one_completes(second):
    async with two_vms() as stage:
        report = await stage.back_up_cancelled(timedelta(seconds=second))

        assert report.ended_at <= report.started_at + timedelta(seconds=second) + timedelta(
            minutes=2
        )
        assert all(vm.failure is None for vm in report.vms)
        await nothing_is_half_sealed(stage)

        await the_attempt_is_over()
        again = await stage.back_up()

        assert again.exit_status == 0, again
        newest = {point.source_name: point.state for point in reversed(await stage.points())}
        assert newest == {"db01": PointState.COMPLETE, "files01": PointState.COMPLETE}
        assert PointState.INCOMPLETE not in {point.state for point in await stage.points()}
        await nothing_is_half_sealed(stage)


async def test_a_window_that_is_open_is_waited_out():
    async with two_vms() as stage:
        opened = asyncio.ensure_future(_when_frozen(stage))

        async with stage.ports() as ports:
            run = asyncio.ensure_future(Run(stage.errand(ports), ports).to_its_end())
            await opened
            run.cancel()
            report = await run

        assert not stage.guest().is_frozen
        assert stage.guest().longest_freeze <= LIMIT
        assert {vm.result for vm in report.vms} == {Result.UNFINISHED}


async def _when_frozen(stage: Stage) -> None:
    for _ in range(10_000):
        if stage.guest().is_frozen:
            return
        await asyncio.sleep(0.05)


async def test_what_was_done_before_the_cancel_is_reported_as_done():
    async with two_vms() as stage:
        report = await stage.back_up_cancelled(timedelta(seconds=150))

        assert {vm.result for vm in report.vms} == {Result.DONE}
        assert {copy.result for copy in report.copies} == {Result.UNFINISHED}
        assert report.exit_status == 8


@pytest.mark.parametrize(("signal", "status"), [(2, 130), (15, 143)])
async def test_a_signal_is_the_exit_code_whatever_was_done(signal, status):
    async with two_vms() as stage:
        report = await stage.back_up_cancelled(timedelta(seconds=150))

        assert replace(report, interrupted_by=signal).exit_status == status


async def test_a_run_that_exceeds_its_time_limit_ends_cleanly_with_8():
    async with two_vms() as stage:
        stage.suffers(OperationStalls(by=timedelta(hours=3)), "PUT", "db01.*-lun00$", times=9)

        report = await stage.back_up(time_limit=timedelta(minutes=3))

        assert report.exit_status == 8
        assert "run_timeout" in report.failures[0].message
        assert report.ended_at - report.started_at < timedelta(minutes=4)
        results = {vm.source: vm.result for vm in report.vms}
        assert results == {"db01": Result.UNFINISHED, "files01": Result.DONE}
        await nothing_is_half_sealed(stage)


@pytest.mark.parametrize("seconds", [1, 14, 25, 36, 40, 45, 70])
async def test_a_time_limit_in_any_phase_stops_nothing_for_good(seconds):
    async with two_vms() as stage:
        report = await stage.back_up(time_limit=timedelta(seconds=seconds))

        assert report.exit_status == 8
        await nothing_is_half_sealed(stage)
