"""Copies under way, and when they may be done: an estimate, since Azure tells no time for one.

A copy's `timeCreated` is when it began; when it ended is written nowhere. So its own percent is
the best measure, and before there is one, how long earlier copies of the same disk can have taken
at most: Azure copies the snapshots of a disk one after the other, so each had ended when the next
one began.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Location, PointState, RestorePoint
from diskguard.plan.naming_tags import ParsedMember
from diskguard.plan.points import Assembly

_EARLIER: Final = 5  # copies of a disk that are looked back on
_TELLING: Final = 1.0  # percent; below, a copy's progress says nothing of its speed

Basis = Literal["progress", "earlier copies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyUnderWay:
    """A point on its way to the other region; `percent` is of its bytes, all disks together.

    `done_at` is an estimate, `basis` what it rests on; None: there is nothing to go by yet.
    """

    point: str
    source: ResourceId
    began_at: datetime | None
    percent: float
    done_at: datetime | None
    basis: Basis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forecast:
    """How long until one disk of a point is copied, and how we know."""

    left: timedelta
    basis: Basis


def copies_under_way(assembly: Assembly, *, now: datetime) -> tuple[CopyUnderWay, ...]:
    """Give every point with copies under way, the oldest first, as Azure does them."""
    history = _durations(assembly)
    under_way = [point for point in assembly.points if _is_copying(point)]
    under_way.sort(key=lambda point: (point.slot, point.id))
    return tuple(_under_way(point, assembly, history, now) for point in under_way)


def _is_copying(point: RestorePoint) -> bool:
    part = point.part(Location.DR)
    return part is not None and part.state is PointState.COPYING and bool(part.members)


def _durations(assembly: Assembly) -> dict[str, timedelta]:
    """The most one of a disk's latest copies can have taken, the shortest of them, by unique id."""
    began: dict[str, list[datetime]] = defaultdict(list)
    for point in assembly.points:
        for copy in assembly.members(point.id, Location.DR):
            if copy.snapshot.time_created is not None:
                began[copy.identity.disk_unique_id.lower()].append(copy.snapshot.time_created)
    found = {}
    for disk, instants in began.items():
        latest = sorted(instants)[-_EARLIER - 1 :]
        spans = [later - earlier for earlier, later in pairwise(latest) if later > earlier]
        if spans:
            found[disk] = min(spans)
    return found


def _under_way(
    point: RestorePoint, assembly: Assembly, history: Mapping[str, timedelta], now: datetime
) -> CopyUnderWay:
    copies = assembly.members(point.id, Location.DR)
    wanted = assembly.members(point.id, Location.PRIMARY) or copies
    by_number = {copy.identity.number: copy for copy in copies}
    open_ones = [
        (member, by_number.get(member.identity.number))
        for member in wanted
        if not _is_done(by_number.get(member.identity.number))
    ]
    forecasts = [_forecast(member, copy, history, now) for member, copy in open_ones]
    known = [forecast for forecast in forecasts if forecast is not None]
    longest = max(known, key=lambda forecast: forecast.left, default=None)
    if len(known) < len(forecasts):
        longest = None
    began = [copy.snapshot.time_created for copy in copies if copy.snapshot.time_created]
    return CopyUnderWay(
        point=point.id,
        source=point.source,
        began_at=min(began, default=None),
        percent=_percent(wanted, by_number),
        done_at=None if longest is None else now + longest.left,
        basis=None if longest is None else longest.basis,
    )


def _is_done(copy: ParsedMember | None) -> bool:
    return copy is not None and copy.snapshot.readable


def _forecast(
    member: ParsedMember,
    copy: ParsedMember | None,
    history: Mapping[str, timedelta],
    now: datetime,
) -> _Forecast | None:
    began = None if copy is None else copy.snapshot.time_created
    percent = None if copy is None else copy.snapshot.percent
    spent = timedelta() if began is None else max(timedelta(), now - began)
    if percent is not None and percent >= _TELLING and spent:
        left = spent * max(0.0, 100 - percent) / percent
        return _Forecast(left=left, basis="progress")
    usual = history.get(member.identity.disk_unique_id.lower())
    if usual is None:
        return None
    return _Forecast(left=max(timedelta(), usual - spent), basis="earlier copies")


def _percent(wanted: Sequence[ParsedMember], copies: Mapping[int, ParsedMember]) -> float:
    total = sum(member.snapshot.size_bytes for member in wanted)
    done = sum(
        member.snapshot.size_bytes * _share(copies.get(member.identity.number)) for member in wanted
    )
    return round(100 * done / total, 1) if total else 0.0


def _share(copy: ParsedMember | None) -> float:
    if copy is None:
        return 0.0
    return 1.0 if copy.snapshot.readable else min(copy.snapshot.percent or 0.0, 100.0) / 100
