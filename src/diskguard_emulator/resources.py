"""What exists in the pretended cloud: resources with their state, no rules."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from diskguard_emulator.guests.port import DiskImage, Guest
from diskguard_emulator.ids import key
from diskguard_emulator.wire import JsonObject

VM: Final = "Microsoft.Compute/virtualMachines"
DISK: Final = "Microsoft.Compute/disks"
SNAPSHOT: Final = "Microsoft.Compute/snapshots"
ENCRYPTION_SET: Final = "Microsoft.Compute/diskEncryptionSets"
SCALE_SET: Final = "Microsoft.Compute/virtualMachineScaleSets"
AVAILABILITY_SET: Final = "Microsoft.Compute/availabilitySets"
BACKGROUND_SKUS: Final = frozenset({"PremiumV2_LRS", "UltraSSD_LRS"})


@dataclass(slots=True, kw_only=True, eq=False)
class Resource:
    """Anything with an id in a group; `top` holds its other keys beside `properties` (sku, zones, …)."""

    id: str
    kind: str
    name: str
    subscription: str
    group: str
    location: str
    tags: dict[str, str] | None = None
    top: JsonObject = field(default_factory=dict)
    properties: JsonObject = field(default_factory=dict)
    provisioning: str = "Succeeded"
    serial: int = 0
    found_from: datetime | None = None
    listed_from: datetime | None = None

    @property
    def key(self) -> str:
        """The id as it is compared."""
        return key(self.id)


@dataclass(slots=True, kw_only=True, eq=False)
class ManagedCommand:
    """One run command resource of a VM (v2) and what came of it."""

    name: str
    location: str
    tags: dict[str, str] | None
    properties: JsonObject
    provisioning: str
    view: JsonObject


@dataclass(slots=True, kw_only=True, eq=False)
class Vm(Resource):
    """A virtual machine; `etag` counts its changes."""

    power: str
    guest: Guest
    etag: int = 1
    changing: bool = False
    script_running: bool = False
    commands: dict[str, ManagedCommand] = field(default_factory=dict)


class HeldImage:
    """A disk's content with the number of snapshots and disks that keep it."""

    def __init__(self, image: DiskImage) -> None:
        self.image = image
        self._holders = 1

    def share(self) -> "HeldImage":
        """One holder more."""
        self._holders += 1
        return self

    async def drop(self) -> None:
        """One holder less; the last one drops the image itself."""
        self._holders -= 1
        if self._holders == 0:
            await self.image.drop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Immutability:
    """Until when a snapshot cannot be deleted, by a policy that is Unlocked or Locked."""

    type: str
    start: datetime
    lasts: timedelta

    @property
    def days(self) -> int:
        """How long it lasts from its start, in days."""
        return self.lasts.days

    @property
    def until(self) -> datetime:
        """When it ends."""
        return self.start + self.lasts


@dataclass(slots=True, kw_only=True)
class Progress:
    """A background copy: how far it is follows from the time, unless it failed or stands still."""

    began: datetime
    lasts: timedelta
    stands_since: datetime | None = None
    error: JsonObject | None = None

    def percent(self, now: datetime) -> float:
        """0.0 to 100.0, never falling."""
        until = self.stands_since or now
        share = (until - self.began) / self.lasts if self.lasts else 1.0
        return round(min(1.0, max(0.0, share)) * 100, 1)

    def done(self, now: datetime) -> bool:
        """True when everything is copied."""
        return self.error is None and self.percent(now) >= 100.0

    def running(self, now: datetime) -> bool:
        """True while it still copies, or stands still and might go on."""
        return self.error is None and not self.done(now)

    def fail(self, code: str, message: str, now: datetime) -> None:
        """It ends here, for good."""
        self.stands_since = now
        self.error = {"errorCode": code, "errorMessage": message}

    def stand(self, now: datetime) -> None:
        """Stand still until `go_on`."""
        self.stands_since = self.stands_since or now

    def go_on(self, now: datetime) -> None:
        """Copy again from where it stood."""
        if self.stands_since is not None and self.error is None:
            self.began += now - self.stands_since
            self.stands_since = None


@dataclass(slots=True, kw_only=True, eq=False)
class Disk(Resource):
    """A managed disk; `lun` is None for an OS disk and for a loose one."""

    unique_id: str
    family: str
    size_bytes: int
    created: datetime
    vms: list[Vm] = field(default_factory=list)
    lun: int | None = None
    image: HeldImage | None = None
    snapshots: dict[str, "Snapshot"] = field(default_factory=dict)
    recent: deque[datetime] = field(default_factory=deque)

    @property
    def sku(self) -> str:
        """The sku's name."""
        return str(self.top["sku"]["name"])


@dataclass(slots=True, kw_only=True, eq=False)
class Snapshot(Resource):
    """A snapshot of a disk, or a copy of a snapshot (`source` is then that snapshot)."""

    unique_id: str
    family: str
    source: "Disk | Snapshot"
    size_bytes: int
    created: datetime | None = None
    progress: Progress | None = None
    image: HeldImage | None = None
    instant_until: datetime | None = None
    immutability: Immutability | None = None

    def ready(self, now: datetime) -> bool:
        """True when it can be restored and copied from."""
        done = self.progress is None or self.progress.done(now)
        return self.provisioning == "Succeeded" and done
