"""What making points cost: how long guests stood still, how long finished copies took at most."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from diskguard.model.restore_point import Location, PointState, RestorePoint
from diskguard.plan.points import Assembly
from diskguard.plan.timeline_picture import CopyTime, Standstill


def standstills_of(
    points: Iterable[RestorePoint], *, limit: timedelta, since: datetime
) -> Iterator[Standstill]:
    """Give how long the guest stood still for each point since then, in the points' order."""
    for point in points:
        window = None if point.seal is None else point.seal.consistency.window
        at = point.moment
        if window is not None and at >= since:
            yield Standstill(point=point.id, at=at, length=window, limit=limit)


def copy_times(
    points: Iterable[RestorePoint], assembly: Assembly, *, since: datetime
) -> Iterator[CopyTime]:
    """Give how long the finished copies of one source took at most; `points` newest first.

    Azure copies the snapshots of a disk one after the other: when all disks of a point had begun
    their next copy, its own had ended. Before there is a next one, nothing is known.
    """
    following: datetime | None = None
    for point in points:
        part = point.part(Location.DR)
        begun = _begun(assembly, point)
        if part is None or not begun:
            continue
        done = part.state is PointState.COMPLETE
        if done and following is not None and since <= begun[0] <= following:
            yield CopyTime(point=point.id, began=begun[0], at_most=following - begun[0])
        following = begun[-1]


def _begun(assembly: Assembly, point: RestorePoint) -> list[datetime]:
    """When the copies of a point's disks began, ascending."""
    members = assembly.members(point.id, Location.DR)
    instants = (each.snapshot.time_created for each in members)
    return sorted(each for each in instants if each is not None)
