"""Which sealed points are still to be brought to the other region, and in which order.

Azure copies the snapshots of one disk one at a time and in creation order (arm-wire 2). So a
snapshot older than the newest copy of its disk is never copied any more: it was copied and pruned
since, or given up. This is also what keeps copies that retention deleted from coming back.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import takewhile

from diskguard.errors import NameTaken
from diskguard.model.estate import Estate, Snapshot
from diskguard.model.ids import ResourceId
from diskguard.model.report import Failure
from diskguard.model.restore_point import Location, PointState, RestorePoint, Seal
from diskguard.model.wish import SnapshotWish
from diskguard.plan.backup_plan import CopyTarget
from diskguard.plan.copies_plan import CopyPlan, CopyQueue, CopyStep, SkippedPoint
from diskguard.plan.copies_target import NoTarget, choose_target
from diskguard.plan.naming import snapshot_id
from diskguard.plan.naming_seal import format_instant
from diskguard.plan.naming_tags import COPY_SKIPPED, HOLD, ParsedMember, copy_tags
from diskguard.plan.points import Assembly, assemble_for
from diskguard.plan.selection import survey_sources
from diskguard.policy.model import Policy
from diskguard.policy.sections import Copy, Protection

MOST_AT_ONCE = 100  # copies under way per subscription and region; Azure's limit (arm-wire 2)


def plan_copies(policy: Policy, estate: Estate, *, now: datetime) -> CopyPlan:
    """Plan every outstanding copy of the policy's sealed points, disk by disk, oldest first.

    Copies under way are in the queues too, to be followed. A source no rule takes any more, or
    that is gone, is copied as the policy's own `copy` section says.
    """
    if policy.locations.dr is None:
        return CopyPlan(policy=policy.name, made_at=now, parallel=MOST_AT_ONCE)
    look = _look(policy, estate, now)
    queues: dict[tuple[str, str], list[_Step]] = defaultdict(list)
    for source, points in _by_source(look.assembly.points):
        for step in _steps_of(source, points, look):
            queues[step.member.identity.disk_unique_id.lower(), step.copy.wish.region].append(step)
    return CopyPlan(
        policy=policy.name,
        made_at=now,
        parallel=min(MOST_AT_ONCE, policy.limits.parallel_copies),
        queues=tuple(_queue(queues[key]) for key in sorted(queues)),
        skipped=tuple(sorted(look.skipped, key=lambda skipped: skipped.point)),
        failures=tuple(dict.fromkeys(look.failures)),
    )


def points_to_copy(policy: Policy, estate: Estate, *, now: datetime) -> frozenset[str]:
    """Name every point whose copies are still wanted and not final: they need their originals.

    Also those whose copy can go nowhere today, or waits for another one.
    """
    if policy.locations.dr is None:
        return frozenset()
    look = _look(policy, estate, now)
    return frozenset(
        point.id
        for source, points in _by_source(look.assembly.points)
        if "dr" in (wish := look.wish_for(source)).copying.to
        for point in _wanted(points, wish)
        if _outstanding(point, look) is not None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wished:
    """What applies to the copies of one source."""

    copying: Copy
    protection: Protection


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """A step with the member it copies."""

    member: ParsedMember
    copy: CopyStep


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outstanding:
    """A point with members that are not copied yet; `started` when any of its copies exists."""

    point: RestorePoint
    seal: Seal
    members: tuple[ParsedMember, ...]
    started: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """The estate, indexed once; `skipped` and `failures` gather on the way."""

    policy: Policy
    estate: Estate
    now: datetime
    assembly: Assembly
    wishes: Mapping[ResourceId, _Wished]
    copies: Mapping[ResourceId, ParsedMember]  # ours, by their own ids
    newest: Mapping[str, datetime]  # copied point in time, by the disk's unique id
    by_id: Mapping[ResourceId, Snapshot]
    skipped: list[SkippedPoint] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def wish_for(self, source: ResourceId) -> _Wished:
        """What applies to that source."""
        fallback = _Wished(copying=self.policy.copying, protection=self.policy.protection)
        return self.wishes.get(source, fallback)


def _look(policy: Policy, estate: Estate, now: datetime) -> _Look:
    assembly = assemble_for(policy, estate, now=now)
    copies = {
        copy.snapshot.id: copy
        for point in assembly.points
        for copy in assembly.members(point.id, Location.DR)
    }
    newest: dict[str, datetime] = {}
    for copy in copies.values():
        disk = copy.identity.disk_unique_id.lower()
        if not copy.snapshot.failed and copy.taken_at is not None:
            newest[disk] = max(copy.taken_at, newest.get(disk, copy.taken_at))
    return _Look(
        policy=policy,
        estate=estate,
        now=now,
        assembly=assembly,
        wishes={
            each.source: _Wished(copying=each.settings.copying, protection=each.settings.protection)
            for each in survey_sources(policy, estate).selected
        },
        copies=copies,
        newest=newest,
        by_id={snapshot.id: snapshot for snapshot in estate.snapshots},
    )


def _by_source(
    points: Iterable[RestorePoint],
) -> Iterator[tuple[ResourceId, list[RestorePoint]]]:
    """Give the sealed points of each source, oldest first; also those left in one location only."""
    found: dict[ResourceId, list[RestorePoint]] = defaultdict(list)
    for point in points:
        if point.seal is not None:
            found[point.source].append(point)
    for source in sorted(found):
        yield source, sorted(found[source], key=lambda point: (point.taken_at, point.id))


def _steps_of(source: ResourceId, points: Sequence[RestorePoint], look: _Look) -> Iterator[_Step]:
    wish = look.wish_for(source)
    if "dr" not in wish.copying.to:
        return
    ready = takewhile(_background_is_done, _wanted(points, wish))
    outstanding = [each for point in ready if (each := _outstanding(point, look)) is not None]
    given_up = _overflow(outstanding, wish.copying.backlog.max_pending)
    for each in outstanding:
        if each in given_up:
            look.skipped.append(_give_up(each, look))
        else:
            yield from _steps(each, wish, look)


def _wanted(points: Sequence[RestorePoint], wish: _Wished) -> Sequence[RestorePoint]:
    return _first_of_each_day(points) if wish.copying.which == "daily-first" else points


def _background_is_done(point: RestorePoint) -> bool:
    """A point still copied in the background makes the later ones wait, to keep the order."""
    primary = point.part(Location.PRIMARY)
    return primary is None or primary.state is not PointState.PENDING


def _first_of_each_day(points: Sequence[RestorePoint]) -> list[RestorePoint]:
    days: dict[date, RestorePoint] = {}
    for point in points:
        if point.taken_at is not None:
            days.setdefault(point.taken_at.date(), point)
    return list(days.values())


def _outstanding(point: RestorePoint, look: _Look) -> _Outstanding | None:
    """Give what of a point is not copied; None for all, for nothing, and for what cannot be."""
    primary = point.part(Location.PRIMARY)
    if primary is None or primary.state is not PointState.COMPLETE or primary.seal is None:
        return None
    members = look.assembly.members(point.id, Location.PRIMARY)
    if any(member.copy_skipped or member.taken_at is None for member in members):
        return None
    missing = tuple(member for member in members if _is_missing(member, look))
    if not missing:
        return None
    started = bool(look.assembly.members(point.id, Location.DR))
    return _Outstanding(point=point, seal=primary.seal, members=missing, started=started)


def _is_missing(member: ParsedMember, look: _Look) -> bool:
    copy = look.copies.get(_copy_id(member, look.policy))
    if copy is not None and not copy.snapshot.failed:
        return not copy.snapshot.readable
    newest = look.newest.get(member.identity.disk_unique_id.lower())
    return member.taken_at is not None and (newest is None or member.taken_at > newest)


def _overflow(outstanding: Sequence[_Outstanding], most: int) -> list[_Outstanding]:
    """Give the oldest points not begun that are too many; the newest is never among them."""
    unstarted = [each for each in outstanding[:-1] if not each.started]
    return unstarted[: max(0, len(outstanding) - most)]


def _give_up(outstanding: _Outstanding, look: _Look) -> SkippedPoint:
    point = outstanding.point
    first = look.assembly.members(point.id, Location.PRIMARY)[0]
    return SkippedPoint(
        point=point.id,
        first_member=first.snapshot.id,
        tags={COPY_SKIPPED: f"backlog {format_instant(look.now)}"},
        reason="more copies are waiting than `copy.backlog.max_pending` allows",
    )


def _steps(outstanding: _Outstanding, wish: _Wished, look: _Look) -> list[_Step]:
    """Give the steps of one point; none of them if one can go nowhere: half a point is no use."""
    steps = []
    for member in outstanding.members:
        try:
            step = _step(member, outstanding, wish, look)
        except NoTarget as nowhere:
            look.failures.append(nowhere.failure)
            return []
        if step is None:
            return []
        steps.append(step)
    return steps


def _step(
    member: ParsedMember, outstanding: _Outstanding, wish: _Wished, look: _Look
) -> _Step | None:
    snapshot, name = member.snapshot, _copy_id(member, look.policy)
    copy = look.copies.get(name)
    if copy is None and name in look.by_id:
        message = f"{name} bears the copy's name and is not ours"
        look.failures.append(Failure(code=NameTaken.code, message=message, exit_status=1))
        return None
    target = choose_target(
        look.policy,
        wish.copying,
        look.estate,
        source=(snapshot.id.subscription, snapshot.region),
        encryption_set=snapshot.encryption_set,
    )
    if target is None:
        return None
    failed = copy is not None and copy.snapshot.failed
    return _Step(
        member=member,
        copy=CopyStep(
            point=outstanding.point.id,
            source=snapshot.id,
            wish=_copy_wish(member, outstanding, target, look, wish.protection.network_access),
            failed_before=name if failed else None,
            running=copy is not None and not failed,
            percent=copy.snapshot.percent if copy is not None and not failed else None,
        ),
    )


def _copy_wish(
    member: ParsedMember,
    outstanding: _Outstanding,
    target: CopyTarget,
    look: _Look,
    network_access: str,
) -> SnapshotWish:
    hold = outstanding.point.hold
    return SnapshotWish(
        id=_copy_id(member, look.policy),
        region=target.region,
        source=member.snapshot.id,
        copy=True,
        tags={
            **look.policy.tags,
            **copy_tags(member, outstanding.seal),
            **({} if hold is None else {HOLD: hold}),
        },
        sku=target.sku,
        network_access=network_access,
        encryption_set=target.encryption_set,
        enhanced_speed=target.enhanced_speed,
    )


def _copy_id(member: ParsedMember, policy: Policy) -> ResourceId:
    dr = policy.locations.dr
    group = dr.resource_group if dr is not None else ""
    return snapshot_id(member.snapshot.id, group, member.identity.name)


def _queue(steps: Sequence[_Step]) -> CopyQueue:
    in_order = sorted(steps, key=lambda step: (step.member.taken_at, step.copy.point))
    first = in_order[0]
    return CopyQueue(
        disk_unique_id=first.member.identity.disk_unique_id,
        disk_name=first.member.identity.disk_id.name,
        subscription=first.copy.source.subscription,
        region=first.copy.wish.region,
        steps=tuple(step.copy for step in in_order),
    )
