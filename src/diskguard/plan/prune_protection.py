"""What is never deleted, whatever the calendar says: each protection with its sentence."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from diskguard.model.estate import Estate
from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import (
    Grade,
    Location,
    LocationPart,
    PointState,
    RestorePoint,
)
from diskguard.plan.backup_mode import choose_mode
from diskguard.plan.copies import points_to_copy
from diskguard.plan.points import Assembly, points_by_source
from diskguard.plan.selection import Selected
from diskguard.policy.model import Policy

Key = tuple[str, Location]
_ORDER = list(Grade)
FEW = 3  # disks are named; of more only the number


@dataclass(slots=True)
class Protections:
    """Why points stay, by point and location; a reason is given once."""

    _reasons: dict[Key, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, point: str, locations: Iterable[Location], reason: str) -> None:
        """Keep the point there for that reason."""
        for location in locations:
            if reason not in self._reasons[point, location]:
                self._reasons[point, location].append(reason)

    def of(self, point: str, location: Location) -> tuple[str, ...]:
        """Every reason found."""
        return tuple(self._reasons.get((point, location), ()))


def parts_there(point: RestorePoint) -> Iterator[LocationPart]:
    """The point's parts that hold anything."""
    return (part for part in point.parts if part.members)


def find_protections(
    policy: Policy,
    estate: Estate,
    assembly: Assembly,
    selected: Mapping[ResourceId, Selected],
    *,
    now: datetime,
) -> Protections:
    """Find what keeps points besides the calendar and `min_keep`.

    Held: anywhere. Originals: while a copy is wanted and not final, or under way. Of a source that
    is selected: the newest point, per location, that reached the grade its rule asks for. Of a
    disk that exists: its newest snapshot in both locations, in both, so that copies stay
    incremental (Azure copies the difference to what both have).
    """
    found = Protections()
    _held(assembly, found)
    _needed_by_copies(assembly, points_to_copy(policy, estate, now=now), found)
    _newest_good(assembly, selected, found)
    _newest_common(assembly, {disk.unique_id.lower() for disk in estate.disks}, found)
    return found


def _held(assembly: Assembly, found: Protections) -> None:
    for point in assembly.points:
        if point.hold is not None:
            found.add(point.id, Location, f"held ({point.hold})" if point.hold else "held")


def _needed_by_copies(assembly: Assembly, wanted: frozenset[str], found: Protections) -> None:
    for point in assembly.points:
        if point.id in wanted:
            found.add(point.id, [Location.PRIMARY], "its copy is not final yet, nor given up")
        if any(
            not each.snapshot.readable and not each.snapshot.failed
            for each in assembly.members(point.id, Location.DR)
        ):
            found.add(point.id, Location, "a copy of it is under way")


def _newest_good(
    assembly: Assembly, selected: Mapping[ResourceId, Selected], found: Protections
) -> None:
    """Weeks of a dead agent must not evict the last good point.

    Where no point reached what is asked, the newest of the best there are stays.
    """
    for source, points in points_by_source(assembly.points).items():
        if source not in selected:
            continue
        asked = choose_mode(selected[source]).requested
        for location in Location:
            complete = [point for point in points if _is_complete(point, location)]
            good = [point for point in complete if _reached(point, asked)] or _best(complete)
            if good:
                newest = max(good, key=_when)
                reason = f"the newest that is {_grade(newest)}, which its rule asks for"
                if not _reached(newest, asked):
                    reason = f"the newest of the best there are ({_grade(newest)})"
                found.add(newest.id, [location], reason)


def _newest_common(assembly: Assembly, existing: set[str], found: Protections) -> None:
    newest: dict[str, tuple[datetime, str, str]] = {}
    for point in assembly.points:
        there = [_readable_disks(point, location) for location in Location]
        for disk in there[0].keys() & there[1].keys() & existing:
            taken_at, name = there[0][disk]
            newest[disk] = max(newest.get(disk, (taken_at, "", "")), (taken_at, point.id, name))
    disks: dict[str, list[str]] = defaultdict(list)
    for _, point_id, name in sorted(newest.values()):
        disks[point_id].append(name)
    for point_id, names in disks.items():
        reason = f"the newest in both locations of {_named(names)}: copies stay incremental"
        found.add(point_id, Location, reason)


def _named(disks: Sequence[str]) -> str:
    if len(disks) > FEW:
        return f"{len(disks)} disks"
    return f"disk{'s' if len(disks) > 1 else ''} {', '.join(disks)}"


def _readable_disks(point: RestorePoint, location: Location) -> dict[str, tuple[datetime, str]]:
    part = point.part(location)
    return {
        each.disk_unique_id.lower(): (each.taken_at, each.disk_name)
        for each in (() if part is None else part.members)
        if each.state is PointState.COMPLETE and each.taken_at is not None
    }


def _is_complete(point: RestorePoint, location: Location) -> bool:
    part = point.part(location)
    return part is not None and part.state is PointState.COMPLETE


def _reached(point: RestorePoint, asked: Grade) -> bool:
    """A point of a VM that stood still meanwhile is as good as one of frozen file systems."""
    grade = _grade(point)
    stood_still = grade is Grade.OFFLINE and asked is Grade.FILESYSTEM
    return stood_still or _ORDER.index(grade) >= _ORDER.index(asked)


def _best(points: Sequence[RestorePoint]) -> list[RestorePoint]:
    best = max((_ORDER.index(_grade(point)) for point in points), default=0)
    return [point for point in points if _ORDER.index(_grade(point)) == best]


def _grade(point: RestorePoint) -> Grade:
    seal = point.seal
    return Grade.CRASH if seal is None else seal.consistency.achieved


def _when(point: RestorePoint) -> tuple[datetime, str]:
    return point.moment, point.id
