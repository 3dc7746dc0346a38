"""Copies that meet trouble: said, left to the next run, or made good; never put over."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.run.copy_kit import (
    COPY,
    DR,
    NO_WAIT,
    POLICY,
    copies_of,
    four_points_uncopied,
    results,
    some_minutes_pass,
    some_vms,
    state_in_dr,
)
from tests.run.invariants import check_every_sealed_point_is_whole, puts
from tests.support.estates import a_data_disk, a_vm, an_estate, snapshot_body
from tests.support.runs import Stage, a_stage

from diskguard.model.report import Result
from diskguard.model.restore_point import PointState
from diskguard.run.copy import MISSED_LOOKS
from diskguard_emulator.estate import NamedSpec
from diskguard_emulator.faults import (
    Effect,
    Fails,
    LosesAnswer,
    Malformed,
    OperationFails,
    Resets,
    Throttles,
)
from diskguard_emulator.resources import Snapshot
from diskguard_emulator.settings import Lag

# -- what fails ----------------------------------------------------------------------------------


async def test_a_copy_that_fails_underway_is_said_and_made_anew_by_the_next_run():
    async with some_vms() as stage:
        await stage.back_up(**NO_WAIT)
        broken = next(each for each in copies_of(stage) if each.name.endswith("-lun00"))
        assert broken.progress is not None
        broken.progress.fail("CopyFailed", "The copy broke.", stage.cloud.world.clock.now())

        report = await stage.copy()
        again = await stage.copy()

        assert report.exit_status == 3
        failed = next(copy for copy in report.copies if copy.failure is not None)
        assert "The copy broke." in (failed.failure.message if failed.failure else "")
        assert again.exit_status == 0
        assert results(again) == [Result.DONE]
        deleted = stage.cloud.api.log.of("DELETE", DR)
        assert [entry.path.rpartition("-")[2] for entry in deleted] == ["lun00"]
        assert state_in_dr((await stage.points())[0]) is PointState.COMPLETE


async def test_a_failed_copy_stops_its_own_disks_queue_only():
    async with some_vms() as stage:
        await four_points_uncopied(stage)
        stage.suffers(OperationFails(code="CopyBroken"), "PUT", DR + ".*-lun00$", nth=2)

        report = await stage.copy()

        by_disk = {
            disk: [copy.result for copy in report.copies if copy.disk == disk]
            for disk in ("db01-os", "db01-data0")
        }
        assert by_disk["db01-os"] == [Result.DONE] * 4
        assert by_disk["db01-data0"] == [Result.DONE, Result.FAILED, *[Result.UNFINISHED] * 2]
        assert report.exit_status == 3
        assert (await stage.copy()).exit_status == 0
        assert {state_in_dr(point) for point in await stage.points()} == {PointState.COMPLETE}


async def test_what_waits_behind_a_failed_copy_is_said():
    async with some_vms() as stage:
        await four_points_uncopied(stage)
        stage.suffers(OperationFails(code="CopyBroken"), "PUT", DR + ".*-lun00$", nth=2)

        report = await stage.copy()

        waiting = [copy for copy in report.copies if copy.result is Result.UNFINISHED]
        points = sorted(point.id for point in await stage.points())
        assert [copy.point for copy in waiting] == points[2:]
        assert {copy.disk for copy in waiting} == {"db01-data0"}
        assert {"behind a copy of its disk that failed" in (c.reason or "") for c in waiting} == {
            True
        }


START_TROUBLES: dict[str, tuple[Effect, int]] = {
    "throttled once": (Throttles(retry_after=15), 1),
    "throttled without a word": (Fails(status=429, code="TooManyRequests"), 1),
    "unheard": (Resets(), 1),
    "unheard twice": (Resets(), 2),
    "a lost answer": (LosesAnswer(), 1),
    "a cut answer": (Malformed(), 1),
    "500": (Fails(status=500), 1),
}


@pytest.mark.parametrize("trouble", START_TROUBLES)
async def test_a_start_that_meets_trouble_is_made_good_in_the_same_run(trouble):
    effect, times = START_TROUBLES[trouble]
    async with some_vms() as stage:
        stage.suffers(effect, *COPY, times=times)

        report = await stage.back_up()

        assert report.exit_status == 0, report
        assert results(report) == [Result.DONE] * 2
        await check_every_sealed_point_is_whole(stage)


async def test_a_start_that_is_never_heard_is_left_to_the_next_run():
    async with some_vms() as stage:
        stage.suffers(Resets(), "PUT", DR + ".*-os$", times=3)

        report = await stage.back_up()

        assert report.exit_status == 8
        assert sorted(results(report)) == [Result.DONE, Result.UNFINISHED]
        assert (await stage.copy()).exit_status == 0


async def test_a_source_that_is_gone_fails_its_copy_by_name():
    async with some_vms() as stage:
        await stage.back_up(plan_copies=None)
        look = await stage.look()
        source = next(s for s in stage.cloud.world.every(Snapshot) if s.name.endswith("-os"))
        stage.cloud.world.remove(source)

        async def before():
            return look

        report = await stage.copy(look_wide=before)

        failed = [copy for copy in report.copies if copy.failure is not None]
        assert [copy.disk for copy in failed] == ["db01-os"]
        assert report.exit_status == 3


async def _a_stranger_in_dr(stage: Stage, name: str) -> None:
    source = next(s for s in stage.cloud.world.every(Snapshot) if s.name == name)
    other = next(s for s in stage.cloud.world.every(Snapshot) if s is not source)
    async with stage.cloud.compute() as compute:
        body: Any = snapshot_body(other.id, "westus", option="CopyStart")
        poller = await compute.snapshots.begin_create_or_update("rg-diskguard-wus", name, body)
        await poller.result()
    await some_minutes_pass()
    stage.cloud.api.log.clear()


@pytest.mark.parametrize("seen", [True, False], ids=["seen beforehand", "met at the start"])
async def test_a_strangers_snapshot_under_the_copys_name_is_never_touched(seen):
    async with some_vms() as stage:
        await stage.back_up(plan_copies=None)
        look = await stage.look()
        name = next(s.name for s in stage.cloud.world.every(Snapshot) if s.name.endswith("-os"))
        await _a_stranger_in_dr(stage, name)
        if seen:
            look = await stage.look()

        async def before():
            return look

        report = await stage.copy(look_wide=before)

        assert report.exit_status in (1, 3)
        failures = [*report.failures, *(copy.failure for copy in report.copies if copy.failure)]
        assert {failure.code for failure in failures} == {"name-taken"}
        assert name not in puts(stage)
        assert stage.cloud.api.log.of("DELETE") == []


async def test_a_list_that_fails_once_is_no_news():
    async with some_vms() as stage:
        await stage.back_up(**NO_WAIT)
        stage.suffers(
            Fails(status=500), "GET", DR + "providers/Microsoft.Compute/snapshots$", nth=2, times=5
        )

        report = await stage.copy()

        assert report.exit_status == 0
        assert results(report) == [Result.DONE] * 2


async def test_a_copy_that_lists_show_late_is_waited_for():
    async with some_vms() as stage:
        stage.cloud.world.settings.lag = Lag(lists=timedelta(seconds=20))

        report = await stage.back_up()

        assert report.exit_status == 0, report
        assert results(report) == [Result.DONE] * 2


async def test_what_lists_do_not_show_within_a_minute_is_unfinished_and_copied_by_the_next_run():
    async with some_vms() as stage:
        stage.cloud.world.settings.lag = Lag(lists=timedelta(minutes=3))

        report = await stage.back_up()
        await some_minutes_pass()
        stage.cloud.world.settings.lag = Lag()

        assert report.exit_status == 8
        assert "do not show" in report.failures[0].message
        assert copies_of(stage) == []
        assert results(await stage.copy()) == [Result.DONE] * 2


async def test_a_copy_that_is_gone_for_good_is_said():
    async with some_vms() as stage:
        thief = asyncio.ensure_future(_take_a_copy_away(stage))

        report = await stage.back_up()
        await thief

        gone = [copy.failure for copy in report.copies if copy.failure is not None]
        assert [failure.code for failure in gone] == ["resource-missing"]
        assert MISSED_LOOKS == 3
        assert (await stage.copy()).exit_status == 0


async def _take_a_copy_away(stage: Stage) -> None:
    for _ in range(1000):
        made = copies_of(stage)
        if made and all(each.provisioning == "Succeeded" for each in made):
            stage.cloud.world.copies.remove(made[0])
            stage.cloud.world.remove(made[0])
            return
        await asyncio.sleep(1)


async def test_two_machines_that_copy_at_once_make_each_copy_once():
    async with some_vms() as stage:
        await four_points_uncopied(stage)
        stage.cloud.api.log.clear()
        other = stage.on_another_machine()

        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(stage.copy())
            await asyncio.sleep(7)
            second = tasks.create_task(other.copy())

        assert first.result().exit_status in (0, 3)
        assert second.result().exit_status in (0, 3)
        last = await stage.copy()
        assert last.exit_status == 0
        assert {state_in_dr(point) for point in await stage.points()} == {PointState.COMPLETE}


async def test_a_region_without_a_pair_is_a_failure_with_a_way_out_and_the_point_is_made():
    alone = an_estate(a_vm("db01", 1, guest="virtual"), pairs={"eastus": ()})
    async with a_stage(alone, POLICY.replace("LIMITS", "")) as stage:
        report = await stage.back_up()

        assert [vm.result for vm in report.vms] == [Result.DONE]
        assert report.exit_status == 3
        assert "pair" in report.failures[0].message
        assert "region" in (report.failures[0].hint or "")
        assert copies_of(stage) == []


async def test_a_customer_key_without_a_set_in_the_other_region_fails_before_copying():
    estate = an_estate(
        a_vm("db01", disks=(a_data_disk(0, encryption_set="des1"),), guest="virtual"),
        encryption_sets=(NamedSpec(name="des1"),),
    )
    async with a_stage(estate, POLICY.replace("LIMITS", "")) as stage:
        report = await stage.back_up()

        assert [vm.result for vm in report.vms] == [Result.DONE]
        assert report.exit_status == 3
        assert "encryption" in report.failures[0].message
        assert copies_of(stage) == []


# -- disasters -----------------------------------------------------------------------------------


async def test_the_dr_location_is_complete_on_its_own_when_the_primary_region_is_dead():
    async with some_vms() as stage:
        await stage.back_up()
        stage.cloud.world.settings.lists_fail_in_dead_regions = False
        stage.cloud.world.kill_region("eastus")

        points = await stage.points()

        [point] = points
        assert point.state is PointState.COMPLETE
        assert state_in_dr(point) is PointState.COMPLETE
        assert point.seal is not None


async def test_copies_that_stand_still_are_unfinished_and_go_on_when_the_region_is_back():
    async with some_vms() as stage:
        await stage.back_up(**NO_WAIT)
        stage.cloud.world.kill_region("westus")

        report = await stage.copy(time_limit=timedelta(minutes=10))

        stage.cloud.world.revive_region("westus")
        again = await stage.copy()
        assert report.exit_status != 0
        assert again.exit_status == 0
        assert results(again) == [Result.DONE] * 2


# -- Premium SSD v2 ------------------------------------------------------------------------------


async def test_what_is_copied_in_the_background_first_goes_to_the_other_region_by_a_later_run():
    fast = a_vm("db01", disks=(a_data_disk(0, sku="PremiumV2_LRS"),), guest="virtual")
    async with some_vms(fast) as stage:
        first = await stage.back_up()
        early = len(copies_of(stage))
        await some_minutes_pass()

        second = await stage.copy()

        assert first.exit_status == 0
        assert early == 0
        assert results(second) == [Result.DONE] * 2
        assert {part.state for part in (await stage.points())[0].parts} == {PointState.COMPLETE}
