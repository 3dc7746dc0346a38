"""What a dead run left is put right before anything new is begun."""

import asyncio
from typing import Any

import pytest
from tests.run.invariants import (
    check_every_sealed_point_is_whole,
    check_nothing_stands_still,
)
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import Fuse
from tests.support.runs import Stage, a_stage

from diskguard.model.events import Recovered, Warned
from diskguard.model.report import Result
from diskguard.model.restore_point import Grade, PointState
from diskguard.plan.backup_plan import BackupPlan
from diskguard.plan.points import ATTEMPT_LIFETIME
from diskguard_emulator.faults import Fails, LosesAnswer, Resets, Throttles

POLICY = """
version: 1
name: test-policy
azure: {{subscriptions: ["{subscription}"]}}
locations: {{primary: {{resource_group: rg-diskguard-eus}}}}
consistency: {{linux: fsfreeze, fallback: FALLBACK}}
rules: [{{name: all, select: {{include: [{{names: ["*"]}}]}}}}]
"""


def one_vm(fallback: str = "crash"):
    text = POLICY.replace("FALLBACK", fallback)
    return a_stage(an_estate(a_vm("db01", 1, guest="virtual")), text)


async def dies_at(stage: Stage, method: str, fragment: str, *, nth: int = 1, after: bool) -> None:
    """A run whose machine loses its power at the nth request of that kind."""
    async with one_vm() as rehearsal:
        await rehearsal.back_up()
        log = rehearsal.cloud.api.log
        number = log.of(method, fragment)[nth - 1].number
        cut = [entry.number for entry in log].index(number) + 1
    await stage.back_up_until(Fuse(cut, after=after))


async def the_attempt_is_over() -> None:
    await asyncio.sleep(ATTEMPT_LIFETIME.total_seconds() + 60)


def nothing_due(stage: Stage) -> dict[str, Any]:
    return {"plan_backup": lambda _: BackupPlan(policy="test-policy", made_at=stage.clock.now())}


async def test_a_whole_set_of_a_dead_run_is_sealed_as_crash():
    async with one_vm() as stage:
        await dies_at(stage, "PATCH", "/tags/", after=False)
        await the_attempt_is_over()

        report = await stage.back_up(**nothing_due(stage))

        [point] = await stage.points()
        assert point.state is PointState.COMPLETE
        assert point.seal is not None
        assert point.seal.consistency.achieved is Grade.CRASH
        assert point.seal.consistency.requested is Grade.FILESYSTEM
        assert "died" in (point.seal.consistency.reason or "")
        assert "sealed as crash" in report.recovered[0]
        assert stage.ear.of(Recovered)


async def test_half_a_set_of_a_dead_run_is_undone():
    async with one_vm() as stage:
        await dies_at(stage, "PUT", "/snapshots/", after=False)
        await the_attempt_is_over()

        report = await stage.back_up(**nothing_due(stage))

        assert await stage.snapshots() == ()
        assert report.exit_status == 0
        assert await stage.points() == ()


async def test_without_a_fallback_a_whole_set_of_a_dead_run_is_undone():
    async with one_vm("none") as stage:
        await dies_at(stage, "PATCH", "/tags/", after=False)
        await the_attempt_is_over()

        report = await stage.back_up(**nothing_due(stage))

        assert await stage.snapshots() == ()
        assert "snapshots deleted" in report.recovered[0]


async def test_a_seal_that_was_written_before_the_power_cut_counts():
    async with one_vm() as stage:
        await dies_at(stage, "PATCH", "/tags/", after=True)

        report = await stage.back_up(**nothing_due(stage))

        [point] = await stage.points()
        assert report.recovered == ()
        assert point.seal is not None
        assert point.seal.consistency.achieved is Grade.FILESYSTEM


async def test_what_a_living_run_may_still_be_making_is_left_alone():
    async with one_vm() as stage:
        await dies_at(stage, "PATCH", "/tags/", after=False)

        report = await stage.back_up(**nothing_due(stage))

        assert report.recovered == ()
        [point] = await stage.points()
        assert point.state is PointState.PENDING
        assert stage.cloud.api.log.of("DELETE") == []


async def test_what_cannot_be_put_right_is_said_and_the_run_goes_on():
    async with one_vm() as stage:
        await dies_at(stage, "PATCH", "/tags/", after=False)
        await the_attempt_is_over()
        stage.suffers(Fails(status=403, code="AuthorizationFailed"), "PATCH", "/tags/", times=1)

        report = await stage.back_up()

        assert [failure.code for failure in report.failures] == ["access-denied"]
        assert [event.code for event in stage.ear.of(Warned) if event.code == "not-recovered"]
        assert [vm.result for vm in report.vms] == [Result.DONE]
        assert report.exit_status == 3


SEAL_TROUBLES = {
    "its answer is lost": LosesAnswer(),
    "it is never heard": Resets(),
    "the snapshot is not found yet": Fails(status=404, code="ResourceNotFound"),
    "Azure says 503": Fails(status=503),
    "Azure asks to wait": Throttles(retry_after=20),
}


@pytest.mark.parametrize("trouble", SEAL_TROUBLES)
async def test_a_seal_is_written_again_when(trouble):
    async with one_vm() as stage:
        stage.suffers(SEAL_TROUBLES[trouble], "PATCH", "/tags/", times=3)

        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.result is Result.DONE, outcome
        await check_every_sealed_point_is_whole(stage)
        assert (await stage.points())[0].state is PointState.COMPLETE


async def test_a_seal_that_cannot_be_written_leaves_the_set_to_the_next_run():
    async with one_vm() as stage:
        stage.suffers(Resets(), "PATCH", "/tags/", times=1000)

        report = await stage.back_up()

        assert report.exit_status == 8
        assert [vm.result for vm in report.vms] == [Result.UNFINISHED]
        stage.cloud.api.faults.clear()
        await the_attempt_is_over()
        again = await stage.back_up(**nothing_due(stage))
        assert again.exit_status == 0
        assert (await stage.points())[0].state is PointState.COMPLETE


async def test_copy_puts_nothing_right_and_makes_no_point():
    async with one_vm() as stage:
        await dies_at(stage, "PATCH", "/tags/", after=False)
        await the_attempt_is_over()
        stage.cloud.api.log.clear()

        report = await stage.copy()

        assert report.exit_status == 0
        assert stage.cloud.api.log.writes() == []
        await check_nothing_stands_still(stage)


async def test_recovery_starts_a_vm_before_it_seals_or_undoes_anything():
    async with one_vm() as stage:
        await dies_at(stage, "PATCH", "/tags/", after=False)
        await the_attempt_is_over()
        vm = stage.vm()
        point = (await stage.points())[0].id
        vm.tags = {"diskguard-stopped": point}
        await vm.guest.power_off()
        vm.power = "stopped"
        stage.cloud.api.log.clear()

        await stage.back_up(**nothing_due(stage))

        order = [entry.path for entry in stage.cloud.api.log.writes()]
        assert order[0].endswith("/start")
        assert "/virtualMachines/" in order[1]
        assert "/snapshots/" in order[2]
        await check_nothing_stands_still(stage)


async def test_a_tag_that_names_no_point_of_the_vm_starts_nothing():
    async with one_vm() as stage:
        vm = stage.vm()
        vm.tags = {"diskguard-stopped": "somebody-else"}
        await vm.guest.power_off()
        vm.power = "stopped"

        await stage.back_up(**nothing_due(stage))

        assert vm.power == "stopped"
        assert stage.cloud.api.log.writes() == []


async def test_a_dead_run_without_trace_needs_no_second_look():
    async with one_vm() as stage:
        await stage.back_up(**nothing_due(stage))

        assert len(stage.cloud.api.log.of("GET", "/disks")) == 1
