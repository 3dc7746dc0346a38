"""A legal hold, written on every snapshot of a point, or taken off."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from diskguard.errors import DiskguardError
from diskguard.model.ids import ResourceId
from diskguard.plan.hold import HoldPlan
from diskguard.plan.naming_tags import hold_of
from diskguard.ports import Compute


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOutcome:
    """Where it was written (or taken off), and where Azure refused that."""

    changed: tuple[ResourceId, ...]
    refused: tuple[tuple[ResourceId, DiskguardError], ...]


async def put_hold(plan: HoldPlan, compute: Compute) -> HoldOutcome:
    """Write it, one snapshot after the other, and read that it is there.

    One snapshot that bears it is enough to hold the whole point in both locations, so a refusal
    (of an immutable snapshot's tags, say) ends nothing.
    """

    async def write(snapshot: ResourceId) -> None:
        await compute.merge_tags(snapshot, plan.tags[snapshot])
        found = await compute.find_snapshot(snapshot)
        if found is None or hold_of(found) is None:
            raise DiskguardError(f"{snapshot.name} does not show the hold")

    return await _each(plan, write)


async def take_hold(plan: HoldPlan, compute: Compute) -> HoldOutcome:
    """Take it off wherever it is; every refusal leaves the point held."""

    async def take(snapshot: ResourceId) -> None:
        await compute.remove_tags(snapshot, plan.tags[snapshot])

    return await _each(plan, take)


async def _each(plan: HoldPlan, change: Callable[[ResourceId], Awaitable[None]]) -> HoldOutcome:
    changed: list[ResourceId] = []
    refused: list[tuple[ResourceId, DiskguardError]] = []
    for each in plan.snapshots:
        try:
            await change(each)
        except DiskguardError as error:
            refused.append((each, error))
        else:
            changed.append(each)
    return HoldOutcome(changed=tuple(changed), refused=tuple(refused))
