"""Nouns of a recovery plan: what a dead run left, and what becomes of it."""

from dataclasses import dataclass, replace
from datetime import datetime

from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Consistency


@dataclass(frozen=True, slots=True, kw_only=True)
class StartVm:
    """A VM an offline backup stopped: start it, then take the tag (name and value) away."""

    vm: ResourceId
    tag: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LateSeal:
    """A whole set of a dead run, to be sealed for what it is: crash, whatever was requested.

    The instants that would prove more were in operations whose signed addresses died with the run;
    so the guest is not asked for its report either.
    """

    point: str
    first_member: ResourceId
    members: int
    taken_at: datetime
    consistency: Consistency


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
    seal: tuple[LateSeal, ...] = ()
    undo: tuple[Undo, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()

    @property
    def nothing_to_do(self) -> bool:
        """True when the last run left nothing behind that is ours to put right."""
        return not (self.start or self.seal or self.undo)

    def only_starts(self) -> "RecoveryPlan":
        """The part that cannot wait for the next slot: what should run and stands still."""
        return replace(self, seal=(), undo=())
