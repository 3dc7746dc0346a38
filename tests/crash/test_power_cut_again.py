"""The power is cut while a run puts right what a cut left, and at every request of `copy`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.run.invariants import (
    check_every_sealed_point_is_whole,
    check_no_name_was_put_blindly,
    check_nothing_stands_still,
    puts,
)
from tests.support.depth import sampled
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import Fuse
from tests.support.policies import CRASH, EVERY_VM, TWO_REGIONS
from tests.support.runs import Stage, a_stage
from tests.support.two_vms import the_attempt_is_over, two_vms

from diskguard.model.restore_point import PointState

COPIED = TWO_REGIONS + CRASH + EVERY_VM
# Of 59 requests of the first run and as many of the second: pairs that wander over both.
TWO_CUTS = [(7 + 13 * step % 50, 5 + 17 * step % 52) for step in range(26)]
COPY_CUTS = range(1, 27)  # more than an undisturbed `copy` needs, as a test below holds
SIDES = pytest.mark.parametrize(
    "after", [False, True], ids=["before-azure-hears", "before-we-hear"]
)


async def all_is_well(stage: Stage) -> None:
    await check_nothing_stands_still(stage)
    await check_every_sealed_point_is_whole(stage)
    check_no_name_was_put_blindly(stage)
    points = await stage.points()
    assert {point.source_name for point in points} == {"db01", "files01"}
    for point in points:
        assert point.state is PointState.COMPLETE
        assert {part.state for part in point.parts} == {PointState.COMPLETE}


@pytest.mark.parametrize(("first", "second"), sampled(TWO_CUTS, every=4, tuples=True))
async def test_a_run_that_dies_while_putting_right_is_put_right_by_the_next(first, second):
    after = first % 2 == 0
    async with two_vms() as stage:
        await stage.back_up_until(Fuse(first, after=after))
        await the_attempt_is_over()
        await stage.back_up_until(Fuse(second, after=not after))
        await the_attempt_is_over()

        report = await stage.back_up()

        assert report.exit_status == 0, report
        await all_is_well(stage)


@asynccontextmanager
async def two_points_to_copy() -> AsyncIterator[Stage]:
    """Of one VM that nobody freezes."""
    estate = an_estate(a_vm("db01", 1, guest="virtual"))
    async with a_stage(estate, COPIED) as stage:
        stage.cloud.world.settings.quick()
        for _ in range(2):
            await stage.back_up(plan_copies=None)
            await asyncio.sleep(600)
        stage.cloud.api.log.clear()
        yield stage


async def test_the_sweep_of_copy_reaches_its_last_request():
    async with two_points_to_copy() as stage:
        fuse = Fuse(COPY_CUTS.stop, after=False)

        report = await stage.back_up_until(fuse, plan_backup=None, plan_recovery=None)

        assert report is not None
        assert report.exit_status == 0
        assert fuse.seen < COPY_CUTS.stop


@SIDES
@pytest.mark.parametrize("cut", sampled(COPY_CUTS, every=3))
async def test_copy_goes_on_where_a_dead_one_stopped_and_makes_nothing_twice(cut, after):
    async with two_points_to_copy() as stage:
        fuse = Fuse(cut, after=after)
        await stage.back_up_until(fuse, plan_backup=None, plan_recovery=None)

        report = await stage.on_another_machine().copy()

        assert report.exit_status == 0, report
        await check_every_sealed_point_is_whole(stage)
        check_no_name_was_put_blindly(stage)
        parts = [part.state for point in await stage.points() for part in point.parts]
        assert parts == [PointState.COMPLETE] * 4
        assert set(puts(stage).values()) <= ({1} if after else {1, 2})
