"""Copies to the other region: started in order, followed to their end, gone on with by any machine."""

import asyncio
from dataclasses import replace

import pytest
from tests.run.copy_kit import (
    DR,
    NO_WAIT,
    copies_of,
    four_points_uncopied,
    results,
    some_vms,
    state_in_dr,
)
from tests.run.invariants import puts
from tests.support.estates import a_vm
from tests.support.runs import Stage

from diskguard.model.estate import Estate
from diskguard.model.events import CopyProgressed
from diskguard.model.report import Result
from diskguard.model.restore_point import Location, PointState
from diskguard.plan.copies import plan_copies
from diskguard.plan.copies_plan import CopyPlan
from diskguard_emulator.faults import (
    Fails,
)
from diskguard_emulator.resources import Snapshot
from diskguard_emulator.settings import Latencies, exactly

# -- the straight way ----------------------------------------------------------------------------


async def test_a_backup_waits_until_its_copies_are_readable_in_the_other_region():
    async with some_vms() as stage:
        report = await stage.back_up()

        [point] = await stage.points()
        assert report.exit_status == 0
        assert results(report) == [Result.DONE, Result.DONE]
        assert {part.state for part in point.parts} == {PointState.COMPLETE}
        assert {each.location for each in copies_of(stage)} == {"westus"}


async def test_copies_carry_the_whole_seal_and_the_sources_point_in_time():
    async with some_vms() as stage:
        await stage.back_up()

        assembly = await stage.assembly()
        [point] = assembly.points
        first = assembly.members(point.id, Location.PRIMARY)
        copies = assembly.members(point.id, Location.DR)
        assert [copy.seal for copy in copies] == [point.seal] * 2
        assert [copy.taken_at for copy in copies] == [member.taken_at for member in first]
        assert {copy.nonce for copy in copies} == {first[0].nonce}


async def test_a_point_is_sealed_before_its_copies_start():
    async with some_vms() as stage:
        await stage.back_up()

        log = stage.cloud.api.log
        seal = log.of("PATCH", "/tags/")[-1]
        assert min(entry.number for entry in log.of("PUT", DR)) > seal.number


async def test_copies_are_followed_by_lists_and_not_one_by_one():
    async with some_vms(a_vm("db01", 7, guest="virtual")) as stage:
        await stage.back_up()

        looks = stage.cloud.api.log.of("GET", DR + "providers/Microsoft.Compute/snapshots/")
        assert len(looks) == 8  # one each, whether the name is free
        assert len(stage.cloud.api.log.of("GET", DR + "providers/Microsoft.Compute/snapshots")) < 45


async def test_progress_is_told_and_never_falls():
    async with some_vms() as stage:
        await stage.back_up()

        told = [e for e in stage.ear.of(CopyProgressed) if e.disk == "db01-os"]
        percents = [event.percent for event in told if event.percent is not None]
        assert [told[0].state, told[-1].state] == ["started", "complete"]
        assert percents == sorted(percents)
        assert len(percents) > 2


async def test_a_run_without_copies_starts_none():
    async with some_vms() as stage:
        report = await stage.back_up(plan_copies=None)

        assert report.copies == ()
        assert copies_of(stage) == []


async def test_enhanced_speed_is_asked_for_where_the_policy_says_so():
    async with some_vms(limits="copy: {{speed: enhanced}}") as stage:
        await stage.back_up()

        speeds = {
            each.properties["creationData"].get("provisionedBandwidthCopySpeed")
            for each in copies_of(stage)
        }
        assert speeds == {"Enhanced"}


async def test_the_policys_own_tags_are_on_everything_it_makes():
    async with some_vms(limits="tags: {{owner: platform-team}}") as stage:
        await stage.back_up()

        made = list(stage.cloud.world.every(Snapshot))
        assert len(made) == 4
        assert {(each.tags or {}).get("owner") for each in made} == {"platform-team"}


# -- order and limits ----------------------------------------------------------------------------


async def test_the_copies_of_a_disk_go_in_creation_order_and_one_at_a_time():
    async with some_vms() as stage:
        await four_points_uncopied(stage)

        report = await stage.copy()

        assert results(report) == [Result.DONE] * 8
        assert [e.code for e in stage.cloud.api.log if e.status >= 400 and e.method == "PUT"] == []
        for end in ("-os", "-lun00"):
            names = [
                entry.path
                for entry in stage.cloud.api.log.of("PUT", DR)
                if entry.path.endswith(end)
            ]
            assert names == sorted(names)
            assert len(names) == 4
        steps = [
            (event.state, event.point)
            for event in stage.ear.of(CopyProgressed)
            if event.disk == "db01-os" and event.state in ("started", "complete")
        ]
        assert [state for state, _ in steps] == ["started", "complete"] * 4


@pytest.mark.parametrize("most", [1, 3])
async def test_never_more_copies_at_once_than_the_policy_allows(most):
    vms = [a_vm(f"vm{number}", 1, guest="virtual") for number in range(4)]
    async with some_vms(*vms, limits=f"limits: {{{{parallel_copies: {most}}}}}") as stage:
        report = await stage.back_up()

        assert results(report) == [Result.DONE] * 8
        running = highest = 0
        for event in stage.ear.of(CopyProgressed):
            running += {"started": 1, "complete": -1}.get(event.state, 0)
            highest = max(highest, running)
        assert highest == most


async def test_never_more_than_a_hundred_copies_at_once():
    vms = [a_vm(f"vm{number:03}", 3, guest="virtual") for number in range(27)]
    async with some_vms(*vms) as stage:
        stage.cloud.world.settings.latencies = Latencies(copy=exactly(60))

        report = await stage.back_up()

        assert results(report) == [Result.DONE] * 108
        assert [e.code for e in stage.cloud.api.log.of("PUT", DR) if e.status >= 400] == []


async def test_copies_that_another_run_started_count_too():
    vms = [a_vm(f"vm{number}", 1, guest="virtual") for number in range(4)]
    async with some_vms(*vms, limits="limits: {{parallel_copies: 1}}") as stage:
        await stage.back_up(plan_copies=None)
        last = stage.on_another_machine()
        await last.copy(**NO_WAIT, plan_copies=lambda estate: _last_disk_only(stage, estate))

        report = await stage.copy()

        assert results(report) == [Result.DONE] * 8
        assert most_at_once(stage) == 1


def _last_disk_only(stage: Stage, estate: Estate) -> CopyPlan:
    plan = plan_copies(stage.policy, estate, now=estate.observed_at)
    return replace(plan, queues=plan.queues[-1:])


def most_at_once(stage: Stage) -> int:
    """Of all snapshots in the other region, how many were under way at one instant."""
    runs = [copy.progress for copy in copies_of(stage) if copy.progress is not None]
    starts = [progress.began for progress in runs]
    return max(sum(each.began <= at and each.running(at) for each in runs) for at in starts)


async def test_the_backlog_skips_the_oldest_unstarted_and_records_it():
    backlog = "copy: {{backlog: {{max_pending: 2, when_full: skip_oldest_unstarted}}}}"
    async with some_vms(limits=backlog) as stage:
        await four_points_uncopied(stage)

        report = await stage.copy()

        skipped = [copy.point for copy in report.copies if copy.result is Result.SKIPPED]
        oldest = sorted(point.id for point in await stage.points())[:2]
        assert sorted(skipped) == oldest
        tagged = [
            s.name
            for s in stage.cloud.world.every(Snapshot)
            if "diskguard-copy-skipped" in (s.tags or {})
        ]
        assert sorted(tagged) == [f"{point}-os" for point in oldest]
        assert report.exit_status == 0
        assert (await stage.copy()).copies == ()


async def test_a_skip_that_cannot_be_recorded_is_said_and_the_copies_go_on():
    backlog = "copy: {{backlog: {{max_pending: 2, when_full: skip_oldest_unstarted}}}}"
    async with some_vms(limits=backlog) as stage:
        await four_points_uncopied(stage)
        stage.suffers(Fails(status=409, code="ScopeLocked"), "PATCH", "/tags/")

        report = await stage.copy()

        assert results(report).count(Result.FAILED) == 1
        assert results(report).count(Result.SKIPPED) == 1
        assert results(report).count(Result.DONE) == 4
        assert report.exit_status == 3


# -- --no-wait and going on ----------------------------------------------------------------------


async def test_without_waiting_the_run_ends_when_the_copies_are_started():
    async with some_vms() as stage:
        report = await stage.back_up(**NO_WAIT)

        assert results(report) == [Result.STARTED] * 2
        assert report.exit_status == 0
        assert {each.ready(stage.cloud.world.clock.now()) for each in copies_of(stage)} == {False}


async def test_copy_goes_on_from_any_machine_and_follows_what_is_under_way():
    async with some_vms() as stage:
        await stage.back_up(**NO_WAIT)
        await asyncio.sleep(60)
        stage.cloud.api.log.clear()

        report = await stage.on_another_machine().copy()

        assert results(report) == [Result.DONE] * 2
        assert puts(stage) == {}
        assert state_in_dr((await stage.points())[0]) is PointState.COMPLETE


async def test_without_waiting_what_finds_no_free_place_is_said_to():
    async with some_vms(limits="limits: {{parallel_copies: 1}}") as stage:
        report = await stage.back_up(**NO_WAIT)

        assert sorted((copy.result, copy.reason) for copy in report.copies) == [
            (Result.SKIPPED, "waits until fewer copies are under way"),
            (Result.STARTED, None),
        ]


async def test_without_waiting_what_must_wait_its_turn_is_said_to():
    async with some_vms() as stage:
        await four_points_uncopied(stage)

        report = await stage.copy(**NO_WAIT)

        assert results(report).count(Result.STARTED) == 2
        assert results(report).count(Result.SKIPPED) == 6
        waiting = {copy.reason for copy in report.copies if copy.result is Result.SKIPPED}
        assert waiting == {"waits for the copy before it"}


async def test_copy_with_nothing_outstanding_writes_nothing():
    async with some_vms() as stage:
        await stage.back_up()
        stage.cloud.api.log.clear()

        report = await stage.copy()

        assert report.exit_status == 0
        assert report.copies == ()
        assert stage.cloud.api.log.writes() == []
