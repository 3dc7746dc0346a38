"""What is agreed with a guest, what it answers: the nouns of the freeze protocol."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class ClockSource(StrEnum):
    """Which clock a guest's instants were read from."""

    HOST = "host"  # the hypervisor's, by PTP: the same discipline as Azure's own operations
    SYNCHRONISED = "synchronised"  # the guest's own, which the kernel says is synchronised
    UNSYNCHRONISED = "unsynchronised"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestDisk:
    """A disk of the plan, as a guest can recognise it. `lun` is None for the OS disk."""

    name: str
    lun: int | None
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeRequest:
    """What we ask of a guest: freeze these disks `lead` from now, for at most `limit`.

    `hold` is how long to stay frozen once everything is frozen; None takes all the limit allows.
    `mounts` None means: every mount the guest finds on the disks of the plan.
    """

    attempt: str
    disks: tuple[GuestDisk, ...]
    lead: timedelta
    limit: timedelta
    hold: timedelta | None = None
    mounts: tuple[str, ...] | None = None
    allow_without_systemd: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestMount:
    """A mount that will be frozen, with the LUNs (None: OS disk) it lies on."""

    path: str
    file_system: str
    luns: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A mount or disk the freeze does not cover, with the reason."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """The guest's promise: frozen from `freeze_at` on, thawed by `thaw_by` whatever dies.

    Instants are of the guest's best clock. `mounts` may be shortened; `mount_count` is never.
    """

    attempt: str
    armed_at: datetime
    freeze_at: datetime
    thaw_by: datetime
    clock: ClockSource
    clock_error: timedelta
    supervisor: str  # "systemd", or "session" where the weaker promise was allowed
    mount_count: int
    mounts: tuple[GuestMount, ...]
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskCounters:
    """The kernel's counters of one disk at one instant (Documentation/block/stat)."""

    writes: int
    discards: int
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietDisk:
    """What one disk of the plan saw between the last FIFREEZE and the first FITHAW."""

    lun: int | None
    before: DiskCounters
    after: DiskCounters


class HoldOutcome(StrEnum):
    """How a hold ended, in the holder's own words."""

    HELD = "held"  # everything froze, everything was thawed by the holder itself
    STOLEN = "stolen"  # somebody else thawed a mount before the holder did
    ABORTED = "aborted"  # nothing was frozen
    FAILED = "failed"  # something froze, not all of it, or not in time; all was thawed


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestReport:
    """What the holder saw, read afterwards.

    `frozen_at` is after the last FIFREEZE returned, `thawed_at` before the first FITHAW was sent.
    `wall_minus_boot` holds the guest's wall clock minus CLOCK_BOOTTIME, in seconds, at arm, freeze,
    thaw and collect: a host pause or a stepped clock shows there. `collected_at` is the same clock
    when the report was read, to be held against Azure's.
    """

    attempt: str
    outcome: HoldOutcome
    reason: str | None
    frozen_at: datetime | None
    thawed_at: datetime | None
    freezing_took: timedelta | None
    clock: ClockSource
    clock_error: timedelta
    wall_minus_boot: tuple[float, ...]
    mount_count: int
    collected_at: datetime | None = None
    disks: tuple[QuietDisk, ...] = ()
    faulty: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ThawReport:
    """What an emergency thaw found: mounts that were frozen and now are not, and what resisted."""

    thawed: tuple[str, ...]
    resisted: tuple[LeftOut, ...]
    mount_count: int
