"""A timeline as a picture: its lanes, marks and gaps, with the instants they lie at."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from diskguard.model.ids import Region, ResourceId
from diskguard.model.restore_point import Grade, PointState
from diskguard.plan.freshness import Freshness
from diskguard.plan.status import DiskUse
from diskguard.plan.status_copies import CopyUnderWay


class Standing(StrEnum):
    """How a source stands, worst first."""

    LATE = "late"  # the newest restorable point is older than promised, or there is none
    RISK = "at risk"  # in time, but something about it is wrong
    FINE = "in time"


class GapKind(StrEnum):
    """What a stretch without a fresh enough point means."""

    OPEN = "open"  # goes on until now: restoring now would lose more than promised
    PAST = "past"  # a point made in it would still be kept, so there was none
    THINNED = "thinned"  # retention would have removed what was made in it: nothing can be said


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One point in one location. `grade` is None unless it is restorable there."""

    at: datetime
    point: str
    state: PointState
    grade: Grade | None
    downgraded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch in which the newest point was older than the RPO."""

    since: datetime
    until: datetime
    kind: GapKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One source in one location. `marks` are oldest first; `unmarked` are too many to draw.

    `known_since` is the first restorable point's moment, in sight or before; None: there is none.
    """

    fresh: Freshness
    region: Region | None
    standing: Standing
    known_since: datetime | None = None
    marks: tuple[Mark, ...] = ()
    gaps: tuple[Gap, ...] = ()
    unmarked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """How long a guest stood still for a point, and the most it was allowed to."""

    point: str
    at: datetime
    length: timedelta
    limit: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyTime:
    """How long the finished copy of a point took: Azure keeps its beginning, and no end."""

    point: str
    began: datetime
    at_most: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One VM, or one disk without a VM. `drawn` False: its lanes have neither marks nor gaps."""

    source: ResourceId
    name: str
    rule: str
    standing: Standing
    lanes: tuple[Lane, ...]
    drawn: bool
    standstills: tuple[Standstill, ...]
    copies: tuple[CopyTime, ...]
    fullest: DiskUse | None

    @property
    def is_vm(self) -> bool:
        """False for a disk that no VM has."""
        return self.source.kind.lower() == "microsoft.compute/virtualmachines"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Everything to be drawn between two instants, the worst first.

    `remarks` are what no track can say: rules that take too little, what is left out.
    """

    since: datetime
    until: datetime
    tracks: tuple[Track, ...]
    under_way: tuple[CopyUnderWay, ...] = ()
    remarks: tuple[str, ...] = ()

    def count(self, standing: Standing) -> int:
        """How many sources stand so."""
        return sum(track.standing is standing for track in self.tracks)
