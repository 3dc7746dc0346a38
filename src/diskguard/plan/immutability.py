"""Which snapshots are to be made immutable, and for how long: `protection.immutability`.

A whole point, sealed (primary) or finished (copy), is immutable in a location until so many days
after it was taken. Every run looks for what is not so yet, so nothing is lost when one dies between
the seal and this. Longer is left as it is; nothing is ever shortened.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from diskguard.model.estate import Estate, Snapshot
from diskguard.model.ids import ResourceId
from diskguard.model.report import Failure
from diskguard.model.restore_point import Location, PointState
from diskguard.plan.points import Assembly, assemble_for
from diskguard.plan.selection import survey_sources
from diskguard.policy.model import Policy
from diskguard.policy.sections import Immutability, Immutable

MOST_IMMUTABLE: Final = 450
"""Azure keeps 500 snapshots of a disk: one that could not be deleted would stop all backups."""
LONGEST: Final = 90  # days, Azure's present limit
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmutabilityStep:
    """One snapshot, immutable until `until` at least. `locked`: never to be shortened by anybody."""

    point: str
    location: Location
    snapshot: ResourceId
    until: datetime
    locked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmutabilityPlan:
    """What is to be made immutable, and what is refused because it contradicts itself."""

    steps: tuple[ImmutabilityStep, ...] = ()
    failures: tuple[Failure, ...] = ()


def asks_for_immutability(policy: Policy) -> bool:
    """True where any rule does."""
    asked = [policy.protection.immutability]
    asked += [rule.protection.immutability for rule in policy.rules if rule.protection is not None]
    return any(each.mode != "none" for one in asked for each in (one.primary, one.dr))


def plan_immutability(policy: Policy, estate: Estate, *, now: datetime) -> ImmutabilityPlan:
    """Plan what the policy asks for and Azure does not show yet."""
    wishes = {
        each.source: each.settings.protection.immutability
        for each in survey_sources(policy, estate).selected
    }
    assembly = assemble_for(policy, estate, now=now)
    immutable = _immutable_by_disk(assembly, now)
    steps: list[ImmutabilityStep] = []
    refused: dict[str, Failure] = {}
    for disk, step in _wanted(assembly, wishes, now):
        key = (disk, step.location)
        if immutable[key] >= MOST_IMMUTABLE:
            refused.setdefault(f"{key}", _too_many(step))
        else:
            immutable[key] += 1
            steps.append(step)
    return ImmutabilityPlan(steps=tuple(steps), failures=tuple(refused.values()))


def days_to_ask(snapshot: Snapshot, step: ImmutabilityStep, now: datetime) -> int | None:
    """How many days to ask for, as Azure counts them; None for one that is immutable enough.

    Azure counts from the start of an active policy, or from now where none is active.
    """
    if _is_enough(snapshot, step.until, locked=step.locked, now=now):
        return None
    active = snapshot.immutable_until is not None and snapshot.immutable_until > now
    start = snapshot.immutable_since if active and snapshot.immutable_since else now
    until = max(step.until, snapshot.immutable_until) if snapshot.immutable_until else step.until
    return min(LONGEST, max(1, ceil((until - start) / _DAY)))


def _wanted(
    assembly: Assembly, wishes: Mapping[ResourceId, Immutability], now: datetime
) -> Iterator[tuple[str, ImmutabilityStep]]:
    """Every snapshot that is not immutable enough, oldest point first, with its disk."""
    for point in reversed(assembly.points):
        wish = wishes.get(point.source)
        for part in point.parts:
            if wish is None or part.state is not PointState.COMPLETE or point.taken_at is None:
                continue
            asked = _of_location(wish, part.location)
            until = point.taken_at + timedelta(days=asked.days or 0)
            if asked.mode == "none" or until <= now:
                continue
            for member in assembly.members(point.id, part.location):
                locked = asked.mode == "locked"
                if not _is_enough(member.snapshot, until, locked=locked, now=now):
                    yield (
                        member.identity.disk_unique_id.lower(),
                        ImmutabilityStep(
                            point=point.id,
                            location=part.location,
                            snapshot=member.snapshot.id,
                            until=until,
                            locked=locked,
                        ),
                    )


def _of_location(wish: Immutability, location: Location) -> Immutable:
    return wish.primary if location is Location.PRIMARY else wish.dr


def _is_enough(snapshot: Snapshot, until: datetime, *, locked: bool, now: datetime) -> bool:
    ends = snapshot.immutable_until
    if ends is None or ends <= now or ends < until:
        return False
    return snapshot.immutability == "Locked" or not locked


def _immutable_by_disk(assembly: Assembly, now: datetime) -> Counter[tuple[str, Location]]:
    found: Counter[tuple[str, Location]] = Counter()
    for members in assembly.snapshots.values():
        for each in members:
            ends = each.snapshot.immutable_until
            if ends is not None and ends > now:
                found[each.identity.disk_unique_id.lower(), each.location] += 1
    return found


def _too_many(step: ImmutabilityStep) -> Failure:
    return Failure(
        code="too-much-immutable",
        message=f"{step.snapshot.name}: {MOST_IMMUTABLE} snapshots of its disk are immutable in "
        f"{step.location} already; Azure keeps 500, so no more is made immutable",
        exit_status=1,
        hint="Fewer `days`, or fewer points: see `protection.immutability`.",
    )
