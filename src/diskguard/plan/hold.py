"""A legal hold: which snapshots it is written on, and in which words (docs/prune.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from diskguard.errors import UsageInvalid
from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Location
from diskguard.plan.naming_seal import MAX_TAG_VALUE, format_instant
from diskguard.plan.naming_tags import HOLD
from diskguard.plan.points import Assembly


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPlan:
    """What a hold is written on, or taken off; in this order.

    `tags` of a hold to be taken off are what each snapshot bears, for Azure deletes a tag only
    together with its value.
    """

    point: str
    snapshots: tuple[ResourceId, ...]
    tags: Mapping[ResourceId, Mapping[str, str]] = field(default_factory=dict)


def plan_hold(assembly: Assembly, point: str, *, reason: str, now: datetime) -> HoldPlan:
    """Plan a hold on every member and copy; those that have one keep it as it is.

    Backwards, as a prune deletes: what it would take first is held first. Raises UsageInvalid for
    a reason that no tag can hold.
    """
    value = f"{format_instant(now)} {reason}".strip()
    if len(value) > MAX_TAG_VALUE or not value.isprintable():
        raise UsageInvalid(f"a reason has at most {MAX_TAG_VALUE - 28} printable characters")
    free = [
        each.snapshot.id
        for location in Location
        for each in reversed(assembly.members(point, location))
        if each.hold is None
    ]
    return HoldPlan(point=point, snapshots=tuple(free), tags={each: {HOLD: value} for each in free})


def plan_release(assembly: Assembly, point: str) -> HoldPlan:
    """Plan to take the hold off every member and copy that bears one."""
    held = {
        each.snapshot.id: {HOLD: each.hold}
        for location in Location
        for each in assembly.members(point, location)
        if each.hold is not None
    }
    return HoldPlan(point=point, snapshots=tuple(held), tags=held)
