"""Immutability in whole runs: after the seal, at a copy's end, across a power cut, and in a prune."""

import asyncio
from datetime import timedelta

import pytest
from tests.run.prune_kit import DAY, days_of_points, prune
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import Fuse
from tests.support.policies import CRASH, EVERY_VM, TWO_REGIONS
from tests.support.runs import a_stage

from diskguard.errors import SnapshotInUse
from diskguard.model.events import MadeImmutable
from diskguard.model.restore_point import Location
from diskguard.plan.immutability import plan_immutability
from diskguard.plan.prune_plan import Fate
from diskguard.run.prune import Pruning, make_prune_plan
from diskguard_emulator.faults import Fails

MODES = """protection:
  immutability: {{primary: {{mode: unlocked, days: 3}}, dr: {{mode: locked, days: 5}}}}
"""
POLICY = TWO_REGIONS + CRASH + MODES + EVERY_VM
PRUNED = POLICY + "retention: {{primary: {{keep_last: 1}}, dr: {{keep_last: 1}}}}\n"


def immutable(stage):
    return {
        "plan_immutability": lambda estate: plan_immutability(
            stage.policy, estate, now=stage.clock.now()
        )
    }


@pytest.fixture
async def stage():
    async with a_stage(an_estate(a_vm("db01", 1, guest="virtual")), POLICY) as stage:
        stage.cloud.world.settings.quick()
        yield stage


async def kinds(stage):
    return {(each.id.group[-3:], each.immutability) for each in await stage.snapshots()}


async def test_a_sealed_point_and_its_finished_copy_are_immutable(stage):
    report = await stage.back_up(**immutable(stage))

    [point] = await stage.points()
    assert report.exit_status == 0
    assert await kinds(stage) == {("eus", "Unlocked"), ("wus", "Locked")}
    for location, days in ((Location.PRIMARY, 3), (Location.DR, 5)):
        until = point.part(location).immutable_until
        late = until - point.taken_at - timedelta(days=days)
        assert timedelta() <= late < timedelta(minutes=5)
    assert point.immutable_until == point.part(Location.DR).immutable_until


async def test_a_copy_that_is_not_finished_is_not_made_immutable_yet(stage):
    await stage.back_up(**immutable(stage), wait=False)
    assert await kinds(stage) == {("eus", "Unlocked"), ("wus", None)}

    await stage.copy(**immutable(stage))

    assert await kinds(stage) == {("eus", "Unlocked"), ("wus", "Locked")}


async def test_a_run_that_has_nothing_to_do_asks_for_nothing(stage):
    await stage.back_up(**immutable(stage))
    before = len(stage.ear.of(MadeImmutable))

    await stage.copy(**immutable(stage))

    assert (before, len(stage.ear.of(MadeImmutable))) == (4, 4)


async def test_a_refusal_is_a_failure_of_the_run_and_the_others_are_protected(stage):
    refuses = Fails(status=403, code="AuthorizationFailed", message="no")
    stage.suffers(refuses, "POST", "updateImmutabilityPolicyLock", times=99)

    report = await stage.back_up(**immutable(stage))

    assert report.exit_status == 3
    assert {failure.code for failure in report.failures} == {"access-denied"}
    assert await kinds(stage) == {("eus", "Unlocked"), ("wus", None)}


@pytest.mark.parametrize("cut", range(30, 56, 2))
async def test_what_a_dead_run_left_unprotected_the_next_protects(stage, cut):
    await stage.back_up_until(Fuse(cut, after=cut % 4 == 0), **immutable(stage))
    await asyncio.sleep(1200)

    report = await stage.back_up(**immutable(stage))

    assert report.exit_status == 0
    assert await kinds(stage) == {("eus", "Unlocked"), ("wus", "Locked")}


async def test_prune_tells_from_when_it_can_delete_and_then_does():
    async with days_of_points(1, PRUNED) as stage:
        for _ in range(2):
            await stage.back_up(**immutable(stage))
            await asyncio.sleep(DAY / 4)

        early = await prune(stage)
        await asyncio.sleep(6 * DAY)
        late = await prune(stage)

        assert early.report.deletions == ()
        assert early.plan is not None
        waiting = early.plan.of(Fate.IMMUTABLE)
        lasting = {
            each.location: (each.deletable_from - each.taken_at).days
            for each in waiting
            if each.deletable_from and each.taken_at
        }
        assert lasting == {Location.PRIMARY: 3, Location.DR: 5}
        assert late.report.exit_status == 0
        assert len(late.report.deletions) == len(waiting)


async def test_what_became_immutable_after_the_look_is_left_whole():
    async with days_of_points(3, PRUNED) as stage, stage.ports() as ports:
        plan = await make_prune_plan(stage.policy, await stage.look(), ports, at_most=99)
        oldest = plan.deletions[0]
        first = oldest.members[-1].id
        await ports.compute.set_immutability(first, days=2, locked=False)
        pruning = Pruning(plan, ports)

        await pruning.delete_all()

        [outcome, *_] = pruning.outcomes()
        assert outcome.failure is not None
        assert "can be deleted from" in outcome.failure.message
        members = (await stage.assembly()).members(oldest.point, oldest.location)
        assert [each.pruning for each in members] == [None, None]


async def test_azure_itself_refuses_what_nobody_looked_at():
    async with days_of_points(1, PRUNED) as stage, stage.ports() as ports:
        [snapshot, *_] = await stage.snapshots()
        await ports.compute.set_immutability(snapshot.id, days=1, locked=True)

        with pytest.raises(SnapshotInUse, match="Locked immutability"):
            await ports.compute.delete_snapshot(snapshot.id)
