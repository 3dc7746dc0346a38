"""Estates with many points, and what a prune makes of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tests.plan.builders import NOON, a_point, a_vm, an_estate, copies_of, ours

from diskguard.model.estate import Estate, Snapshot, Vm
from diskguard.model.restore_point import Grade, Location
from diskguard.plan.naming_seal import seal_tags
from diskguard.plan.prune import Gone, plan_prune
from diskguard.plan.prune_plan import Fate, PrunePlan, PruneVerdict
from diskguard.policy.model import Policy

DB = a_vm("db01")
DAY = timedelta(days=1)


def point_at(days_ago: float, vm: Vm = DB) -> list[Snapshot]:
    return a_point(vm, slot=NOON - days_ago * DAY)


def daily(days: int, vm: Vm = DB, *, copied: bool = False) -> list[list[Snapshot]]:
    """One point a day, the newest (an hour old) first; with `copied` in both locations."""
    points = [point_at(age + 1 / 24, vm) for age in range(days)]
    return [[*each, *(copies_of(each) if copied else ())] for each in points]


def together(points: Sequence[Sequence[Snapshot]]) -> list[Snapshot]:
    return [snapshot for point in points for snapshot in point]


def tagged(point: Sequence[Snapshot], **tags: str) -> list[Snapshot]:
    """The point with these tags on its first snapshot."""
    more = {f"diskguard-{name}": value for name, value in tags.items()}
    return [replace(point[0], tags={**point[0].tags, **more}), *point[1:]]


def graded(point: Sequence[Snapshot], achieved: Grade) -> list[Snapshot]:
    """The point as if no more than that had been reached."""
    seal = ours(point[0]).seal
    assert seal is not None
    lower = replace(seal, consistency=replace(seal.consistency, achieved=achieved))
    return [replace(point[0], tags={**point[0].tags, **seal_tags(lower)}), *point[1:]]


def name_of(point: Sequence[Snapshot]) -> str:
    return ours(point[0]).identity.point


def prune(
    policy: Policy,
    estate: Estate,
    *,
    gone: Gone | None = None,
    now: datetime = NOON,
    clock_offset: timedelta = timedelta(),
    at_most: int | None = 1000,
) -> PrunePlan:
    return plan_prune(
        policy, estate, gone=gone or Gone(), now=now, clock_offset=clock_offset, at_most=at_most
    )


def of_db(policy: Policy, snapshots: Sequence[Snapshot], **say: object) -> PrunePlan:
    """The prune of an estate that holds only db01."""
    return prune(policy, an_estate(DB, snapshots=snapshots), **say)  # type: ignore[arg-type] # as prune says


def verdict(
    plan: PrunePlan, point: Sequence[Snapshot], location: Location = Location.PRIMARY
) -> PruneVerdict:
    """What becomes of that point there."""
    name = name_of(point)
    return next(e for e in plan.verdicts if (e.point, e.location) == (name, location))


def deleted(plan: PrunePlan, location: Location = Location.PRIMARY) -> set[str]:
    return {each.point for each in plan.of(Fate.DELETE) if each.location is location}
