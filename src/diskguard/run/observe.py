"""The one look at Azure before acting: lists, subscriptions side by side."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from diskguard.errors import DiskguardError, ResourceMissing
from diskguard.model.estate import Estate, Group, Snapshot
from diskguard.ports import Inventory
from diskguard.run.together import first_error, together


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where to look: subscriptions, and the resource groups that hold restore points.

    No groups means all of them; only `observe_snapshots` can do that.
    """

    subscriptions: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """A subscription that could not be seen whole, and why; nothing of it is in the estate."""

    subscription: str
    error: DiskguardError


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look showed, and what it could not show."""

    estate: Estate
    unseen: tuple[Unseen, ...] = ()


async def observe_estate(scope: Scope, inventory: Inventory, *, now: datetime) -> Look:
    """Read everything a plan needs; a list that failed leaves its whole subscription unseen.

    Raises the error itself where no subscription could be seen.
    """
    return await _look(
        scope, now, lambda subscription: _observe_one(subscription, scope, inventory, now)
    )


async def observe_sources(scope: Scope, inventory: Inventory, *, now: datetime) -> Look:
    """Read what is protected and its restore points, by lists only: all that a status needs."""
    return await _look(
        scope, now, lambda subscription: _observe_sources(subscription, scope, inventory, now)
    )


async def observe_machines(scope: Scope, inventory: Inventory, *, now: datetime) -> Look:
    """Read only what is protected: VMs and disks, no restore points."""
    return await _look(
        scope, now, lambda subscription: _observe_machines(subscription, inventory, now)
    )


async def observe_snapshots(scope: Scope, inventory: Inventory, *, now: datetime) -> Look:
    """Read only the restore points' groups: all that list, show and copying need."""
    return await _look(
        scope, now, lambda subscription: _observe_points(subscription, scope, inventory, now)
    )


def join_snapshots(estate: Estate, later: Estate) -> Estate:
    """The estate with its snapshots as a later look showed them."""
    return replace(estate, snapshots=later.snapshots, observed_at=later.observed_at)


async def _look(
    scope: Scope, now: datetime, observe_one: Callable[[str], Awaitable[Estate]]
) -> Look:
    seen: dict[str, Estate] = {}
    unseen: list[Unseen] = []

    async def one(subscription: str) -> None:
        try:
            seen[subscription] = await observe_one(subscription)
        except DiskguardError as error:
            unseen.append(Unseen(subscription=subscription, error=error))

    await together(one(subscription) for subscription in scope.subscriptions)
    if unseen and not seen:
        raise unseen[0].error
    parts = [seen[subscription] for subscription in scope.subscriptions if subscription in seen]
    return Look(estate=_join(parts, now), unseen=tuple(unseen))


async def _observe_one(
    subscription: str, scope: Scope, inventory: Inventory, now: datetime
) -> Estate:
    try:
        async with asyncio.TaskGroup() as tasks:
            vms = tasks.create_task(inventory.list_vms(subscription))
            scale_sets = tasks.create_task(inventory.list_scale_sets(subscription))
            disks = tasks.create_task(inventory.list_disks(subscription))
            pairs = tasks.create_task(inventory.list_pairs(subscription))
            sets = tasks.create_task(inventory.list_encryption_sets(subscription))
            groups = tasks.create_task(_find_groups(subscription, scope, inventory))
            snapshots = tasks.create_task(_list_snapshots(subscription, scope, inventory))
    except* DiskguardError as group:
        raise first_error(group) from None
    return Estate(
        observed_at=now,
        vms=vms.result(),
        scale_sets=scale_sets.result(),
        disks=disks.result(),
        snapshots=snapshots.result(),
        groups=groups.result(),
        encryption_sets=sets.result(),
        pairs={subscription: pairs.result()},
    )


async def _observe_sources(
    subscription: str, scope: Scope, inventory: Inventory, now: datetime
) -> Estate:
    try:
        async with asyncio.TaskGroup() as tasks:
            machines = tasks.create_task(_observe_machines(subscription, inventory, now))
            snapshots = tasks.create_task(_list_snapshots(subscription, scope, inventory))
    except* DiskguardError as group:
        raise first_error(group) from None
    return replace(machines.result(), snapshots=snapshots.result())


async def _observe_machines(subscription: str, inventory: Inventory, now: datetime) -> Estate:
    try:
        async with asyncio.TaskGroup() as tasks:
            vms = tasks.create_task(inventory.list_vms(subscription))
            scale_sets = tasks.create_task(inventory.list_scale_sets(subscription))
            disks = tasks.create_task(inventory.list_disks(subscription))
    except* DiskguardError as group:
        raise first_error(group) from None
    return Estate(
        observed_at=now, vms=vms.result(), scale_sets=scale_sets.result(), disks=disks.result()
    )


async def _observe_points(
    subscription: str, scope: Scope, inventory: Inventory, now: datetime
) -> Estate:
    return Estate(observed_at=now, snapshots=await _list_snapshots(subscription, scope, inventory))


async def _find_groups(subscription: str, scope: Scope, inventory: Inventory) -> tuple[Group, ...]:
    found = [await inventory.find_group(subscription, name) for name in scope.groups]
    return tuple(group for group in found if group is not None)


async def _list_snapshots(
    subscription: str, scope: Scope, inventory: Inventory
) -> tuple[Snapshot, ...]:
    groups = scope.groups or (None,)
    lists = await together(_snapshots_of(subscription, name, inventory) for name in groups)
    return tuple(snapshot for each in lists for snapshot in each)


async def _snapshots_of(
    subscription: str, group: str | None, inventory: Inventory
) -> tuple[Snapshot, ...]:
    """A group that does not exist holds nothing; the plan says what its absence means.

    A subscription that does not exist is an error: nobody looked there.
    """
    try:
        return await inventory.list_snapshots(subscription, group)
    except ResourceMissing as missing:
        if missing.azure_code == "SubscriptionNotFound":
            raise
        return ()


def _join(parts: list[Estate], now: datetime) -> Estate:
    return Estate(
        observed_at=now,
        vms=tuple(item for part in parts for item in part.vms),
        scale_sets=tuple(item for part in parts for item in part.scale_sets),
        disks=tuple(item for part in parts for item in part.disks),
        snapshots=tuple(item for part in parts for item in part.snapshots),
        groups=tuple(item for part in parts for item in part.groups),
        encryption_sets=tuple(item for part in parts for item in part.encryption_sets),
        pairs={subscription: pairs for part in parts for subscription, pairs in part.pairs.items()},
    )
