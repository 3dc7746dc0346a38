"""What we ask Azure to make, and what it says of the asking."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from diskguard.model.estate import Snapshot
from diskguard.model.ids import Region, ResourceId


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotWish:
    """One incremental snapshot to be made: of a disk, or (`copy`) of a snapshot in another region.

    `sku` None leaves the choice to Azure; `encryption_set` None means the platform's key.
    `network_access`: deny | private | allow, who may export it.
    """

    id: ResourceId
    region: Region
    source: ResourceId
    copy: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    sku: str | None = None
    network_access: str = "deny"
    encryption_set: ResourceId | None = None
    enhanced_speed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A wish Azure accepted. `operation` is a signed URL: whole for asking, never for showing."""

    wish: SnapshotWish
    operation: str
    sent_at: datetime
    answered_at: datetime

    def __repr__(self) -> str:
        return f"Requested({self.wish.id})"


class OperationStatus(StrEnum):
    """How far a long-running operation is."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationState:
    """What Azure says of an operation; both instants are of Azure's own clock.

    `snapshot` is the resource as the finished operation shows it (`properties.output`), so that no
    second read is needed for its `timeCreated` and tags; for a CopyStart it carries no percent.
    """

    status: OperationStatus
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None
    snapshot: Snapshot | None = None
