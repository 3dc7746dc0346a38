"""Restore points, put together from the snapshots one look showed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from diskguard.model.estate import Estate, Snapshot
from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import (
    Location,
    LocationPart,
    Member,
    PointState,
    RestorePoint,
    Seal,
)
from diskguard.plan.naming_tags import ParsedMember, Places, Stranger, parse_member
from diskguard.policy.model import Policy

ATTEMPT_LIFETIME = timedelta(minutes=15)
"""The longest from an attempt's requests to its seal. run/ gives an attempt up before that, so an
unsealed set older than this belongs to a run that died. It is the same for every policy, because
the run that made the set may have read another version of it on another machine."""

Parts = Mapping[Location, Sequence[ParsedMember]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """Every point, newest slot first, with the snapshots it consists of, and what is not ours."""

    points: tuple[RestorePoint, ...]
    strangers: tuple[Stranger, ...]
    snapshots: Mapping[tuple[str, Location], tuple[ParsedMember, ...]] = field(default_factory=dict)

    def members(self, point: str, location: Location) -> tuple[ParsedMember, ...]:
        """The snapshots of a point in a location, by number; none is an empty tuple."""
        return self.snapshots.get((point, location), ())


def assemble_points(
    snapshots: Iterable[Snapshot],
    places: Places,
    *,
    now: datetime,
    policies: Collection[str] | None = None,
) -> Assembly:
    """Sort snapshots into points and strangers; points of other policies are left out.

    `policies` None takes the points of all. A location is complete exactly when its own n of n
    members exist, are readable and carry one seal; whether it is, no other location can change.
    """
    members, strangers = _sorted_out(_Same(tuple(snapshots)), places)
    grouped: dict[str, dict[Location, list[ParsedMember]]] = defaultdict(lambda: defaultdict(list))
    for member in members:
        if policies is None or member.identity.policy in policies:
            grouped[member.identity.point][member.location].append(member)
    points = [_point(name, parts, places, now) for name, parts in grouped.items()]
    return Assembly(
        points=tuple(sorted(points, key=lambda point: (point.slot, point.id), reverse=True)),
        strangers=strangers,
        snapshots={
            (name, location): tuple(found)
            for name, parts in grouped.items()
            for location, found in parts.items()
        },
    )


def assemble_for(policy: Policy, estate: Estate, *, now: datetime) -> Assembly:
    """Give the points a policy governs: those with its name or one of its former ones."""
    names = {policy.name, *policy.previous_names}
    return assemble_points(estate.snapshots, places_of(policy), now=now, policies=names)


def points_by_source(points: Iterable[RestorePoint]) -> dict[ResourceId, tuple[RestorePoint, ...]]:
    """Give each source's points in the order given (an assembly has the newest slot first)."""
    found: dict[ResourceId, list[RestorePoint]] = defaultdict(list)
    for point in points:
        found[point.source].append(point)
    return {source: tuple(each) for source, each in found.items()}


def places_of(policy: Policy) -> Places:
    """Give which resource group is which location of this policy."""
    dr = policy.locations.dr
    primary = policy.locations.primary.resource_group
    return Places(primary=primary, dr=None if dr is None else dr.resource_group)


def attempt_may_live(members: Iterable[ParsedMember], now: datetime) -> bool:
    """Say whether the run that made these may still be at it, perhaps on another machine.

    Judged by Azure's instant of each snapshot; before Azure says one, by the attempt's own tag.
    """
    youngest = max(
        (member.snapshot.time_created or member.requested_at for member in members), default=None
    )
    return youngest is not None and now - youngest < ATTEMPT_LIFETIME


def set_is_whole(members: Sequence[ParsedMember]) -> bool:
    """True when these are all members of one point, each once, made by one attempt."""
    if not members:
        return False
    count = members[0].identity.count
    numbers = sorted(member.identity.number for member in members)
    marks = {(each.nonce, each.identity.count, each.identity.policy) for each in members}
    return numbers == list(range(1, count + 1)) and len(marks) == 1


def one_seal(members: Sequence[ParsedMember]) -> Seal | None:
    """The seal these members carry: on the first, and no other one on any; else None."""
    seal = next((each.seal for each in members if each.identity.number == 1), None)
    if seal is None or any(each.seal_trouble for each in members):
        return None
    disagreeing = any(each.seal not in (None, seal) for each in members)
    return None if disagreeing else seal


class _Sorted(NamedTuple):
    members: tuple[ParsedMember, ...]
    strangers: tuple[Stranger, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """Snapshots of one look: the same only as itself, so that a plan need not compare them."""

    snapshots: tuple[Snapshot, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.snapshots is other.snapshots

    def __hash__(self) -> int:
        return id(self.snapshots)


@lru_cache(maxsize=1)  # three plans are made of one look, and most of the work is the reading
def _sorted_out(same: _Same, places: Places) -> _Sorted:
    members: list[ParsedMember] = []
    strangers: list[Stranger] = []
    for snapshot in same.snapshots:
        parsed = parse_member(snapshot, places)
        if isinstance(parsed, Stranger):
            strangers.append(parsed)
        else:
            members.append(parsed)
    members.sort(key=lambda member: (member.identity.number, member.snapshot.id.key))
    strangers.sort(key=lambda stranger: stranger.snapshot.id.key)
    return _Sorted(tuple(members), tuple(strangers))


def _point(name: str, parts: Parts, places: Places, now: datetime) -> RestorePoint:
    primary = parts.get(Location.PRIMARY, ())
    copies = parts.get(Location.DR, ())
    located = [_part(Location.PRIMARY, primary, _primary_state(primary, now))]
    if places.dr is not None or copies:
        copied = _copy_state(copies, source=located[0].state)
        located.append(_part(Location.DR, copies, copied))
    first = (primary or copies)[0].identity
    return RestorePoint(
        id=name,
        policy=first.policy,
        vm=first.vm,
        source_name=first.source.name,
        region=first.region,
        slot=first.slot,
        taken_at=_taken_at(located),
        state=_point_state([part.state for part in located]),
        requested=first.requested,
        parts=tuple(located),
        hold=next((each.hold for each in (*primary, *copies) if each.hold is not None), None),
    )


def _point_state(states: Sequence[PointState]) -> PointState:
    """A point is what one may do with it: restorable from anywhere makes it complete."""
    if PointState.COMPLETE in states:
        return PointState.COMPLETE
    if states[0] is PointState.PENDING or states == [PointState.MISSING, PointState.COPYING]:
        return PointState.PENDING
    return PointState.INCOMPLETE


def _primary_state(members: Sequence[ParsedMember], now: datetime) -> PointState:
    """Unsealed is pending while the run that made it may live, and incomplete afterwards."""
    if not members:
        return PointState.MISSING
    seal = one_seal(members)
    if seal is None:
        sealed_before = any(each.seal or each.seal_trouble for each in members)
        alive = attempt_may_live(members, now) and not sealed_before
        return PointState.PENDING if alive else PointState.INCOMPLETE
    if not _carries(members, seal):
        return PointState.INCOMPLETE
    return _readability(members, otherwise=PointState.PENDING)


def _copy_state(members: Sequence[ParsedMember], *, source: PointState) -> PointState:
    """Too few copies are on their way as long as there is something to copy from."""
    if not members:
        return PointState.MISSING
    seal = one_seal(members)
    if seal is not None and _carries(members, seal):
        return _readability(members, otherwise=PointState.COPYING)
    if any(each.snapshot.failed for each in members):
        return PointState.FAILED
    return PointState.COPYING if source is PointState.COMPLETE else PointState.INCOMPLETE


def _carries(members: Sequence[ParsedMember], seal: Seal) -> bool:
    return set_is_whole(members) and seal.members == len(members)


def _readability(members: Sequence[ParsedMember], *, otherwise: PointState) -> PointState:
    states = {_member_state(each) for each in members}
    if PointState.FAILED in states:
        return PointState.FAILED
    return PointState.COMPLETE if states == {PointState.COMPLETE} else otherwise


def _member_state(member: ParsedMember) -> PointState:
    if member.snapshot.failed:
        return PointState.FAILED
    if member.snapshot.readable:
        return PointState.COMPLETE
    on_its_way = member.location is Location.DR
    return PointState.COPYING if on_its_way else PointState.PENDING


def _part(location: Location, members: Sequence[ParsedMember], state: PointState) -> LocationPart:
    return LocationPart(
        location=location,
        region=members[0].snapshot.region if members else None,
        state=state,
        members=tuple(_member(each) for each in members),
        seal=one_seal(members),
    )


def _member(parsed: ParsedMember) -> Member:
    identity, snapshot = parsed.identity, parsed.snapshot
    return Member(
        number=identity.number,
        disk_name=identity.disk_id.name,
        disk_id=identity.disk_id,
        disk_unique_id=identity.disk_unique_id,
        lun=identity.lun,
        size_bytes=snapshot.size_bytes,
        snapshot=snapshot.id,
        state=_member_state(parsed),
        percent=snapshot.percent,
        taken_at=parsed.taken_at,
        region=snapshot.region,
        role=identity.role,
        immutable_until=snapshot.immutable_until,
    )


def _taken_at(parts: Sequence[LocationPart]) -> datetime | None:
    """The latest member's point in time; a seal remembers it when members are gone."""
    for part in parts:
        if part.seal is not None:
            return part.seal.taken_at
    instants = [each.taken_at for part in parts for each in part.members if each.taken_at]
    return max(instants, default=None)
