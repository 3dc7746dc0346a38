"""Nouns of a recovery plan: what a dead run left, and what becomes of it."""

from dataclasses import dataclass
from datetime import datetime

from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Consistency, Grade
from diskguard.plan.naming_tags import ParsedMember


@dataclass(frozen=True, slots=True, kw_only=True)
class StartVm:
    """A VM an offline backup stopped: start it, then take the tag (name and value) away."""

    vm: ResourceId
    tag: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealLater:
    """A whole set of a dead run. Sealed as `without_report` says, unless a report proves more.

    `collect_from` is the VM whose holder may still have the report of `attempt`; None: it is too
    late to ask, or nothing was to be frozen.
    """

    point: str
    attempt: str
    members: tuple[ParsedMember, ...]
    requested: Grade
    without_report: Consistency
    collect_from: ResourceId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """Snapshots to be deleted: what a dead run left that is not whole, or holds no data."""

    point: str
    snapshots: tuple[ResourceId, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAlone:
    """Something unfinished that is not touched, with the reason."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPlan:
    """What is put right before anything new is begun; in this order."""

    policy: str
    made_at: datetime
    start: tuple[StartVm, ...] = ()
    seal: tuple[SealLater, ...] = ()
    undo: tuple[Undo, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()

    @property
    def nothing_to_do(self) -> bool:
        """True when the last run left nothing behind that is ours to put right."""
        return not (self.start or self.seal or self.undo)
