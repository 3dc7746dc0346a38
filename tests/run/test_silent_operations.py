"""An operation that ends without showing its snapshot: the snapshot is read, or called gone.

Azure may leave the output of an operation away; the emulator never does, so a small Compute does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from tests.support.estates import a_vm, an_estate
from tests.support.runs import Stage, a_stage

from diskguard.model.estate import Disk, Snapshot, Vm
from diskguard.model.ids import ResourceId
from diskguard.model.report import Result, RunReport
from diskguard.model.wish import OperationState, Requested, SnapshotWish
from diskguard.ports import Compute, Reservation
from diskguard.run.line import Run

CRASH = """
version: 1
name: test-policy
azure: {{subscriptions: ["{subscription}"]}}
locations: {{primary: {{resource_group: rg-diskguard-eus}}}}
consistency: {{linux: crash}}
rules: [{{name: all, select: {{include: [{{names: ["*"]}}]}}}}]
"""


@dataclass
class Silent:
    """A cloud whose operations show nothing; with `thief` their snapshots are gone by then too."""

    real: Compute
    thief: bool

    async def reserve_window(self, window: Reservation, *, within: timedelta) -> None:
        await self.real.reserve_window(window, within=within)

    def settle_window(self, window: Reservation, *, opens: datetime, latest: datetime) -> None:
        self.real.settle_window(window, opens=opens, latest=latest)

    def give_back_window(self, window: Reservation) -> None:
        self.real.give_back_window(window)

    async def request_snapshot(
        self,
        wish: SnapshotWish,
        *,
        until: datetime | None = None,
        window: Reservation | None = None,
    ) -> Requested:
        return await self.real.request_snapshot(wish, until=until, window=window)

    async def read_operation(self, requested: Requested) -> OperationState:
        state = await self.real.read_operation(requested)
        if self.thief and state.snapshot is not None:
            await self.real.delete_snapshot(requested.wish.id)
        return replace(state, snapshot=None)

    async def find_snapshot(self, id: ResourceId) -> Snapshot | None:
        return await self.real.find_snapshot(id)

    async def delete_snapshot(self, id: ResourceId) -> None:
        await self.real.delete_snapshot(id)

    async def merge_tags(self, id: ResourceId, tags: Mapping[str, str]) -> None:
        await self.real.merge_tags(id, tags)

    async def remove_tags(self, id: ResourceId, tags: Mapping[str, str]) -> None:
        await self.real.remove_tags(id, tags)

    async def find_vm(self, id: ResourceId) -> Vm | None:
        return await self.real.find_vm(id)

    async def find_disk(self, id: ResourceId) -> Disk | None:
        return await self.real.find_disk(id)

    async def set_immutability(self, id: ResourceId, *, days: int, locked: bool) -> None:
        await self.real.set_immutability(id, days=days, locked=locked)

    async def stop_vm(self, id: ResourceId, *, deallocate: bool) -> None:
        await self.real.stop_vm(id, deallocate=deallocate)

    async def start_vm(self, id: ResourceId) -> None:
        await self.real.start_vm(id)

    def clock_offset(self) -> timedelta:
        return self.real.clock_offset()


async def backed_up(stage: Stage, *, thief: bool) -> RunReport:
    async with stage.ports() as ports:
        silent = replace(ports, compute=Silent(ports.compute, thief))
        return await Run(stage.errand(silent), silent).to_its_end()


@pytest.fixture
async def stage():
    async with a_stage(an_estate(a_vm("db01", 1, guest="virtual")), CRASH) as stage:
        yield stage


async def test_a_snapshot_its_operation_does_not_show_is_read(stage):
    report = await backed_up(stage, thief=False)

    assert [vm.result for vm in report.vms] == [Result.DONE]


async def test_a_snapshot_that_is_gone_when_its_operation_ends_is_said(stage):
    report = await backed_up(stage, thief=True)

    [outcome] = report.vms
    assert outcome.result is Result.FAILED
    assert outcome.failure is not None
    assert "gone already" in outcome.failure.message
    assert await stage.snapshots() == ()
