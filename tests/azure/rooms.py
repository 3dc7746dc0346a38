"""Azure's room in a box: the real SDK on the emulator, and what a test needs to hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.support.inprocess import BASE_URL, Cloud, TestCredential, running_cloud
from tests.support.virtual_time import EPOCH

from diskguard.azure.client import AzurePorts, open_azure
from diskguard.azure.cloud import Cloud as KnownCloud
from diskguard.model.events import Event
from diskguard.model.ids import Region, ResourceId
from diskguard.model.wish import OperationState, OperationStatus, Requested, SnapshotWish
from diskguard_emulator.estate import SUBSCRIPTION, Estate
from diskguard_emulator.faults import Effect, Fault

EMULATED = KnownCloud(name="emulated", endpoint=BASE_URL, audience=BASE_URL, authority=None)
EAST, WEST = "rg-diskguard-eus", "rg-diskguard-wus"


def a_disk_id(name: str = "db01-os") -> ResourceId:
    return ResourceId.of(SUBSCRIPTION, "app", "Microsoft.Compute/disks", name)


def a_snapshot_id(name: str = "one", group: str = EAST) -> ResourceId:
    return ResourceId.of(SUBSCRIPTION, group, "Microsoft.Compute/snapshots", name)


def a_vm_id(name: str = "db01") -> ResourceId:
    return ResourceId.of(SUBSCRIPTION, "app", "Microsoft.Compute/virtualMachines", name)


def a_wish(name: str = "one", **facts: Any) -> SnapshotWish:
    """A snapshot of db01's OS disk in the primary group."""
    usual: dict[str, Any] = {
        "id": a_snapshot_id(name),
        "region": Region("eastus"),
        "source": a_disk_id(),
        "tags": {"diskguard-attempt": "n-1"},
    }
    return SnapshotWish(**(usual | facts))


class LoopClock:
    """The virtual loop's time as wall clock, as the emulator keeps it too."""

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())

    def loop_time(self, when: datetime) -> float:
        return (when - EPOCH).total_seconds()

    async def sleep_until(self, when: datetime) -> None:
        await asyncio.sleep((when - self.now()).total_seconds())


@dataclass(slots=True)
class Room:
    """An open room, the emulated cloud behind it, and what it noticed."""

    cloud: Cloud
    azure: AzurePorts
    clock: LoopClock
    events: list[Event] = field(default_factory=list)

    def befall(self, effect: Effect, method: str = "GET", path: str = "", **facts: Any) -> None:
        """Let this happen to the (first) request that matches."""
        self.cloud.api.faults.add(Fault(effect=effect, method=method, path=path, **facts))

    def sent(self, method: str, path: str = "") -> int:
        """How many such requests the cloud has seen."""
        return len(self.cloud.api.log.of(method, path))

    async def finished(self, requested: Requested) -> OperationState:
        """Read the operation until it ends."""
        state = await self.azure.compute.read_operation(requested)
        while state.status == OperationStatus.RUNNING:
            await asyncio.sleep(1)
            state = await self.azure.compute.read_operation(requested)
        return state

    async def has(self, name: str = "one", **facts: Any) -> ResourceId:
        """A finished snapshot; give its id."""
        wish = a_wish(name, **facts)
        await self.finished(await self.azure.compute.request_snapshot(wish))
        return wish.id


@asynccontextmanager
async def a_room(estate: Estate, credential: TestCredential | None = None) -> AsyncIterator[Room]:
    """The real SDK over the emulator's in-process door, in virtual time."""
    async with running_cloud(estate) as cloud, another_room(cloud, credential) as room:
        yield room


@asynccontextmanager
async def another_room(
    cloud: Cloud, credential: TestCredential | None = None
) -> AsyncIterator[Room]:
    """One more client of the same cloud."""
    events: list[Event] = []
    clock = LoopClock()
    async with open_azure(
        EMULATED,
        clock=clock,
        notice=events.append,
        environment={},
        transport=cloud.transport(),
        credential=credential or TestCredential(),
    ) as azure:
        yield Room(cloud=cloud, azure=azure, clock=clock, events=events)


def in_seconds(room: Room, seconds: float) -> datetime:
    return room.clock.now() + timedelta(seconds=seconds)
