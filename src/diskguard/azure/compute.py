"""Snapshots, tags, stopping and starting: the Compute port over the SDK."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from diskguard.azure.charges import Call
from diskguard.azure.clients import Clients
from diskguard.azure.failures import AnswerUnreadable, azure_failures, in_use, is_missing
from diskguard.azure.gate import told
from diskguard.azure.operations import Accepted, follow, paced, read_operation
from diskguard.azure.translate import parse_disk, parse_snapshot, parse_vm
from diskguard.errors import (
    CloudRefused,
    CloudUnreachable,
    ResourceConflict,
    ResourceMissing,
    SnapshotInUse,
)
from diskguard.model.estate import Disk, PowerState, Snapshot, Vm
from diskguard.model.ids import ResourceId
from diskguard.model.wish import OperationState, Requested, SnapshotWish
from diskguard.ports import Reservation

T = TypeVar("T")

_AGAIN: Final = Call(resend=True)  # an effect that may be asked for twice
_STOPPED: Final = (PowerState.STOPPED, PowerState.DEALLOCATED)
_POWER_PAUSES: Final = (5.0, 5.0, 5.0, 5.0)  # then 10 s: 6 reads a minute of the VM's 15
_CONFLICT_PAUSES: Final = (5.0, 10.0, 20.0)
_NETWORK: Final = {
    "deny": ("DenyAll", "Disabled"),
    "private": ("AllowPrivate", "Disabled"),
    "allow": ("AllowAll", "Enabled"),
}


@dataclass(frozen=True, slots=True)
class AzureCompute:
    """The Compute port. Its promises are those of ports.Compute."""

    clients: Clients

    async def reserve_window(self, window: Reservation, *, within: timedelta) -> None:
        """Promise it tokens of the buckets, for five minutes from its instant at most."""
        await self.clients.pacer.reserve(window, within)

    def settle_window(self, window: Reservation, *, opens: datetime, latest: datetime) -> None:
        """Tell the budget."""
        pacer = self.clients.pacer
        departs, last = pacer.clock.loop_time(opens), pacer.clock.loop_time(latest)
        pacer.budget.settle(window.attempt, departs, last)

    def give_back_window(self, window: Reservation) -> None:
        """Forget the promise."""
        self.clients.pacer.budget.give_back(window.attempt)

    async def request_snapshot(
        self,
        wish: SnapshotWish,
        *,
        until: datetime | None = None,
        window: Reservation | None = None,
    ) -> Requested:
        """Send one PUT; with `until` as a window's: first in the budget, never waiting."""
        clock = self.clients.pacer.clock
        reserved = window.attempt if window else ""
        call = Call(window=until is not None, reserved=reserved, region=wish.region)
        answer, sent_at = Accepted(), clock.now()
        limit = clock.loop_time(until) if until is not None else None
        with azure_failures(f"requesting snapshot {wish.id.name}"):
            async with asyncio.timeout_at(limit):
                snapshots = self.clients.compute(wish.id.subscription).snapshots
                _ = await snapshots.begin_create_or_update(
                    wish.id.group,
                    wish.id.name,
                    snapshot_body(wish),
                    polling=False,
                    raw_response_hook=answer,
                    **told(call),
                )
            if answer.operation is None:
                raise AnswerUnreadable("it was accepted without an operation to follow")
        return Requested(
            wish=wish, operation=answer.operation, sent_at=sent_at, answered_at=clock.now()
        )

    async def read_operation(self, requested: Requested) -> OperationState:
        """Read once, in turn: the window ends by itself, whether or not its end was seen."""
        call = Call(region=requested.wish.region)
        with azure_failures(f"following snapshot {requested.wish.id.name}"):
            reading = await read_operation(
                self.clients, requested.wish.id.subscription, requested.operation, call
            )
        return reading.state

    async def find_snapshot(self, id: ResourceId) -> Snapshot | None:
        """GET it."""
        reading = self.clients.compute(id.subscription).snapshots.get(id.group, id.name)
        return await _if_there(f"reading snapshot {id.name}", reading, parse_snapshot)

    async def delete_snapshot(self, id: ResourceId) -> None:
        """DELETE, follow, and GET until it is not found."""
        doing = f"deleting snapshot {id.name}"
        try:
            await self._act(id, doing, partial(self._snapshots(id).begin_delete, id.group, id.name))
        except CloudRefused as refused:
            if in_use(refused):
                raise _as_in_use(refused) from refused
            if not is_missing(refused):
                raise
        for pause in paced((0.0, 1.0, 2.0), 4.0, at_most=60):
            await asyncio.sleep(pause)
            if await self.find_snapshot(id) is None:
                return
        raise CloudUnreachable(f"{doing}: done, says Azure, and still shows it")

    async def set_immutability(self, id: ResourceId, *, days: int, locked: bool) -> None:
        """POST, follow; the Disk API of 2026-03-02."""
        body: Any = {
            "immutabilityDurationDays": days,
            "type": "Locked" if locked else "Unlocked",
        }
        snapshots = self._snapshots(id)
        ask = snapshots.begin_update_immutability_policy
        if locked:
            ask = snapshots.begin_update_immutability_policy_lock
        doing = f"making snapshot {id.name} immutable"
        await self._act(id, doing, partial(ask, id.group, id.name, body))

    async def merge_tags(self, id: ResourceId, tags: Mapping[str, str]) -> None:
        """PATCH Merge."""
        await self._patch_tags(id, "Merge", tags)

    async def remove_tags(self, id: ResourceId, tags: Mapping[str, str]) -> None:
        """PATCH Delete."""
        await self._patch_tags(id, "Delete", tags)

    async def find_vm(self, id: ResourceId) -> Vm | None:
        """GET it with its instance view."""
        machines = self.clients.compute(id.subscription).virtual_machines
        reading = machines.get(id.group, id.name, expand="instanceView")
        return await _if_there(f"reading VM {id.name}", reading, parse_vm)

    async def find_disk(self, id: ResourceId) -> Disk | None:
        """GET it."""
        reading = self.clients.compute(id.subscription).disks.get(id.group, id.name)
        return await _if_there(f"reading disk {id.name}", reading, parse_disk)

    async def stop_vm(self, id: ResourceId, *, deallocate: bool) -> None:
        """Power off, with the guest's own shutdown, or deallocate; wait for the operation."""
        power = await self._power(id)
        if power == PowerState.DEALLOCATED or (power in _STOPPED and not deallocate):
            return
        machines = self.clients.compute(id.subscription).virtual_machines
        if deallocate:
            begin = partial(machines.begin_deallocate, id.group, id.name)
        else:
            begin = partial(machines.begin_power_off, id.group, id.name, skip_shutdown=False)
        await self._act(id, f"stopping VM {id.name}", begin)

    async def start_vm(self, id: ResourceId) -> None:
        """Start; wait for the operation."""
        if await self._power(id) == PowerState.RUNNING:
            return
        machines = self.clients.compute(id.subscription).virtual_machines
        begin = partial(machines.begin_start, id.group, id.name)
        await self._act(id, f"starting VM {id.name}", begin)

    def clock_offset(self) -> timedelta:
        """The middle of the tightest bounds the Date headers gave."""
        return self.clients.pacer.offset.value

    def _snapshots(self, id: ResourceId) -> Any:
        return self.clients.compute(id.subscription).snapshots

    async def _power(self, id: ResourceId) -> PowerState:
        vm = await self.find_vm(id)
        if vm is None:
            raise ResourceMissing(f"VM {id.name} does not exist", azure_code="ResourceNotFound")
        return vm.power

    async def _patch_tags(self, id: ResourceId, operation: str, tags: Mapping[str, str]) -> None:
        """Change these tags through Microsoft.Resources/tags; the map itself is never sent."""
        scopes = self.clients.resources(id.subscription).tags
        body = {"operation": operation, "properties": {"tags": dict(tags)}}
        begin = partial(scopes.begin_update_at_scope, id.text.lstrip("/"), body)
        await self._act(id, f"changing tags of {id.name}", begin)

    async def _act(self, id: ResourceId, doing: str, begin: Any) -> None:
        """Bring an effect about that may be asked for twice, also when others' changes cross it.

        Azure changes a VM once at a time; who comes second is refused with Conflict (arm-wire 3).
        """
        for pause in _CONFLICT_PAUSES:
            try:
                return await self._act_once(id, doing, begin)
            except ResourceConflict as conflict:
                if conflict.azure_code != "Conflict":
                    raise
            await asyncio.sleep(pause)
        return await self._act_once(id, doing, begin)

    async def _act_once(self, id: ResourceId, doing: str, begin: Any) -> None:
        """Ask, and wait until it has come about."""
        answer = Accepted()
        vm = id if id.kind.lower().endswith("/virtualmachines") else None
        with azure_failures(doing):
            await begin(polling=False, raw_response_hook=answer, **told(_AGAIN))
            if answer.status != 202 or answer.operation is None:
                return
            look = partial(
                read_operation, self.clients, id.subscription, answer.operation, Call(vm=vm)
            )
            pauses = paced(_POWER_PAUSES, 10.0, at_most=1800)
            if vm is None:
                pauses = paced((0.2, 0.8, 1.0, 2.0), 4.0, at_most=300)
            await follow(look, pauses, doing=doing)


async def _if_there(doing: str, reading: Awaitable[Any], parse: Callable[[Any], T]) -> T | None:
    """What a GET shows, or None where Azure says that there is none."""
    try:
        with azure_failures(doing):
            return parse(await reading)
    except ResourceMissing as missing:
        if is_missing(missing):
            return None
        raise


def snapshot_body(wish: SnapshotWish) -> Any:
    """The PUT's body: incremental, of a disk (Copy) or of a snapshot elsewhere (CopyStart)."""
    policy, public = _NETWORK[wish.network_access]
    creation = {
        "createOption": "CopyStart" if wish.copy else "Copy",
        "sourceResourceId": wish.source.text,
    }
    if wish.enhanced_speed:
        creation["provisionedBandwidthCopySpeed"] = "Enhanced"
    properties: dict[str, Any] = {
        "creationData": creation,
        "incremental": True,
        "networkAccessPolicy": policy,
        "publicNetworkAccess": public,
    }
    if wish.encryption_set is not None:
        properties["encryption"] = {
            "type": "EncryptionAtRestWithCustomerKey",
            "diskEncryptionSetId": wish.encryption_set.text,
        }
    body = {"location": str(wish.region), "tags": dict(wish.tags), "properties": properties}
    return body | ({"sku": {"name": wish.sku}} if wish.sku else {})


def _as_in_use(refused: CloudRefused) -> SnapshotInUse:
    return SnapshotInUse(
        str(refused),
        azure_code=refused.azure_code,
        hint=refused.hint,
        correlation_id=refused.correlation_id,
    )
