"""Nouns of a backup plan: per VM what will be done, and why."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from diskguard.model.guest import LeftOut
from diskguard.model.ids import Region, ResourceId
from diskguard.model.report import Failure
from diskguard.model.restore_point import Grade
from diskguard.model.wish import SnapshotWish
from diskguard.plan.due import Due
from diskguard.plan.naming_tags import attempt_tags


class Mode(StrEnum):
    """How a VM's disks are brought to one moment."""

    FREEZE = "freeze"  # the guest freezes its file systems
    OFFLINE_STOP = "offline-stop"  # we stop the VM and start it again
    OFFLINE_AS_IS = "offline-as-is"  # it is stopped already, and is left so
    CRASH = "crash"  # all snapshots at once, nothing frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyTarget:
    """Where a member's copy goes. `encryption_set` None means the platform's key."""

    group: str
    region: Region
    sku: str | None = None
    encryption_set: ResourceId | None = None
    enhanced_speed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPlan:
    """One disk to be taken. `wish` carries every tag but the attempt's own."""

    number: int  # from 1
    disk_id: ResourceId
    disk_unique_id: str
    disk_name: str
    lun: int | None
    role: str  # os | data | disk
    size_bytes: int
    background_copied: bool
    wish: SnapshotWish
    copy: CopyTarget | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeBudget:
    """How long a freeze may take, piece by piece.

    The guest freezes `lead` after "armed"; snapshots are requested `margin` later; the guest thaws
    after `hold` (None: as late as the limit allows), by itself within `limit` whatever happens.
    `mounts` None means every mount the guest finds on the disks of the plan.
    """

    lead: timedelta
    limit: timedelta
    hold: timedelta | None
    margin: timedelta
    mounts: tuple[str, ...] | None = None
    allow_without_systemd: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VmPlan:
    """One restore point to be made. `source` is the VM, or the disk that has none (`vm` None).

    `freeze` is there exactly for Mode.FREEZE. `completion` is about how long a snapshot of this
    source took last time (None: not known), so that its end is not asked for too early. `due` says
    which slot of which schedules it is for; None in a backup by hand.
    """

    source: ResourceId
    vm: ResourceId | None
    name: str
    region: Region
    rule: str
    policy: str
    point: str
    slot: datetime
    mode: Mode
    mode_reason: str
    requested: Grade
    members: tuple[MemberPlan, ...]
    freeze: FreezeBudget | None = None
    completion: timedelta | None = None
    fallback_to_crash: bool = True
    deallocate: bool = False
    downgrade_fails: bool = False
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    due: Due | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWarning:
    """Something a reader should know that stops nothing. `code` names the kind of warning."""

    source: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedSource:
    """A VM or disk this run does not back up, with the reason; not a failure.

    `due`: whether a slot of it is due all the same; None where that was not asked.
    """

    source: ResourceId
    reason: str
    due: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedSource:
    """A VM or disk that should be backed up and cannot be; the others go on."""

    source: ResourceId
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPlan:
    """What `backup` will do. Sources in the order of their ids.

    `refused` are sources that get no point at all. `failures` are troubles that stop no point:
    a copy that has nowhere to go, an unsupported source the policy wants to fail for. `due_only`:
    only sources with a due slot were planned.
    """

    policy: str
    made_at: datetime
    vms: tuple[VmPlan, ...] = ()
    skipped: tuple[SkippedSource, ...] = ()
    refused: tuple[RefusedSource, ...] = ()
    warnings: tuple[PlanWarning, ...] = ()
    failures: tuple[Failure, ...] = ()
    due_only: bool = False

    @property
    def nothing_due(self) -> bool:
        """True when only what is due was to be planned, and no slot of any source is."""
        skipped = any(each.due for each in self.skipped)
        return self.due_only and not (self.vms or self.refused or skipped)


def wish_for_attempt(member: MemberPlan, *, nonce: str, requested_at: datetime) -> SnapshotWish:
    """Give the member's wish with the marks of one attempt."""
    return replace(member.wish, tags={**member.wish.tags, **attempt_tags(nonce, requested_at)})
