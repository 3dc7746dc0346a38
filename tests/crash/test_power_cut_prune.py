"""The power is cut at every request of a prune, on either side of Azure; then a second run."""

import pytest
from tests.run.invariants import check_every_sealed_point_is_whole
from tests.run.prune_kit import days_of_points, left, prune, prune_until
from tests.support.depth import sampled
from tests.support.inprocess import Fuse
from tests.support.runs import Stage

from diskguard.model.restore_point import PointState
from diskguard.plan.naming import parse_member_name, parse_point_id

REQUESTS = 75  # more than an undisturbed prune needs, as a test below holds
CUTS = range(1, REQUESTS)
SIDES = pytest.mark.parametrize(
    "after", [False, True], ids=["before-azure-hears", "before-we-hear"]
)


@pytest.fixture(scope="session")
def undisturbed() -> list[list[str]]:
    """What an undisturbed prune leaves; filled by the first test that needs it."""
    return []


async def rest(stage: Stage) -> list[str]:
    """What is left, by place and disk and by its age in days against the newest."""
    names = [(each, parse_member_name(each.name)) for each in await stage.snapshots()]
    members = [(each.id.group, name) for each, name in names if name is not None]
    slots = {name: point.slot for _, name in members if (point := parse_point_id(name.point))}
    newest = max(slots.values())
    return sorted(f"{group} {name.role} {(newest - slots[name]).days}" for group, name in members)


async def undisturbed_rest(kept: list[list[str]]) -> list[str]:
    if not kept:
        async with days_of_points(4) as stage:
            await prune(stage)
            kept.append(await rest(stage))
    return kept[0]


async def test_the_sweep_reaches_the_last_request():
    async with days_of_points(4) as stage:
        fuse = Fuse(REQUESTS, after=False)

        report = await prune_until(stage, fuse)

        assert report is not None
        assert len(report.deletions) == 5
        assert fuse.seen < REQUESTS


@SIDES
@pytest.mark.parametrize("cut", sampled(CUTS, every=3))
async def test_a_cut_anywhere_leaves_no_half_point_that_looks_whole(cut, after):
    async with days_of_points(4) as stage:
        before = {point.id: len(point.parts[0].members) for point in await stage.points()}

        await prune_until(stage, Fuse(cut, after=after))

        for point in await stage.points():
            for part in point.parts:
                assert (
                    part.state is not PointState.COMPLETE or len(part.members) == before[point.id]
                )
                assert not part.members or part.seal is not None, "the seal's member goes last"


@SIDES
@pytest.mark.parametrize("cut", sampled(CUTS, every=3))
async def test_the_next_prune_ends_as_if_undisturbed(cut, after, undisturbed):
    async with days_of_points(4) as stage:
        await prune_until(stage, Fuse(cut, after=after))

        pruned = await prune(stage.on_another_machine())

        assert pruned.report.exit_status == 0, pruned.report
        await check_every_sealed_point_is_whole(stage)
        assert await rest(stage) == await undisturbed_rest(undisturbed)
        members = await stage.snapshots()
        assert not [each for each in members if "diskguard-pruning" in each.tags]


@SIDES
@pytest.mark.parametrize("cut", sampled(CUTS, every=7))
async def test_a_backup_after_a_cut_neither_seals_nor_copies_what_was_being_deleted(cut, after):
    async with days_of_points(4) as stage:
        await prune_until(stage, Fuse(cut, after=after))
        half = await left(stage)

        report = await stage.back_up()

        assert report.exit_status == 0, report
        new = set(await left(stage)) - set(half)
        newest = (await stage.points())[0].id
        assert new
        assert all(newest in name for name in new)
