"""Nouns of a copy plan: what is still to be brought to the other region, disk by disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from diskguard.model.ids import Region, ResourceId
from diskguard.model.report import Failure
from diskguard.model.wish import SnapshotWish


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyStep:
    """One snapshot to be copied. `failed_before` is our failed copy of that name, deleted first.

    `running` is true for a copy Azure has already accepted: it is followed, not asked for again.
    """

    point: str
    source: ResourceId
    wish: SnapshotWish
    failed_before: ResourceId | None = None
    running: bool = False
    percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyQueue:
    """The outstanding copies of one disk to one region, in the order its snapshots were made.

    Azure copies one snapshot of a disk at a time, in creation order (arm-wire 2): a step starts
    when the one before it is complete, and what comes after a failed step waits for the next run.
    """

    disk_unique_id: str
    disk_name: str
    subscription: str
    region: Region
    steps: tuple[CopyStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedPoint:
    """A point whose copies are given up. `tags`, merged onto `first_member`, record it for good.

    `tags` is empty where the skip follows from the policy each time and needs no record.
    """

    point: str
    first_member: ResourceId
    tags: Mapping[str, str]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPlan:
    """What `copy` will do; at most `parallel` copies at once per subscription and region."""

    policy: str
    made_at: datetime
    parallel: int
    queues: tuple[CopyQueue, ...] = ()
    skipped: tuple[SkippedPoint, ...] = ()
    failures: tuple[Failure, ...] = ()
