"""How old the newest restorable point is, per source and location, against what was promised.

What should exist comes from the policy and its schedules, never from what exists: a VM that was
never backed up is late, and so is one whose backups stopped long ago.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from diskguard.model.estate import Estate
from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Location, PointState, RestorePoint
from diskguard.plan.points import Assembly, points_by_source
from diskguard.plan.schedule import last_slot, next_slot
from diskguard.plan.selection import Selected, Selection, Unsupported, survey_sources
from diskguard.policy.effective import Settings, effective_settings
from diskguard.policy.model import Policy

COPY_ALLOWANCE: Final = timedelta(days=1)
"""How long a copy may take where the policy has no `rpo.dr`: Azure names no time for one."""

Points = Sequence[RestorePoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """The newest restorable point of one source in one location, and how it stands.

    `expected_slot` is the newest slot that should be restorable there by now. `late`: older than
    the RPO; without an RPO, `expected_slot` has no point. `risks` are sentences, none is none.
    """

    source: ResourceId
    name: str
    rule: str
    location: Location
    newest: RestorePoint | None
    age: timedelta | None
    rpo: timedelta | None
    expected_slot: datetime | None
    late: bool
    risks: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """One word: ok, late, or never (nothing restorable is there, late or not yet)."""
        if self.newest is None:
            return "never"
        return "late" if self.late else "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a rule promises of each of its sources in one location, as of now."""

    location: Location
    rpo: timedelta | None
    expected_slot: datetime | None


def assess_freshness(
    policy: Policy, estate: Estate, assembly: Assembly, *, now: datetime
) -> tuple[Freshness, ...]:
    """Judge every source a rule takes in every location it should lie in, by id, primary first.

    A source that a rule takes and nothing can be taken of is among them, unless the policy says
    `on_unsupported: warn`.
    """
    return judge_selection(policy, survey_sources(policy, estate), assembly, now=now)


def judge_selection(
    policy: Policy, selection: Selection, assembly: Assembly, *, now: datetime
) -> tuple[Freshness, ...]:
    """The same, where the selection is made already."""
    history = points_by_source(assembly.points)
    promises = {
        rule.name: promises_of(effective_settings(policy, rule), now) for rule in policy.rules
    }
    found = [
        _assess(selected, promise, history.get(selected.source, ()), assembly, now)
        for selected in selection.selected
        for promise in promises[selected.rule.name]
    ]
    if selection.unsupported_fails:
        taken = {selected.source for selected in selection.selected}
        hopeless = [each for each in selection.unsupported if each.source not in taken]
        found += _hopeless(hopeless, promises)
    return tuple(sorted(found, key=lambda each: (each.source, list(Location).index(each.location))))


def newest_restorable(points: Points, location: Location) -> RestorePoint | None:
    """The point with the latest data that is complete in that location, or None."""
    restorable = [point for point in points if _state_in(point, location) is PointState.COMPLETE]
    return max(restorable, key=lambda point: point.moment, default=None)


def promises_of(settings: Settings, now: datetime) -> tuple[Promise, ...]:
    """Give what the rule promises per location; `dr` only where it copies there.

    A slot is expected once a run begun then would have ended: after `limits.run_timeout`, and in
    `dr` after the RPO, or a day where there is none.
    """
    rpo, timeout = settings.objectives.rpo, settings.limits.run_timeout
    slot = _expected_slot(settings, now - timeout)
    promises = [Promise(location=Location.PRIMARY, rpo=rpo.primary, expected_slot=slot)]
    if "dr" in settings.copying.to:
        until = now - timeout - (rpo.dr or COPY_ALLOWANCE)
        only_first = settings.copying.which == "daily-first"
        slot = _expected_slot(settings, until, first_of_day=only_first)
        promises.append(Promise(location=Location.DR, rpo=rpo.dr, expected_slot=slot))
    return tuple(promises)


def _expected_slot(
    settings: Settings, until: datetime, *, first_of_day: bool = False
) -> datetime | None:
    """The newest slot of any schedule by then; `first_of_day`: the first of that slot's UTC day."""
    slots = [last_slot(schedule, until) for schedule in settings.schedules]
    newest = max((slot for slot in slots if slot is not None), default=None)
    if newest is None or not first_of_day:
        return newest
    midnight = newest.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    before = midnight - timedelta(seconds=1)
    return min(next_slot(schedule, before) for schedule in settings.schedules)


def _assess(
    selected: Selected, promise: Promise, points: Points, assembly: Assembly, now: datetime
) -> Freshness:
    newest = newest_restorable(points, promise.location)
    age = None if newest is None else max(timedelta(), now - newest.moment)
    return Freshness(
        source=selected.source,
        name=selected.source.name,
        rule=selected.rule.name,
        location=promise.location,
        newest=newest,
        age=age,
        rpo=promise.rpo,
        expected_slot=promise.expected_slot,
        late=_is_late(promise, newest, age, points, now),
        risks=tuple(_risks(selected, promise, newest, points, assembly)),
    )


def _hopeless(
    unsupported: Iterable[Unsupported], promises: Mapping[str, Sequence[Promise]]
) -> Iterator[Freshness]:
    """Sources a rule takes and nothing can be taken of: each once, with every reason."""
    grouped: dict[ResourceId, list[Unsupported]] = defaultdict(list)
    for each in unsupported:
        grouped[each.source].append(each)
    for source, refusals in grouped.items():
        for promise in promises[refusals[0].rule]:
            yield Freshness(
                source=source,
                name=source.name,
                rule=refusals[0].rule,
                location=promise.location,
                newest=None,
                age=None,
                rpo=promise.rpo,
                expected_slot=promise.expected_slot,
                late=True,
                risks=tuple(_refusal(each) for each in refusals),
            )


def _refusal(unsupported: Unsupported) -> str:
    what = f"disk {unsupported.disk}: " if unsupported.disk else ""
    return f"it cannot be backed up: {what}{unsupported.reason}"


def _is_late(
    promise: Promise,
    newest: RestorePoint | None,
    age: timedelta | None,
    points: Points,
    now: datetime,
) -> bool:
    if newest is None or age is None:
        return not _first_copy_is_in_time(promise, points, now)
    if promise.rpo is not None:
        return age > promise.rpo
    return not _serves(newest, promise.expected_slot)


def _first_copy_is_in_time(promise: Promise, points: Points, now: datetime) -> bool:
    """A new VM's first copy takes its time: one is under way, and no point has waited too long."""
    if promise.location is not Location.DR:
        return False
    sealed = [point for point in points if point.seal is not None]
    oldest = min((point.moment for point in sealed), default=None)
    if oldest is None or now - oldest > (promise.rpo or COPY_ALLOWANCE):
        return False
    return any(_state_in(point, Location.DR) is PointState.COPYING for point in sealed)


def _serves(point: RestorePoint, slot: datetime | None) -> bool:
    return slot is None or max(point.slot, point.moment) >= slot


def _risks(
    selected: Selected,
    promise: Promise,
    newest: RestorePoint | None,
    points: Points,
    assembly: Assembly,
) -> Iterator[str]:
    later = [point for point in points if newest is None or point.moment > newest.moment]
    if newest is not None:
        yield from _weaknesses(selected, newest, promise.location)
        if promise.rpo is not None and not _serves(newest, promise.expected_slot):
            yield f"the slot of {promise.expected_slot:%Y-%m-%d %H:%M}Z has no restorable point"
    if promise.location is Location.PRIMARY:
        broken = sum(point.state is PointState.INCOMPLETE for point in later)
        yield from _counted(broken, "is incomplete", "are incomplete")
    else:
        failed = sum(_state_in(point, Location.DR) is PointState.FAILED for point in later)
        yield from _counted(failed, "failed to be copied", "failed to be copied")
        given_up = sum(_is_given_up(point, assembly) for point in later)
        yield from _counted(
            given_up,
            "is never copied: the backlog was full",
            "are never copied: the backlog was full",
        )


def _weaknesses(selected: Selected, newest: RestorePoint, location: Location) -> Iterator[str]:
    """What the newest restorable point lacks: the grade asked for, or a disk of today's."""
    part = newest.part(location)
    seal = None if part is None else part.seal
    if seal is not None and seal.consistency.downgraded:
        reached = seal.consistency
        why = f": {reached.reason}" if reached.reason else ""
        yield f"the newest point is {reached.achieved}, not {reached.requested}{why}"
    held = {member.disk_unique_id.lower() for member in (part.members if part else ())}
    missing = [each.name for each in selected.disks if each.disk.unique_id.lower() not in held]
    if missing:
        yield f"the newest point is without disk {', '.join(missing)}"


def _counted(number: int, one: str, several: str) -> Iterator[str]:
    if number:
        yield f"1 newer point {one}" if number == 1 else f"{number} newer points {several}"


def _is_given_up(point: RestorePoint, assembly: Assembly) -> bool:
    members = assembly.members(point.id, Location.PRIMARY)
    return any(member.copy_skipped for member in members)


def _state_in(point: RestorePoint, location: Location) -> PointState:
    part = point.part(location)
    return PointState.MISSING if part is None else part.state
