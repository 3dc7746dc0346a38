"""`diskguard prune` from its look to its last deletion, against the emulated cloud."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.run.prune_kit import DAY, ONE, days_of_points, errand, left, prune
from tests.support.estates import a_vm
from tests.support.policies import CRASH, EVERY_VM, ONE_REGION
from tests.support.runs import LoopClock

from diskguard.errors import CloudRefused, NothingMatched, PruneRefused
from diskguard.model.report import Result
from diskguard.model.restore_point import Location, PointState
from diskguard.run.line import Run
from diskguard.run.observe import Look
from diskguard.run.prune import PruneRun, Pruning, make_prune_plan
from diskguard_emulator.faults import Fails


async def test_what_no_rule_keeps_is_gone_afterwards_and_counted_so():
    async with days_of_points(4) as stage:
        pruned = await prune(stage)

        assert pruned.report.exit_status == 0
        assert {each.result for each in pruned.report.deletions} == {Result.DONE}
        points = await stage.points()
        there = {
            location: [part.state for p in points for part in p.parts if part.location is location]
            for location in Location
        }
        assert there[Location.PRIMARY] == [PointState.COMPLETE, PointState.MISSING]
        assert there[Location.DR] == [PointState.COMPLETE] * 2


async def test_a_second_prune_finds_nothing_to_do():
    async with days_of_points(4) as stage:
        await prune(stage)
        before = await left(stage)
        stage.cloud.api.log.clear()

        again = await prune(stage)

        assert again.report.deletions == ()
        assert await left(stage) == before
        assert not [entry for entry in stage.cloud.api.log if entry.method != "GET"]


async def test_every_deletion_is_read_right_before_and_right_after():
    async with days_of_points(3, ONE) as stage:
        stage.cloud.api.log.clear()

        await prune(stage)

        entries = [
            e for e in stage.cloud.api.log if "/snapshots/" in e.path and "/tags/" not in e.path
        ]
        for place, entry in enumerate(entries):
            if entry.method == "DELETE":
                same = [e for e in entries if e.path.lower() == entry.path.lower()]
                at = same.index(entry)
                assert (same[at - 1].method, same[at - 1].status) == ("GET", 200), place
                assert same[-1].status == 404


async def test_a_hold_set_after_the_look_is_seen():
    async with days_of_points(3, ONE) as stage:
        oldest = (await stage.points())[-1]
        victim = (await stage.assembly()).members(oldest.id, Location.PRIMARY)[0].snapshot.id
        async with stage.ports() as ports:
            plan = await make_prune_plan(stage.policy, await stage.look(), ports)
            await ports.compute.merge_tags(victim, {"diskguard-hold": "2026-11-22 audit"})
            pruning = Pruning(plan, ports)

            await pruning.delete_all()

        results = {each.point: each.result for each in pruning.outcomes()}
        assert results[oldest.id] is Result.SKIPPED
        assert (await stage.points())[-1].state is PointState.COMPLETE


async def test_a_locked_snapshot_is_a_failure_and_the_others_are_deleted():
    async with days_of_points(3, ONE) as stage:
        oldest = (await stage.points())[-1]
        locked = Fails(status=409, code="ScopeLocked", message="is locked")
        stage.suffers(locked, "DELETE", oldest.id, times=99)

        report = (await prune(stage)).report

        assert report.exit_status == 3
        assert [each.failure.code for each in report.deletions if each.failure] == [
            "snapshot-in-use"
        ]
        left_points = await stage.points()
        assert [point.state for point in left_points] == [PointState.COMPLETE] * 2
        assert all(
            not m.pruning for m in (await stage.assembly()).members(oldest.id, Location.PRIMARY)
        )


@pytest.mark.parametrize("wrong_by", [timedelta(minutes=6), -timedelta(minutes=6)])
async def test_a_wrong_clock_deletes_nothing(wrong_by):
    async with days_of_points(3, ONE) as stage:
        stage.clock = LoopClock(wrong_by)
        before = await left(stage)

        with pytest.raises(PruneRefused):
            await prune(stage)

        assert await left(stage) == before


@pytest.mark.parametrize(
    "list_of",
    [
        "/virtualMachines$",
        "/disks$",
        "/rg-diskguard-eus/.*snapshots$",
        "/rg-diskguard-wus/.*snapshots$",
    ],
)
async def test_a_list_that_fails_deletes_nothing(list_of):
    async with days_of_points(3) as stage:
        before = await left(stage)
        stage.suffers(Fails(status=400, code="BadRequest", message="no"), "GET", list_of, times=1)

        with pytest.raises(CloudRefused):
            await prune(stage)

        assert await left(stage) == before


async def test_a_selection_smaller_than_expected_deletes_nothing():
    async with days_of_points(3, ONE) as stage:
        before = await left(stage)
        stage.cloud.world.remove(stage.vm())

        with pytest.raises(NothingMatched):
            await prune(stage)

        assert await left(stage) == before


GONE = (
    ONE_REGION
    + CRASH
    + "retention: {{primary: {{keep_last: 9}}, gone_sources: {{after: 2d, min_keep: 1}}}}\n"
    + EVERY_VM
)
BOTH = (a_vm("db01", 0, guest="virtual"), a_vm("lost01", 1, guest="virtual"))


async def lose(stage):
    lost = stage.vm("lost01")
    stage.cloud.world.remove(lost)
    await asyncio.sleep(2 * DAY)


async def test_points_of_a_vm_azure_says_is_gone_go_when_their_time_has_come():
    async with days_of_points(3, GONE, *BOTH) as stage:
        await lose(stage)

        report = (await prune(stage)).report

        assert {each.source for each in report.deletions} == {"lost01"}
        assert [p.source_name for p in await stage.points()].count("lost01") == 1


async def test_a_vm_that_cannot_be_read_is_not_gone():
    async with days_of_points(3, GONE, *BOTH) as stage:
        await lose(stage)
        denied = Fails(status=403, code="AuthorizationFailed", message="no")
        stage.suffers(denied, "GET", "/virtualMachines/lost01", times=9)

        assert (await prune(stage)).report.deletions == ()


async def test_a_vm_missing_from_the_list_that_answers_is_not_gone():
    async with days_of_points(3, GONE, *BOTH) as stage:
        look = await stage.look()
        await asyncio.sleep(5 * DAY)
        shorter = tuple(vm for vm in look.estate.vms if vm.name != "lost01")
        async with stage.ports() as ports:
            seen = Look(estate=replace(look.estate, vms=shorter))
            plan = await make_prune_plan(stage.policy, seen, ports)

        assert plan.deletions == ()


async def test_a_run_that_is_cancelled_says_what_it_did_not_reach():
    async with days_of_points(3, ONE) as stage, stage.ports() as ports:
        run = PruneRun(errand(stage, ports), ports)
        task = asyncio.ensure_future(run.to_its_end())
        await asyncio.sleep(0.3)

        task.cancel()
        report = await task

        assert Result.UNFINISHED in {each.result for each in report.deletions}
        assert report.exit_status == 8


async def test_a_run_that_takes_too_long_goes_on_in_the_next():
    async with days_of_points(3, ONE) as stage:
        long_ago = stage.clock.now() - stage.policy.limits.run_timeout + timedelta(milliseconds=300)

        report = (await prune(stage, started_at=long_ago)).report

        assert report.exit_status == 8
        assert "not finished within" in report.failures[0].message


async def back_up_and_prune(stage, **changes):
    async with stage.ports() as ports:

        async def make(look):
            return await make_prune_plan(stage.policy, look, ports, at_most=99)

        facts = stage.errand(ports, make_prune=make, **changes)
        return await Run(facts, ports).to_its_end()


async def test_backup_prunes_after_a_complete_run():
    async with days_of_points(3, ONE) as stage:
        report = await back_up_and_prune(stage)

        assert report.exit_status == 0
        assert [each.result for each in report.deletions] == [Result.DONE] * 3
        assert len(await stage.points()) == 1


async def test_backup_prunes_nothing_after_a_run_that_was_not_complete():
    async with days_of_points(3) as stage:
        stage.suffers(Fails(status=409, code="Odd", message="no"), "PUT", "/rg-diskguard-wus/")

        report = await back_up_and_prune(stage)

        assert report.exit_status == 3
        assert report.deletions == ()


@pytest.mark.parametrize("refused", [False, True])
async def test_a_mark_that_was_given_up_is_taken_back(refused):
    async with days_of_points(2, ONE) as stage:
        newest = (await stage.points())[0]
        first = newest.parts[0].members[0].snapshot
        async with stage.ports() as ports:
            await ports.compute.merge_tags(first, {"diskguard-pruning": "2026-11-22T12:00:00Z"})
        if refused:
            denied = Fails(status=403, code="AuthorizationFailed", message="no")
            stage.suffers(denied, "PATCH", times=99)

        report = (await prune(stage)).report

        left_marked = (await stage.assembly()).members(newest.id, Location.PRIMARY)[0].pruning
        assert report.exit_status == (7 if refused else 0)
        assert (left_marked is not None) is refused


async def test_what_is_not_ours_any_more_is_not_deleted():
    async with days_of_points(2, ONE) as stage, stage.ports() as ports:
        plan = await make_prune_plan(stage.policy, await stage.look(), ports)
        [deletion] = plan.deletions
        for each in deletion.members:
            await ports.compute.merge_tags(each.id, {"diskguard-policy": ""})
        pruning = Pruning(plan, ports)

        await pruning.delete_all()

        [outcome] = pruning.outcomes()
        assert outcome.failure is not None
        assert "it is not ours" in outcome.failure.message
        assert {each.id for each in deletion.members} <= {e.id for e in await stage.snapshots()}
