"""Two machines run at once: no guest is frozen twice at a time, one slot is never made twice."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from tests.run.invariants import (
    check_every_sealed_point_is_whole,
    check_no_name_was_put_blindly,
    check_nothing_stands_still,
    primaries,
)
from tests.support.estates import a_vm, an_estate
from tests.support.runs import EPOCH, Stage, a_stage

from diskguard.model.report import Result, RunReport
from diskguard.model.restore_point import Grade, PointState
from diskguard.plan.backup import plan_backup
from diskguard.plan.points import ATTEMPT_LIFETIME

POLICY = """
version: 1
name: test-policy
azure: {{subscriptions: ["{subscription}"]}}
locations: {{primary: {{resource_group: rg-diskguard-eus}}}}
consistency: {{linux: MODE}}
rules: [{{name: all, select: {{include: [{{names: ["*"]}}]}}}}]
"""
MODES = ["fsfreeze", "crash"]
# Azure has no "put if absent" for snapshots. What nobody freezes has no lock either: two machines
# that look within a request's time of one another both put, and learn from the nonce who won.
IN_FLIGHT = 0.1
LAGS = [0, 0.02, 0.1, 0.5, 1, 3, 10, 18, 22, 30, 34, 35, 36, 40, 50, 60]


def one_vm(mode: str = "fsfreeze"):
    return a_stage(an_estate(a_vm("db01", 2, guest="virtual")), POLICY.replace("MODE", mode))


async def both(
    stage: Stage, *, lag: float, slots: tuple[datetime, datetime], wrong_by: timedelta = timedelta()
) -> list[RunReport]:
    """One machine begins, and `lag` seconds later another, whose clock may be wrong."""
    other = stage.on_another_machine(wrong_by=wrong_by)

    async def begin(machine: Stage, wait: float, slot: datetime) -> RunReport:
        await asyncio.sleep(wait)
        plan: Any = lambda estate: plan_backup(machine.policy, estate, now=slot)  # noqa: E731 - an errand's step
        return await machine.back_up(plan_backup=plan)

    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(begin(stage, 0, slots[0]))
        second = tasks.create_task(begin(other, lag, slots[1]))
    return [first.result(), second.result()]


def check_frozen_one_at_a_time(stage: Stage) -> None:
    by_mount: dict[str, list[Any]] = {}
    for each in sorted(stage.guest().history, key=lambda one: one.since):
        by_mount.setdefault(each.mount, []).append(each)
    for standstills in by_mount.values():
        assert all(one.until <= other.since for one, other in pairwise(standstills))
    attempts = sorted({(each.since, each.until) for each in by_mount.get("/", [])})
    assert all(one[1] <= other[0] for one, other in pairwise(attempts))


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize("mode", MODES)
async def test_one_slot_is_never_made_twice(mode, lag):
    async with one_vm(mode) as stage:
        await both(stage, lag=lag, slots=(EPOCH, EPOCH))

        check_frozen_one_at_a_time(stage)
        if mode == "fsfreeze" or lag >= IN_FLIGHT:
            check_no_name_was_put_blindly(stage)
        await check_nothing_stands_still(stage)
        await check_every_sealed_point_is_whole(stage)
        points = await stage.points()
        assert len(points) <= 1

        await asyncio.sleep(ATTEMPT_LIFETIME.total_seconds() + 60)
        await both(stage, lag=5, slots=(EPOCH, EPOCH))
        [point] = await stage.points()
        assert point.state is PointState.COMPLETE
        await check_every_sealed_point_is_whole(stage)


@pytest.mark.parametrize("lag", LAGS)
async def test_two_slots_at_once_make_two_points_and_never_a_double_freeze(lag):
    async with one_vm() as stage:
        reports = await both(stage, lag=lag, slots=(EPOCH, EPOCH + timedelta(seconds=1)))

        check_frozen_one_at_a_time(stage)
        check_no_name_was_put_blindly(stage)
        await check_nothing_stands_still(stage)
        await check_every_sealed_point_is_whole(stage)
        assert [report.exit_status for report in reports] == [0, 0]
        grades = {point.seal.consistency.achieved for point in await stage.points() if point.seal}
        assert len(await stage.points()) == 2
        assert Grade.FILESYSTEM in grades


@pytest.mark.parametrize("minutes", [-30, 30])
@pytest.mark.parametrize("lag", [1, 22, 36, 40, 50])
async def test_a_machine_with_a_wrong_clock_leaves_a_living_runs_snapshots_alone(lag, minutes):
    async with one_vm() as stage:
        wrong_by = timedelta(minutes=minutes)

        first, _ = await both(stage, lag=lag, slots=(EPOCH, EPOCH), wrong_by=wrong_by)

        check_frozen_one_at_a_time(stage)
        await check_every_sealed_point_is_whole(stage)
        [point] = await stage.points()
        assert point.seal is not None
        assert point.seal.consistency.achieved is Grade.FILESYSTEM
        assert first.exit_status == 0
        assert stage.cloud.api.log.of("DELETE") == []


async def test_a_slot_made_by_another_machine_is_not_counted_as_done_here():
    async with one_vm() as stage:
        first, second = await both(stage, lag=1, slots=(EPOCH, EPOCH))

        results = [vm.result for report in (first, second) for vm in report.vms]
        assert results.count(Result.DONE) <= 1
        assert max(primaries(stage).values()) <= 2
