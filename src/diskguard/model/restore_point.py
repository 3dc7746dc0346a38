"""What one can go back to: restore points, their members, what they may be called."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from diskguard.model.ids import Region, ResourceId


class Grade(StrEnum):
    """What the data of a point agree on, strongest last."""

    CRASH = "crash"
    OFFLINE = "offline"
    FILESYSTEM = "filesystem"
    APPLICATION = "application"


class PointState(StrEnum):
    """Whether one may restore from a point, or from its part in one location."""

    PENDING = "pending"  # being made; not restorable
    COPYING = "copying"  # a location's part under way; not restorable there
    COMPLETE = "complete"  # restorable
    INCOMPLETE = "incomplete"  # a run died or failed; never restorable as a whole
    MISSING = "missing"  # a location has nothing of it
    FAILED = "failed"  # a location's part failed; the next run tries again


class Location(StrEnum):
    """The two places a point can lie in."""

    PRIMARY = "primary"
    DR = "dr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """What was asked, what was reached, and the proof of it.

    `window` is from the last FIFREEZE to the first FITHAW; `spread` from the first to the last
    member's point in time; `clock_error` the bound the proof allowed for. None: does not apply.
    """

    requested: Grade
    achieved: Grade
    reason: str | None = None
    frozen_at: datetime | None = None
    thawed_at: datetime | None = None
    spread: timedelta | None = None
    clock_error: timedelta | None = None

    @property
    def window(self) -> timedelta | None:
        """How long the guest stood still, or None if it did not."""
        if self.frozen_at is None or self.thawed_at is None:
            return None
        return self.thawed_at - self.frozen_at

    @property
    def downgraded(self) -> bool:
        """True when less was reached than asked."""
        order = list(Grade)
        return order.index(self.achieved) < order.index(self.requested)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What a sealed point teaches the next run of the same VM."""

    lead: timedelta | None = None  # from "armed" printed to its arrival, with room
    hold: timedelta | None = None  # from the last FIFREEZE to the last member's completion
    completion: timedelta | None = None  # from a PUT to its operation's end


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """The last write: what the point as a whole is. Kept on the first member of each location."""

    consistency: Consistency
    members: int
    taken_at: datetime
    sealed_at: datetime
    run_id: str
    learned: Learned = Learned()


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One disk's snapshot of a point, in one location."""

    number: int  # from 1
    disk_name: str
    disk_id: ResourceId
    disk_unique_id: str
    lun: int | None
    size_bytes: int
    snapshot: ResourceId
    state: PointState
    percent: float | None
    taken_at: datetime | None
    region: Region
    role: str  # os | data | disk
    immutable_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationPart:
    """A point's part in one location: judged there alone, by what lies there."""

    location: Location
    region: Region | None
    state: PointState
    members: tuple[Member, ...]
    seal: Seal | None

    @property
    def immutable_until(self) -> datetime | None:
        """Until when Azure lets nobody delete all of it; an instant that has passed binds no more."""
        instants = [each.immutable_until for each in self.members if each.immutable_until]
        return max(instants, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePoint:
    """One moment of one VM (or of one disk without a VM) that was, or is being, kept.

    `hold` is the text of the legal hold on any of its snapshots, None where there is none.
    """

    id: str
    policy: str
    vm: ResourceId | None
    source_name: str
    region: Region
    slot: datetime
    taken_at: datetime | None
    state: PointState
    requested: Grade
    parts: tuple[LocationPart, ...]
    hold: str | None = None

    @property
    def source(self) -> ResourceId:
        """The VM, or the disk that has none."""
        return self.vm or next(part.members for part in self.parts if part.members)[0].disk_id

    @property
    def moment(self) -> datetime:
        """When its data is of; until Azure has said so, its slot."""
        return self.taken_at or self.slot

    def part(self, location: Location) -> LocationPart | None:
        """The point's part in that location, or None if the policy has no such location."""
        return next((part for part in self.parts if part.location == location), None)

    @property
    def seal(self) -> Seal | None:
        """The seal, from whichever location has one."""
        return next((part.seal for part in self.parts if part.seal is not None), None)

    @property
    def held(self) -> bool:
        """True when a legal hold keeps it, whatever any rule says."""
        return self.hold is not None

    @property
    def immutable_until(self) -> datetime | None:
        """Until when Azure lets nobody delete all of it, in whichever location that is latest."""
        instants = [each.immutable_until for each in self.parts if each.immutable_until]
        return max(instants, default=None)
