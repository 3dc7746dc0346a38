"""What run/ needs from the world, in our words: protocols only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from diskguard.model.azure_backup import BackupItem, VaultKind
from diskguard.model.estate import Disk, EncryptionSet, Group, ScaleSet, Snapshot, Vm
from diskguard.model.events import Event
from diskguard.model.guest import Armed, FreezeRequest, GuestReport, ThawReport
from diskguard.model.ids import Region, ResourceId
from diskguard.model.report import Traffic
from diskguard.model.wish import OperationState, Requested, SnapshotWish


class Clock(Protocol):
    """Time, as an argument. Instants are aware and UTC."""

    def now(self) -> datetime:
        """Give the present instant of this machine."""

    def loop_time(self, when: datetime) -> float:
        """Give the event loop's time at that instant, for asyncio.timeout_at."""

    async def sleep_until(self, when: datetime) -> None:
        """Return at that instant, or at once if it has passed."""


class Inventory(Protocol):
    """What one look at Azure shows: whole lists, every page followed, or an error.

    Each method raises AccessDenied, Throttled, CloudUnreachable or CloudRefused; a list that could
    be read in part only is an error, never a shorter list.
    """

    async def list_vms(self, subscription: str) -> tuple[Vm, ...]:
        """Every VM of the subscription with its power state (two lists, joined)."""

    async def list_scale_sets(self, subscription: str) -> tuple[ScaleSet, ...]:
        """Every scale set of the subscription."""

    async def list_disks(self, subscription: str) -> tuple[Disk, ...]:
        """Every managed disk of the subscription."""

    async def list_snapshots(self, subscription: str, group: str | None) -> tuple[Snapshot, ...]:
        """Every snapshot of one resource group, or (None) of the whole subscription.

        A missing group raises ResourceMissing.
        """

    async def list_pairs(self, subscription: str) -> Mapping[Region, Region | None]:
        """Each region the subscription may use, with its pair; None where it has none (or itself)."""

    async def list_encryption_sets(self, subscription: str) -> tuple[EncryptionSet, ...]:
        """Every disk encryption set of the subscription."""

    async def find_group(self, subscription: str, name: str) -> Group | None:
        """The resource group, or None if there is none of that name."""

    async def list_vaults(self, subscription: str, kind: VaultKind) -> tuple[ResourceId, ...]:
        """Every vault of that kind in the subscription; ProviderNotRegistered where none can be."""

    async def list_backup_items(self, vault: ResourceId) -> tuple[BackupItem, ...]:
        """Every VM (Recovery Services) or disk (backup vault) that the vault knows, in any state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A window to come: so many snapshot requests at once, `ahead` from now or at any time later."""

    attempt: str
    subscription: str
    region: Region
    snapshots: int
    ahead: timedelta = timedelta()


class Compute(Protocol):
    """What diskguard asks of the cloud.

    Besides the errors named, each method raises AccessDenied, Throttled, CloudUnreachable (no
    answer: whether Azure heard us is not known) or CloudRefused.
    """

    async def reserve_window(self, window: Reservation, *, within: timedelta) -> None:
        """Keep its snapshot requests free of other use, until they are made or given back.

        Waits at most `within` for the budget to refill; then raises Throttled, and nothing is kept.
        """

    def settle_window(self, window: Reservation, *, opens: datetime, latest: datetime) -> None:
        """Its guest has agreed: its requests leave between these instants of our clock, or never."""

    def give_back_window(self, window: Reservation) -> None:
        """What is left of its reservation is everybody's again."""

    async def request_snapshot(
        self,
        wish: SnapshotWish,
        *,
        until: datetime | None = None,
        window: Reservation | None = None,
    ) -> Requested:
        """Ask once; never resent. With `until`, gives up there (CloudUnreachable) and never waits.

        Raises SnapshotLimitReached, Throttled (with what Azure said to wait, not slept through).
        """

    async def read_operation(self, requested: Requested) -> OperationState:
        """Say how far the request is, in one read; a finished one shows its snapshot."""

    async def find_snapshot(self, id: ResourceId) -> Snapshot | None:
        """The snapshot as it is now, or None if there is none."""

    async def delete_snapshot(self, id: ResourceId) -> None:
        """Make it gone, and read that it is. What is gone already is fine.

        Raises SnapshotInUse for one that is locked, exported, immutable or being copied.
        """

    async def set_immutability(self, id: ResourceId, *, days: int, locked: bool) -> None:
        """Nobody can delete the snapshot until so many days after the start of its policy.

        An active policy keeps its start (Azure counts from there); a new one starts now.
        """

    async def merge_tags(self, id: ResourceId, tags: Mapping[str, str]) -> None:
        """Add or replace these tags; every other tag of the resource stays as it is."""

    async def remove_tags(self, id: ResourceId, tags: Mapping[str, str]) -> None:
        """Take these tags (name and value) away; what is gone already is fine."""

    async def find_vm(self, id: ResourceId) -> Vm | None:
        """The VM as it is now, with its power state, or None if there is none."""

    async def find_disk(self, id: ResourceId) -> Disk | None:
        """The managed disk as it is now, or None if there is none."""

    async def stop_vm(self, id: ResourceId, *, deallocate: bool) -> None:
        """Return when the VM has stopped. One that is stopped already is fine."""

    async def start_vm(self, id: ResourceId) -> None:
        """Return when the VM runs. One that runs already is fine."""

    def clock_offset(self) -> timedelta:
        """Azure's clock minus ours, from the Date headers seen so far (one second's grain)."""


class Guest(Protocol):
    """What diskguard says to a VM. A thaw never needs this port."""

    async def arm(self, vm: ResourceId, request: FreezeRequest) -> Armed:
        """Have the guest promise a freeze. Sent once, never resent blindly.

        Raises GuestRefused (nothing will freeze), GuestBusy (another script held Run Command for
        the whole bound), GuestAnswerUnreadable or CloudUnreachable (it may be armed; it thaws by
        itself).
        """

    async def collect(self, vm: ResourceId, attempt: str) -> GuestReport:
        """Read the holder's report. Raises GuestReportMissing where there is none."""

    async def thaw(self, vm: ResourceId) -> ThawReport:
        """Emergency: thaw whatever is frozen. Done twice it finds nothing to do."""


class Observer(Protocol):
    """Who hears what happens."""

    def notice(self, event: Event) -> None:
        """Take note; never raises, never waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The doors a run acts through. `nonce` gives a new random attempt mark, 16 hex digits;
    `traffic` what has been asked of Azure so far."""

    inventory: Inventory
    compute: Compute
    guest: Guest
    observer: Observer
    clock: Clock
    nonce: Callable[[], str]
    traffic: Callable[[], Traffic] = Traffic
