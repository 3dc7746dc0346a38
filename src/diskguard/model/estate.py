"""What exists in Azure, looked at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from diskguard.model.ids import Region, ResourceId


class PowerState(StrEnum):
    """Whether a VM runs, by the code of its instance view ("PowerState/running")."""

    RUNNING = "running"
    STOPPED = "stopped"  # powered off, still allocated
    DEALLOCATED = "deallocated"
    CHANGING = "changing"  # starting, stopping, deallocating
    UNKNOWN = "unknown"


class OsType(StrEnum):
    """The guest's family."""

    LINUX = "linux"
    WINDOWS = "windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A disk as its VM's storage profile names it. `lun` is None for the OS disk.

    `disk` is None where there is no managed disk: an unmanaged (VHD) or ephemeral one.
    """

    name: str
    lun: int | None
    disk: ResourceId | None
    ephemeral: bool = False
    being_detached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vm:
    """One virtual machine. `etag` is Azure's, changed by every change of the VM."""

    id: ResourceId
    vm_id: str
    region: Region
    os_type: OsType
    power: PowerState
    attachments: tuple[Attachment, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    scale_set: ResourceId | None = None
    availability_set: ResourceId | None = None
    zone: str | None = None
    security_type: str | None = None
    size: str = ""
    etag: str | None = None

    @property
    def name(self) -> str:
        """The VM's own name."""
        return self.id.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSet:
    """A scale set; only those of flexible orchestration hold ordinary VMs."""

    id: ResourceId
    region: Region
    flexible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """One managed disk. `unique_id` changes when a disk is made anew under an old name."""

    id: ResourceId
    unique_id: str
    region: Region
    sku: str
    size_bytes: int
    state: str  # diskState: Unattached, Attached, Reserved, ...
    os_type: OsType | None = None
    managed_by: ResourceId | None = None
    shared_by: int = 1  # maxShares
    encryption_set: ResourceId | None = None
    encryption_type: str = "EncryptionAtRestWithPlatformKey"
    azure_disk_encryption: bool = False
    security_type: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    zone: str | None = None
    completion_percent: float | None = None

    @property
    def name(self) -> str:
        """The disk's own name."""
        return self.id.name

    @property
    def background_copied(self) -> bool:
        """Premium SSD v2 and Ultra: a snapshot is copied in the background (arm-wire 7)."""
        return self.sku.lower().startswith(("premiumv2", "ultrassd"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One snapshot as Azure shows it, ours or not.

    `time_created` is the point in time of the data only for a snapshot of a disk; for a copy it is
    the copy's own. `percent` None means Azure did not say, which is not "done" for a copy.
    """

    id: ResourceId
    unique_id: str
    region: Region
    time_created: datetime | None
    provisioning_state: str
    create_option: str  # Copy | CopyStart | ...
    source_id: ResourceId | None
    source_unique_id: str | None
    size_bytes: int
    incremental: bool
    tags: Mapping[str, str] = field(default_factory=dict)
    percent: float | None = None
    access_state: str | None = None  # snapshotAccessState, api 2025-01-02 and later
    copy_error: str | None = None
    encryption_set: ResourceId | None = None
    sku: str = ""
    immutability: str | None = None  # Unlocked | Locked, also of a policy that has expired
    immutable_since: datetime | None = None
    immutable_until: datetime | None = None

    @property
    def name(self) -> str:
        """The snapshot's own name."""
        return self.id.name

    @property
    def failed(self) -> bool:
        """True when Azure gave up on it; such a leftover holds no data."""
        return self.provisioning_state in ("Failed", "Canceled") or self.copy_error is not None

    @property
    def readable(self) -> bool:
        """True when a disk can be made from it now.

        `snapshotAccessState` decides where Azure says it. Without it a plain snapshot is readable
        as soon as it is provisioned unless it says less than 100 %; a cross-region copy only at
        100 % (its finished operation carries no percent, so absent is not done; arm-wire 2).
        """
        if self.failed or self.provisioning_state != "Succeeded":
            return False
        if self.access_state not in (None, "Unknown"):
            return self.access_state in ("Available", "AvailableWithInstantAccess")
        if self.create_option == "CopyStart":
            return self.percent is not None and self.percent >= 100
        return self.percent is None or self.percent >= 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionSet:
    """A disk encryption set: must lie in the region and subscription of what it encrypts."""

    id: ResourceId
    region: Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A resource group and where it lies."""

    subscription: str
    name: str
    region: Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """Everything one look showed. `regions` maps subscription -> region -> paired region or None.

    A subscription whose lists could not all be read is never in here: that is an error.
    """

    observed_at: datetime
    vms: tuple[Vm, ...] = ()
    scale_sets: tuple[ScaleSet, ...] = ()
    disks: tuple[Disk, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    groups: tuple[Group, ...] = ()
    encryption_sets: tuple[EncryptionSet, ...] = ()
    pairs: Mapping[str, Mapping[Region, Region | None]] = field(default_factory=dict)

    def disk(self, id: ResourceId) -> Disk | None:
        """The disk of that id, or None."""
        return next((disk for disk in self.disks if disk.id == id), None)
