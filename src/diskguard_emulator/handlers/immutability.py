"""Immutability of snapshots: set, extended, locked; what it forbids is in `rules.check_deletable`.

Witnesses: the descriptions of both actions in azure-mgmt-compute 39.0.0 (Disk API 2026-03-02), and
the pages of Set-AzSnapshotImmutabilityPolicy and Remove-AzSnapshotImmutabilityPolicy.
"""

from datetime import timedelta
from typing import Final

from diskguard_emulator import rules
from diskguard_emulator.bodies import ANY, check_shape, required
from diskguard_emulator.call import Call
from diskguard_emulator.refusals import invalid_parameter, not_allowed
from diskguard_emulator.render import accepted, render_snapshot
from diskguard_emulator.resources import SNAPSHOT, Immutability, Snapshot
from diskguard_emulator.wire import JsonObject, Response

_BODY: Final = {"immutabilityDurationDays": ANY, "type": ANY}


async def update(call: Call) -> Response:
    """Set or extend an Unlocked policy; refused where a Locked one is active."""
    snapshot, days = _asked(call, least=1)
    if call.body["type"] != "Unlocked":
        raise invalid_parameter("type", "Use updateImmutabilityPolicyLock to lock a policy.")
    active = _active(call, snapshot)
    if active is not None and active.type == "Locked":
        raise not_allowed(f"The immutability policy of '{snapshot.name}' is locked.")
    if active is not None and days < active.days:
        raise not_allowed(f"The immutability policy of '{snapshot.name}' can only be extended.")
    return _set(call, snapshot, "Unlocked", days)


async def lock(call: Call) -> Response:
    """Lock, extend a locked one, or (Unlocked, whoever may lock) shorten to any length, 0 included."""
    snapshot, days = _asked(call, least=0)
    active = _active(call, snapshot)
    if active is not None and active.type == "Locked":
        if call.body["type"] != "Locked" or days < active.days:
            raise not_allowed(f"The locked policy of '{snapshot.name}' can only be extended.")
    elif call.body["type"] == "Locked" and days < 1:
        raise invalid_parameter("immutabilityDurationDays", "It must be at least 1.")
    return _set(call, snapshot, call.body["type"], days)


def _asked(call: Call, *, least: int) -> tuple[Snapshot, int]:
    check_shape(call.body, _BODY)
    snapshot = call.existing(SNAPSHOT, Snapshot)
    days = required(call.body, "immutabilityDurationDays")
    if required(call.body, "type") not in ("Unlocked", "Locked"):
        raise invalid_parameter("type", "It is neither Unlocked nor Locked.")
    if not isinstance(days, int) or not least <= days <= rules.IMMUTABLE_DAYS:
        text = f"It must be from {least} to {rules.IMMUTABLE_DAYS}."
        raise invalid_parameter("immutabilityDurationDays", text)
    if not snapshot.ready(call.world.clock.now()):  # inferred
        raise not_allowed(f"The snapshot '{snapshot.name}' is not complete.")
    return snapshot, days


def _active(call: Call, snapshot: Snapshot) -> Immutability | None:
    policy = snapshot.immutability
    return policy if policy is not None and call.world.clock.now() < policy.until else None


def _set(call: Call, snapshot: Snapshot, kind: str, days: int) -> Response:
    """An active policy keeps its start; a new one, or one in an expired one's place, starts now."""
    active = _active(call, snapshot)
    start = active.start if active is not None else call.world.clock.now()

    async def change() -> JsonObject:
        await call.world.takes(call.world.settings.latencies.patch)
        snapshot.immutability = Immutability(type=kind, start=start, lasts=timedelta(days=days))
        return render_snapshot(snapshot, call.world, call.request.api_version, in_operation=True)

    operation = call.begin("DiskOperations", snapshot.location, change)
    return call.accepted(operation, accepted(snapshot, {}, known=True))
