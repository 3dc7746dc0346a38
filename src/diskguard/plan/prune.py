"""What is deleted of a policy's restore points, and what is not, and why: docs/prune.md.

A point is judged in each location by itself. The calendar (plan/retention.py) gives the verdict;
what stands above the calendar is in plan/prune_protection.py, how much goes at once in
plan/prune_caps.py. Nothing is deleted where anything a verdict rests on is in doubt.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from diskguard.errors import PruneRefused
from diskguard.model.estate import Estate
from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Location, LocationPart, PointState, RestorePoint
from diskguard.plan.naming_seal import format_instant
from diskguard.plan.naming_tags import PRUNING, ParsedMember
from diskguard.plan.points import Assembly, assemble_for
from diskguard.plan.prune_caps import Doubtless, choose_within_caps
from diskguard.plan.prune_plan import Deletion, Doomed, Fate, PrunePlan, PruneVerdict, Unmark
from diskguard.plan.prune_protection import (
    Protections,
    find_protections,
    parts_there,
)
from diskguard.plan.retention import Candidate, decide
from diskguard.plan.selection import Selected, choose_sources
from diskguard.policy.model import Policy
from diskguard.policy.scalars import format_duration
from diskguard.policy.sections import GoneSources, Keep

WORST_CLOCK = timedelta(minutes=5)
"""Retention is arithmetic with instants: beyond this one of the two clocks is wrong, and nobody
knows which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """What reading each unlisted source told: gone (Azure said 404), or why that is not known."""

    gone: frozenset[ResourceId] = frozenset()
    doubts: Mapping[ResourceId, str] = field(default_factory=dict)


def unlisted_sources(policy: Policy, estate: Estate) -> tuple[ResourceId, ...]:
    """Name the VMs and disks that have points and are in no list; only a GET tells if one is gone.

    None where the policy has no `gone_sources`: nobody needs to know then.
    """
    if policy.retention.gone_sources is None:
        return ()
    listed = _existing(estate)
    points = assemble_for(policy, estate, now=estate.observed_at).points
    return tuple(sorted({source for each in points if (source := each.source) not in listed}))


def plan_prune(
    policy: Policy,
    estate: Estate,
    *,
    gone: Gone,
    now: datetime,
    clock_offset: timedelta,
    at_most: int | None = None,
) -> PrunePlan:
    """Judge every point of the policy in each location, from a look that showed everything.

    `now` is Azure's time, `clock_offset` how far ours is from it. Raises PruneRefused where the
    clocks differ by more than five minutes, and NothingMatched where a rule takes fewer than it
    expects: then nothing may be deleted.
    """
    if abs(clock_offset) > WORST_CLOCK:
        raise PruneRefused(
            f"this machine's clock and Azure's differ by {format_duration(abs(clock_offset))}: "
            "nothing is deleted",
            hint="Set the clock (NTP); a wrong clock makes every age wrong.",
        )
    selected = {each.source: each for each in choose_sources(policy, estate).selected}
    assembly = assemble_for(policy, estate, now=now)
    case = _Case(
        policy=policy,
        now=now,
        assembly=assembly,
        selected=selected,
        existing=_existing(estate),
        gone=gone,
        protections=find_protections(policy, estate, assembly, selected, now=now),
    )
    verdicts = _with_caps([*_verdicts(case)], at_most)
    return PrunePlan(
        policy=policy.name,
        made_at=now,
        at_most=at_most,
        verdicts=tuple(verdicts),
        deletions=tuple(_deletion(each, case) for each in verdicts if each.fate is Fate.DELETE),
        unmark=tuple(_unmarks(verdicts, case)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Everything a verdict is made from."""

    policy: Policy
    now: datetime
    assembly: Assembly
    selected: Mapping[ResourceId, Selected]
    existing: Collection[ResourceId]
    gone: Gone
    protections: Protections


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    """Whether a complete point stays, before locks and caps."""

    keep: bool
    reasons: tuple[str, ...]


def _existing(estate: Estate) -> frozenset[ResourceId]:
    return frozenset({vm.id for vm in estate.vms} | {disk.id for disk in estate.disks})


def _verdicts(case: _Case) -> Iterator[PruneVerdict]:
    sources: dict[ResourceId, list[RestorePoint]] = defaultdict(list)
    for point in case.assembly.points:
        sources[point.source].append(point)
    for source in sorted(sources):
        for location in Location:
            yield from _of_location(source, sources[source], location, case)


def _of_location(
    source: ResourceId, points: Sequence[RestorePoint], location: Location, case: _Case
) -> Iterator[PruneVerdict]:
    parts = [(point, part) for point in points for part in parts_there(point)]
    there = [(point, part) for point, part in parts if part.location is location]
    complete = [point for point, part in there if part.state is PointState.COMPLETE]
    sentences = _sentences(source, complete, parts, location, case)
    for point, part in there:
        sentence = sentences.get(point.id)
        if sentence is None:
            yield _of_incomplete(source, point, part, case)
        else:
            yield _verdict(source, point, part, sentence, case.now)


def _sentences(
    source: ResourceId,
    complete: Sequence[RestorePoint],
    parts: Sequence[tuple[RestorePoint, LocationPart]],
    location: Location,
    case: _Case,
) -> dict[str, _Sentence]:
    """Judge the complete points of one source in one location."""
    candidates = [_candidate(point, location, case) for point in complete]
    if source in case.selected:
        retention = case.selected[source].settings.retention
        keep = retention.primary if location is Location.PRIMARY else retention.dr
        return _by_calendar(candidates, keep, location, case)
    if source in case.gone.gone and (rule := case.policy.retention.gone_sources) is not None:
        taken = [point.moment for point, part in parts if part.state is PointState.COMPLETE]
        return _of_gone(candidates, rule, max(taken, default=case.now), case)
    reason = _why_nobody_judges(source, case)
    return {each.id: _Sentence(keep=True, reasons=(*each.protected, reason)) for each in candidates}


def _candidate(point: RestorePoint, location: Location, case: _Case) -> Candidate:
    protected = case.protections.of(point.id, location)
    return Candidate(id=point.id, taken_at=point.moment, protected=protected)


def _by_calendar(
    candidates: Sequence[Candidate], keep: Keep | None, location: Location, case: _Case
) -> dict[str, _Sentence]:
    if keep is None:
        unruled = f"no `retention.{location.value}`: nothing is pruned there"
        return {
            each.id: _Sentence(keep=True, reasons=(*each.protected, unruled)) for each in candidates
        }
    return {
        each.id: _Sentence(keep=each.keep, reasons=each.reasons)
        for each in decide(candidates, keep, now=case.now)
    }


def _of_gone(
    candidates: Sequence[Candidate], rule: GoneSources, newest: datetime, case: _Case
) -> dict[str, _Sentence]:
    """Points of a VM or disk that Azure says is gone; `newest` is its newest in any location."""
    ends = newest + rule.after
    ordered = sorted(candidates, key=lambda each: (each.taken_at, each.id), reverse=True)
    if case.now < ends:
        waits = f"its VM or disk is gone; `gone_sources` lets it stay until {format_instant(ends)}"
        return {each.id: _Sentence(keep=True, reasons=(*each.protected, waits)) for each in ordered}
    told = f"its VM or disk is gone, and {format_duration(rule.after)} have passed"
    sentences = {}
    for place, each in enumerate(ordered, start=1):
        kept = each.protected
        if place <= rule.min_keep:
            kept = (*kept, f"gone_sources.min_keep {place} of {rule.min_keep}")
        sentences[each.id] = _Sentence(keep=bool(kept), reasons=kept or (told,))
    return sentences


def _why_nobody_judges(source: ResourceId, case: _Case) -> str:
    if source in case.existing:
        return "no rule takes its VM or disk any more: nothing of it is pruned while that exists"
    if source in case.gone.doubts:
        return f"whether its VM or disk is gone is not known: {case.gone.doubts[source]}"
    if case.policy.retention.gone_sources is None:
        return "its VM or disk is in no list, and the policy has no `gone_sources`"
    return "its VM or disk is in no list, and exists all the same"


def _verdict(
    source: ResourceId,
    point: RestorePoint,
    part: LocationPart,
    sentence: _Sentence,
    now: datetime,
) -> PruneVerdict:
    fate, reasons = (Fate.KEEP if sentence.keep else Fate.DELETE), sentence.reasons
    until = part.immutable_until
    locked = until if until is not None and until > now else None
    if locked is not None:
        reasons = (f"immutable until {format_instant(locked)}", *reasons)
        fate = Fate.KEEP if sentence.keep else Fate.IMMUTABLE
    return PruneVerdict(
        point=point.id,
        source=source,
        location=part.location,
        taken_at=point.moment,
        fate=fate,
        reasons=reasons,
        snapshots=len(part.members),
        deletable_from=locked,
    )


def _of_incomplete(
    source: ResourceId, point: RestorePoint, part: LocationPart, case: _Case
) -> PruneVerdict:
    """Only what a prune began to delete is deleted to its end; everything else is `reconcile`'s."""
    begun = _deletion_has_begun(case.assembly.members(point.id, part.location))
    protected = case.protections.of(point.id, part.location)
    if begun:
        told = protected or ("a prune was cut off while it deleted this point",)
        sentence = _Sentence(keep=bool(protected), reasons=told)
        return _verdict(source, point, part, sentence, case.now)
    return PruneVerdict(
        point=point.id,
        source=source,
        location=part.location,
        taken_at=point.taken_at,
        fate=Fate.UNJUDGED,
        reasons=(f"{part.state}: no rule counts it, and only `reconcile` deletes it", *protected),
        snapshots=len(part.members),
    )


def _deletion_has_begun(members: Sequence[ParsedMember]) -> bool:
    """True for what is left of a part whose last member is marked and whose others are going."""
    first = next((each for each in members if each.identity.number == 1), None)
    return first is not None and first.pruning is not None and len(members) < first.identity.count


def _with_caps(verdicts: Sequence[PruneVerdict], at_most: int | None) -> list[PruneVerdict]:
    judged = [each for each in verdicts if each.fate is not Fate.UNJUDGED]
    complete = Counter(each.source for each in judged)
    doubtless = [
        Doubtless(key=_key(each), source=each.source, taken_at=each.taken_at)
        for each in judged
        if each.fate is Fate.DELETE and each.taken_at is not None
    ]
    waiting = choose_within_caps(doubtless, complete, at_most=at_most)
    return [
        replace(each, fate=Fate.LATER, reasons=(waiting[_key(each)], *each.reasons))
        if _key(each) in waiting
        else each
        for each in verdicts
    ]


def _key(verdict: PruneVerdict) -> str:
    return f"{verdict.point} {verdict.location}"


def _deletion(verdict: PruneVerdict, case: _Case) -> Deletion:
    """The seal's member last: while it is there, less than all of its set can be seen to be less."""
    members = case.assembly.members(verdict.point, verdict.location)
    backwards = sorted(members, key=lambda each: each.identity.number, reverse=True)
    marked = len(members) == 1 or backwards[-1].pruning is not None
    return Deletion(
        point=verdict.point,
        source=verdict.source,
        location=verdict.location,
        taken_at=verdict.taken_at,
        members=tuple(
            Doomed(
                id=each.snapshot.id,
                unique_id=each.snapshot.unique_id,
                nonce=each.nonce,
                sealed=True,
            )
            for each in backwards
        ),
        mark={} if marked else {PRUNING: format_instant(case.now)},
    )


def _unmarks(verdicts: Sequence[PruneVerdict], case: _Case) -> Iterator[Unmark]:
    for verdict in verdicts:
        members = case.assembly.members(verdict.point, verdict.location)
        if verdict.fate is Fate.KEEP and not _deletion_has_begun(members):
            for each in members:
                if each.pruning is not None:
                    yield Unmark(snapshot=each.snapshot.id, tags={PRUNING: each.pruning})
