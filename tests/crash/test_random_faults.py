"""Up to four faults anywhere in a run, then an undisturbed run: what must hold, holds."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from tests.run.invariants import (
    LIMIT,
    check_every_sealed_point_is_whole,
    check_no_name_was_put_blindly,
    check_nothing_stands_still,
)
from tests.support.runs import Stage
from tests.support.two_vms import the_attempt_is_over, two_vms
from tests.support.virtual_time import VirtualTimeLoop

from diskguard.model.restore_point import PointState
from diskguard_emulator.faults import (
    Delays,
    Effect,
    Fails,
    Fault,
    Hangs,
    LosesAnswer,
    Malformed,
    OperationFails,
    OperationStalls,
    Resets,
    Throttles,
)
from diskguard_emulator.resources import Snapshot

REQUESTS = {
    "list": ("GET", "/(virtualMachines|disks|snapshots)$"),
    "snapshot": ("PUT", "/rg-diskguard-eus/"),
    "copy": ("PUT", "/rg-diskguard-wus/"),
    "look at a snapshot": ("GET", "/snapshots/"),
    "status": ("GET", "/DiskOperations/"),
    "script": ("POST", "/runCommand$"),
    "status of a VM": ("GET", "/operations/"),
    "tags": ("PATCH", "/tags/"),
    "delete": ("DELETE", "/snapshots/"),
    "stop": ("POST", "/powerOff$"),
    "start": ("POST", "/start$"),
    "VM": ("GET", "/virtualMachines/"),
}
SECONDS = st.floats(0.1, 120).map(lambda seconds: timedelta(seconds=round(seconds, 1)))
EFFECTS: st.SearchStrategy[Effect] = st.one_of(
    st.sampled_from(
        (
            Fails(status=500),
            Fails(status=503, code="ServiceUnavailable", retry_after=5),
            Fails(status=409, code="Conflict"),
            Fails(status=404, code="ResourceNotFound"),
            Resets(),
            LosesAnswer(),
            Malformed(),
            Hangs(),
            OperationFails(),
        )
    ),
    st.builds(Throttles, retry_after=st.integers(0, 90)),
    SECONDS.map(lambda by: Delays(by=by)),
    SECONDS.map(lambda by: OperationStalls(by=by)),
)
Told = tuple[str, Effect, int, int]
FAULTS = st.lists(
    st.tuples(st.sampled_from(sorted(REQUESTS)), EFFECTS, st.integers(1, 6), st.integers(1, 3)),
    max_size=4,
)


def in_virtual_time(faults: Sequence[Told]) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(survives(faults))


async def survives(faults: Sequence[Told]) -> None:
    """Run with the faults, then without; check after each."""
    async with two_vms() as stage:
        for what, effect, nth, times in faults:
            method, path = REQUESTS[what]
            fault = Fault(effect=effect, method=method, path=path, nth=nth, times=times)
            stage.cloud.api.faults.add(fault)
        await stage.back_up()

        stage.cloud.api.faults.clear()
        await check_what_always_holds(stage)
        await the_attempt_is_over()
        report = await stage.back_up()

        assert report.exit_status == 0, report
        await check_what_always_holds(stage)
        await check_all_is_well(stage)


async def check_what_always_holds(stage: Stage) -> None:
    await asyncio.sleep(LIMIT.total_seconds() + 1)
    for name in ("db01", "files01"):
        assert not stage.guest(name).is_frozen
        assert stage.guest(name).longest_freeze <= LIMIT + timedelta(seconds=1)
    await check_every_sealed_point_is_whole(stage)
    check_no_name_was_put_blindly(stage)


async def check_all_is_well(stage: Stage) -> None:
    await check_nothing_stands_still(stage)
    points = await stage.points()
    assert {point.state for point in points} == {PointState.COMPLETE}
    assert {point.source_name for point in points} == {"db01", "files01"}
    for point in points:
        assert point.seal is not None
        assert {part.state for part in point.parts} == {PointState.COMPLETE}
    assert {each.provisioning for each in stage.cloud.world.every(Snapshot)} == {"Succeeded"}


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@example([("copy", Throttles(retry_after=90), 1, 3)])
@given(FAULTS)
@pytest.mark.timeout(180)
def test_any_few_faults_leave_nothing_the_next_run_does_not_put_right(faults):
    in_virtual_time(faults)


@pytest.mark.long
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(FAULTS)
@pytest.mark.timeout(1800)
def test_any_few_faults_leave_nothing_amiss_in_many_rounds(faults):
    in_virtual_time(faults)
