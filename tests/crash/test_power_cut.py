"""The power is cut at every request of a backup, on either side of Azure; then a second run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.run.invariants import check_every_sealed_point_is_whole, check_nothing_stands_still
from tests.support.depth import sampled
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import Fuse
from tests.support.runs import EPOCH, Stage, a_stage

from diskguard.model.estate import Snapshot
from diskguard.model.restore_point import PointState
from diskguard.plan.backup import plan_backup
from diskguard.plan.points import ATTEMPT_LIFETIME

POLICY = """
version: 1
name: test-policy
azure: {{subscriptions: ["{subscription}"]}}
locations:
  primary: {{resource_group: rg-diskguard-eus}}
  dr: {{region: paired, resource_group: rg-diskguard-wus}}
rules:
  - name: frozen
    select: {{include: [{{names: ["db01"]}}]}}
  - name: stopped
    select: {{include: [{{names: ["files01"]}}]}}
    consistency: {{linux: offline}}
"""
REQUESTS = 64  # more than an undisturbed run needs, as a test below holds
CUTS = range(1, REQUESTS)
# What may differ from an undisturbed run's: the attempt, its instants, the grade.
VOLATILE = ("nonce", "requested-at", "seal", "taken-at", "source-unique-id")


@asynccontextmanager
async def two_vms() -> AsyncIterator[Stage]:
    """A VM that is frozen and one that is stopped, two disks each; copies take seconds."""
    estate = an_estate(a_vm("db01", 1, guest="virtual"), a_vm("files01", 1, guest="virtual"))
    async with a_stage(estate, POLICY) as stage:
        stage.cloud.world.settings.quick()
        yield stage


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

        await asyncio.sleep(ATTEMPT_LIFETIME.total_seconds() + 60)
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
