"""Estates with a past: VMs whose points were taken, copied, downgraded or missed for days."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tests.plan.builders import (
    NOON,
    a_copy,
    a_policy,
    a_seal,
    a_snapshot,
    a_vm,
    an_estate,
    identities_of,
)

from diskguard.model.estate import Estate, Snapshot, Vm
from diskguard.model.restore_point import Consistency, Grade
from diskguard.plan.points import assemble_for
from diskguard.plan.status import DiskUse, survey_status
from diskguard.plan.timeline import draw_timeline
from diskguard.plan.timeline_picture import Timeline
from diskguard.policy.model import Policy

HOUR = timedelta(hours=1)
OBJECTIVES = """
schedules: [{name: hourly, cron: "0 * * * *"}]
objectives: {rpo: {primary: 2h, dr: 6h}}
"""
THINNING = "retention: {primary: {hourly: 24, daily: 7, min_keep: 2}, dr: {daily: 14, min_keep: 2}}"

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "</style><svg onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "db\x00\x1b[2J\u202e01",
    "&lt;b&gt;",
    "javascript:alert(1)",
)
"""Names nobody should give anything."""


def a_promise(more: str = "") -> Policy:
    """A policy with an RPO of two hours at home and six hours away."""
    return a_policy(OBJECTIVES + more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """How a VM's points were made, hour by hour; hours count back from NOON."""

    hours: Sequence[int]
    grade: Grade = Grade.FILESYSTEM
    requested: Grade = Grade.FILESYSTEM
    reason: str | None = None
    copied: frozenset[int] = frozenset()  # the hours whose points are whole in the other region
    copying: frozenset[int] = frozenset()
    percent: float = 37.0  # of what is being copied
    unsealed: frozenset[int] = frozenset()


def hours(first: int, last: int, step: int = 1) -> tuple[int, ...]:
    """Hours ago, both included."""
    return tuple(range(first, last + 1, step))


def snapshots_of(vm: Vm, past: Past) -> Iterator[Snapshot]:
    """Give every snapshot of such a past, copies too."""
    for ago in past.hours:
        slot = NOON - ago * HOUR
        point = list(_point(vm, slot, past, sealed=ago not in past.unsealed))
        yield from point
        if ago in past.copied | past.copying:
            percent = 100.0 if ago in past.copied else past.percent
            yield from _copies(vm, point, slot, past, percent)


def _seal(members: int, slot: datetime, past: Past):
    frozen = past.grade is Grade.FILESYSTEM
    begun = slot + timedelta(seconds=1)
    reached = Consistency(
        requested=past.requested,
        achieved=past.grade,
        reason=past.reason,
        frozen_at=begun if frozen else None,
        thawed_at=begun + timedelta(seconds=2 + slot.hour % 5) if frozen else None,
    )
    return a_seal(members, consistency=reached, taken_at=slot + timedelta(seconds=2))


def _point(vm: Vm, slot: datetime, past: Past, *, sealed: bool) -> Iterator[Snapshot]:
    identities = identities_of(vm, slot=slot, requested=past.requested)
    seal = _seal(len(identities), slot, past) if sealed else None
    for identity in identities:
        yield a_snapshot(identity, seal=seal if identity.number == 1 else None)


def _copies(
    vm: Vm, point: Sequence[Snapshot], slot: datetime, past: Past, percent: float
) -> Iterator[Snapshot]:
    seal = _seal(len(point), slot, past)
    for source in point:
        began = slot + timedelta(minutes=3)
        yield a_copy(source, seal, percent=percent, time_created=began)


def an_estate_with(pasts: Iterable[tuple[Vm, Past]]) -> Estate:
    """An estate of these VMs and what is left of their past."""
    known = list(pasts)
    snapshots = [each for vm, past in known for each in snapshots_of(vm, past)]
    return an_estate(*(vm for vm, _ in known), snapshots=snapshots)


def a_timeline(
    policy: Policy, estate: Estate, *, now: datetime = NOON, most: int = 300
) -> Timeline:
    """Judged and drawn, as `status` does it."""
    assembly = assemble_for(policy, estate, now=now)
    status = survey_status(policy, estate, assembly, now=now)
    return draw_timeline(policy, status, assembly, most=most)


def a_troubled_estate() -> Estate:
    """Every kind of standing: late in one place or both, never, at risk, thinned, fine."""
    day = hours(0, 72)
    few = frozenset(hours(0, 72, 3))
    crash = Past(hours=day, grade=Grade.CRASH, reason="the guest has no systemd", copied=few)
    pasts = [
        (a_vm("erp-db01", data_disks=3), Past(hours=hours(26, 72), copied=frozenset(hours(27, 72, 3)))),
        (a_vm("erp-db02"), Past(hours=day, copied=frozenset(hours(30, 72, 3)), copying=frozenset({29}))),
        (a_vm("web-new"), Past(hours=())),
        (a_vm("erp-app01"), crash),
        (a_vm("erp-app02"), Past(hours=(*hours(0, 20), *hours(31, 72)), copied=few)),
        (a_vm("files01"), Past(hours=(*hours(0, 24), 36, 60), copied=frozenset({0, 5, 10, 15, 20, 36, 60}))),
        (a_vm("legacy"), replace(crash, requested=Grade.CRASH, reason=None)),
        (a_vm("batch"), Past(hours=day, grade=Grade.OFFLINE, requested=Grade.OFFLINE, copied=few, unsealed=frozenset({7, 8}))),
    ]  # fmt: skip
    return an_estate_with(pasts)


def a_hostile_timeline(name: str) -> Timeline:
    """One VM in trouble with such a name wherever a name, a tag or a reason can be."""
    past = Past(
        hours=(0, 1, 5, 6),
        grade=Grade.CRASH,
        reason=name,
        copied=frozenset({1, 5}),
        copying=frozenset({0}),
    )
    timeline = a_timeline(
        a_promise(THINNING),
        an_estate_with([(a_vm("db01"), past)]),
        now=NOON + timedelta(minutes=20),
    )
    (track,) = timeline.tracks
    lanes = tuple(replace(lane, fresh=replace(lane.fresh, name=name)) for lane in track.lanes)
    disk = replace(track.source, text=track.source.text + name)
    use = DiskUse(source=track.source, disk=disk, used=3)
    hostile = replace(track, name=name, rule=name, source=disk, lanes=lanes, fullest=use)
    under_way = tuple(replace(copy, point=name, source=disk) for copy in timeline.under_way)
    return replace(timeline, tracks=(hostile,), under_way=under_way, remarks=(name,))
