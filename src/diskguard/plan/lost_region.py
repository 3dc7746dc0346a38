"""What could be restored if a region were gone now, judged only by what lies outside of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from diskguard.model.ids import Region, ResourceId
from diskguard.model.restore_point import LocationPart, PointState, RestorePoint
from diskguard.plan.points import points_by_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """One source of the lost region: the newest point restorable elsewhere, or None.

    `age` is how much would be lost; `late`: more than the RPO allows, or everything.
    """

    source: ResourceId
    newest: RestorePoint | None
    where: Region | None
    age: timedelta | None
    rpo: timedelta | None
    late: bool


def assess_loss(
    region: Region,
    points: Iterable[RestorePoint],
    homes: Mapping[ResourceId, Region],
    rpos: Mapping[ResourceId, timedelta | None],
    *,
    now: datetime,
) -> tuple[Survivor, ...]:
    """Judge every source whose home is the region, by id.

    A source is known by its points outside, which say where it was; `homes` adds those that may
    have none. `rpos` holds what the policy promises of the other region.
    """
    history = points_by_source(points)
    home = dict(homes) | {source: found[0].region for source, found in history.items()}
    gone = sorted(source for source, where in home.items() if where == region)
    return tuple(
        _survivor(source, history.get(source, ()), region, rpos.get(source), now) for source in gone
    )


def _survivor(
    source: ResourceId,
    points: Iterable[RestorePoint],
    region: Region,
    rpo: timedelta | None,
    now: datetime,
) -> Survivor:
    outside = [(point, part) for point in points if (part := _outside(point, region)) is not None]
    if not outside:
        return Survivor(source=source, newest=None, where=None, age=None, rpo=rpo, late=True)
    newest, part = max(outside, key=lambda each: each[0].moment)
    age = max(timedelta(), now - newest.moment)
    return Survivor(
        source=source,
        newest=newest,
        where=part.region,
        age=age,
        rpo=rpo,
        late=rpo is not None and age > rpo,
    )


def _outside(point: RestorePoint, region: Region) -> LocationPart | None:
    """A part one can restore from, wholly elsewhere."""
    for part in point.parts:
        elsewhere = all(member.region != region for member in part.members)
        if part.state is PointState.COMPLETE and elsewhere:
            return part
    return None
