"""The power is cut at every request of a backup, on either side of Azure; then a second run."""

from typing import Any

import pytest
from tests.run.invariants import check_every_sealed_point_is_whole, check_nothing_stands_still
from tests.support.depth import sampled
from tests.support.inprocess import Fuse
from tests.support.runs import EPOCH, Stage
from tests.support.two_vms import the_attempt_is_over, two_vms

from diskguard.model.estate import Snapshot
from diskguard.model.restore_point import PointState
from diskguard.plan.backup import plan_backup

REQUESTS = 64  # more than an undisturbed run needs, as a test below holds
CUTS = range(1, REQUESTS)
# What may differ from an undisturbed run's: the attempt, its instants, the grade.
VOLATILE = ("nonce", "requested-at", "seal", "taken-at", "source-unique-id")


def same_slot(stage: Stage) -> dict[str, Any]:
    """Both runs are for one slot, so they meet by name."""
    return {"plan_backup": lambda estate: plan_backup(stage.policy, estate, now=EPOCH)}


def in_essence(snapshot: Snapshot) -> tuple[object, ...]:
    """A snapshot as it is in every run."""
    tags = {
        name: value
        for name, value in snapshot.tags.items()
        if not any(mark in name for mark in VOLATILE)
    }
    facts = (snapshot.id.key, snapshot.region, snapshot.sku, snapshot.source_id, snapshot.readable)
    return (*facts, tuple(sorted(tags.items())))


async def essence(stage: Stage) -> list[tuple[object, ...]]:
    """Everything a run leaves in Azure."""
    return sorted((in_essence(each) for each in await stage.snapshots()), key=str)


@pytest.fixture(scope="session")
def undisturbed() -> list[list[tuple[object, ...]]]:
    """What an undisturbed run leaves; filled by the first test that needs it."""
    return []


async def undisturbed_essence(kept: list[list[tuple[object, ...]]]) -> list[tuple[object, ...]]:
    if not kept:
        async with two_vms() as stage:
            await stage.back_up(**same_slot(stage))
            kept.append(await essence(stage))
    return kept[0]


async def test_the_sweep_reaches_the_last_request():
    async with two_vms() as stage:
        fuse = Fuse(REQUESTS, after=False)

        report = await stage.back_up_until(fuse, **same_slot(stage))

        assert report is not None
        assert report.exit_status == 0
        assert fuse.seen < REQUESTS


@pytest.mark.parametrize("after", [False, True], ids=["before-azure-hears", "before-we-hear"])
@pytest.mark.parametrize("cut", sampled(CUTS, every=3))
async def test_a_cut_anywhere_ends_as_if_undisturbed(cut, after, undisturbed):
    async with two_vms() as stage:
        await stage.back_up_until(Fuse(cut, after=after), **same_slot(stage))

        await the_attempt_is_over()
        report = await stage.back_up(**same_slot(stage))

        assert report.exit_status == 0, report
        await check_nothing_stands_still(stage)
        await check_every_sealed_point_is_whole(stage)
        assert await essence(stage) == await undisturbed_essence(undisturbed)


@pytest.mark.parametrize("after", [False, True], ids=["before-azure-hears", "before-we-hear"])
@pytest.mark.parametrize("cut", sampled(CUTS, every=3))
async def test_a_run_right_after_a_cut_leaves_nothing_standing(cut, after):
    """The dead run might as well be alive: what is young is left alone, what is stopped is not."""
    async with two_vms() as stage:
        await stage.back_up_until(Fuse(cut, after=after))

        await stage.back_up()

        await check_nothing_stands_still(stage)
        await check_every_sealed_point_is_whole(stage)
        newest = {point.source_name: point.state for point in reversed(await stage.points())}
        assert newest == {"db01": PointState.COMPLETE, "files01": PointState.COMPLETE}
