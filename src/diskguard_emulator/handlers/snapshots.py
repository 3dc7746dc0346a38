"""Snapshots: put, get, list, patch, delete."""

import asyncio
from datetime import timedelta
from typing import Final

from diskguard_emulator import rules
from diskguard_emulator.access import require_linked
from diskguard_emulator.bodies import ANY, check_shape, required, string_map
from diskguard_emulator.call import Call
from diskguard_emulator.guests.silent import NoContent
from diskguard_emulator.operations import Work
from diskguard_emulator.refusals import Refusal, conflict, invalid_parameter, not_emulated
from diskguard_emulator.render import accepted, render_snapshot
from diskguard_emulator.resources import (
    BACKGROUND_SKUS,
    SNAPSHOT,
    Disk,
    HeldImage,
    Progress,
    Snapshot,
)
from diskguard_emulator.wire import JsonObject, Response
from diskguard_emulator.world import World

_ENCRYPTION: Final = {"type": ANY, "diskEncryptionSetId": ANY}
_PROPERTIES: Final = {
    "creationData": {
        "createOption": ANY,
        "sourceResourceId": ANY,
        "instantAccessDurationMinutes": ANY,
        "provisionedBandwidthCopySpeed": ANY,
    },
    "incremental": ANY,
    "networkAccessPolicy": ANY,
    "publicNetworkAccess": ANY,
    "diskAccessId": ANY,
    "dataAccessAuthMode": ANY,
    "encryption": _ENCRYPTION,
}
_PUT: Final = {"location": ANY, "tags": ANY, "sku": {"name": ANY}, "properties": _PROPERTIES}
# A generic update reads, changes and puts all of it: `az snapshot update` 2.91.0 sends the size too.
_AGAIN: Final = _PUT | {"properties": _PROPERTIES | {"diskSizeGB": ANY}}
_PATCH: Final = {
    "tags": ANY,
    "sku": {"name": ANY},
    "properties": {
        "networkAccessPolicy": ANY,
        "publicNetworkAccess": ANY,
        "diskAccessId": ANY,
        "encryption": _ENCRYPTION,
    },
}
_SETTABLE: Final = (
    "networkAccessPolicy",
    "publicNetworkAccess",
    "diskAccessId",
    "dataAccessAuthMode",
)


async def put(call: Call) -> Response:
    """Take a snapshot of a disk, copy one, or answer a repeated PUT like the first."""
    known = call.maybe(SNAPSHOT, Snapshot)
    check_shape(call.body, _PUT if known is None else _AGAIN)
    rules.check_snapshot_name(call.names[2])
    tags = string_map(call.body.get("tags"), "tags")
    rules.check_tags(tags)
    data: JsonObject = required(call.body, "properties.creationData")
    if known is not None and known.provisioning != "Failed":
        return _repeat(call, known, data, tags)
    if known is not None:
        raise conflict(f"The snapshot '{known.name}' is in state Failed; delete it first.")
    match required(data, "createOption"):
        case "Copy":
            return _put_plain(call, data, tags)
        case "CopyStart":
            return _put_copy(call, data, tags)
        case other:
            raise not_emulated(f"the create option '{other}' of a snapshot")


# ---------------------------------------------------------------------- the same name again


def _repeat(call: Call, known: Snapshot, data: JsonObject, tags: dict[str, str] | None) -> Response:
    """Witness: snapshots-2026 interaction 9 and PS-dup: 202, and the body's tags are the tags.

    I: what a PATCH may set is set by this PUT as well.
    """
    rules.check_unchanged(known, data)
    asked: JsonObject = call.body["properties"]
    if asked.get("diskSizeGB", known.size_bytes >> 30) != known.size_bytes >> 30:
        raise not_emulated("a snapshot that changes its size")
    _set(call, known, {name: asked[name] for name in (*_SETTABLE, "encryption") if name in asked})
    known.tags = tags

    async def again() -> JsonObject:
        await call.world.takes(call.world.settings.latencies.patch)
        return _output(call, known)

    operation = call.begin("DiskOperations", known.location, again)
    return call.accepted(operation, accepted(known, call.body, known=True))


def _output(call: Call, snapshot: Snapshot) -> JsonObject:
    version = call.request.api_version
    return render_snapshot(snapshot, call.world, version, in_operation=True)


# ---------------------------------------------------------------------- of a disk


def _put_plain(call: Call, data: JsonObject, tags: dict[str, str] | None) -> Response:
    wanted = str(required(data, "sourceResourceId"))
    disk = call.world.find(wanted)
    if isinstance(disk, Snapshot):
        raise not_emulated("a snapshot of a snapshot without CopyStart")
    if not isinstance(disk, Disk):
        raise Refusal(404, "ResourceNotFound", f"The source disk '{wanted}' was not found.")
    _same_subscription(call, disk.subscription)
    scope = call.resource_id(SNAPSHOT)
    linked = "Microsoft.Compute/disks/beginGetAccess/action"
    require_linked(call.principal, linked, disk.id, (call.action, scope))
    incremental = bool(call.body["properties"].get("incremental", False))
    rules.check_plain_snapshot(disk, required(call.body, "location"), incremental=incremental)
    now = call.world.clock.now()
    rules.check_pending(disk, now)
    snapshot = _new(call, disk, data, tags)
    limit = rules.limit_reached(disk, now)
    if limit is not None and call.world.settings.limit_refused_at_put:
        snapshot.provisioning = "Failed"
        call.world.add(snapshot)
        raise limit
    disk.recent.append(now)
    disk.snapshots[snapshot.key] = snapshot
    return _begin(call, snapshot, _taking(call, snapshot, disk, limit))


def _taking(call: Call, snapshot: Snapshot, disk: Disk, limit: Refusal | None) -> Work:
    async def take() -> JsonObject:
        world = call.world
        lasts = world.draw(world.settings.latencies.snapshot)
        await asyncio.sleep(lasts * world.random.uniform(0.1, 0.6))
        if limit is not None:
            raise limit
        snapshot.image = await content_of(disk)
        await asyncio.sleep(lasts * 0.4)
        _start_background(world, snapshot, disk)
        snapshot.provisioning = "Succeeded"
        return _output(call, snapshot)

    return take


async def content_of(disk: Disk) -> HeldImage:
    """The disk's content now: from its VM's guest, or what a loose disk was made of."""
    if disk.vms:
        return HeldImage(await disk.vms[0].guest.clone_disk(disk.lun))
    return disk.image.share() if disk.image is not None else HeldImage(NoContent())


def _start_background(world: World, snapshot: Snapshot, disk: Disk) -> None:
    """Witness: section on Premium SSD v2 and Ultra in the restrictions page: a background copy each."""
    if disk.sku not in BACKGROUND_SKUS:
        return
    seconds = world.draw(world.settings.latencies.background)
    now = world.clock.now()
    snapshot.progress = Progress(began=now, lasts=timedelta(seconds=seconds))
    minutes = snapshot.properties["creationData"].get("instantAccessDurationMinutes")
    if minutes is not None:
        snapshot.instant_until = now + timedelta(minutes=minutes)


# ---------------------------------------------------------------------- of a snapshot, elsewhere


def _put_copy(call: Call, data: JsonObject, tags: dict[str, str] | None) -> Response:
    wanted = str(required(data, "sourceResourceId"))
    source = rules.check_copy_source(call.world.find(wanted), wanted)
    _same_subscription(call, source.subscription)
    scope = call.resource_id(SNAPSHOT)
    linked = "Microsoft.Compute/snapshots/beginGetAccess/action"
    require_linked(call.principal, linked, source.id, (call.action, scope))
    location = str(required(call.body, "location"))
    rules.check_alive(source.location, call.world)
    rules.check_copyable(source, call.world.clock.now())
    rules.check_copy_order(source, location, call.world)
    copy = _new(call, source, data, tags)
    seconds = call.world.draw(call.world.settings.latencies.copy)
    if data.get("provisionedBandwidthCopySpeed") == "Enhanced":
        seconds /= 4  # inferred: faster; no figure is published
    now = call.world.clock.now()
    copy.progress = Progress(began=now, lasts=timedelta(seconds=seconds))
    copy.image = source.image.share() if source.image is not None else None
    call.world.copies.add(copy)

    async def accept() -> JsonObject:
        await call.world.takes(call.world.settings.latencies.copy_accepted)
        copy.provisioning = "Succeeded"
        return _output(call, copy)

    return _begin(call, copy, accept)


# ---------------------------------------------------------------------- both


def _same_subscription(call: Call, subscription: str) -> None:
    """W: a snapshot is made in its disk's subscription (restrictions page). I: code, and for copies."""
    if subscription.lower() != call.subscription.id.lower():
        raise invalid_parameter(
            "creationData.sourceResourceId", "The source is in another subscription."
        )


def _new(
    call: Call, source: Disk | Snapshot, data: JsonObject, tags: dict[str, str] | None
) -> Snapshot:
    world, location = call.world, str(required(call.body, "location"))
    asked: JsonObject = call.body["properties"]
    incremental = bool(asked.get("incremental", False))
    zoned = incremental and location.lower() in world.settings.regions_with_zones
    sku = call.body.get("sku", {}).get("name") or ("Standard_ZRS" if zoned else "Standard_LRS")
    rules.check_snapshot_sku(sku, incremental=incremental)
    is_copy = isinstance(source, Snapshot)
    return Snapshot(
        id=call.resource_id(SNAPSHOT),
        kind=SNAPSHOT,
        name=call.names[2],
        subscription=call.subscription.id,
        group=call.group.name,
        location=location.lower(),
        tags=tags,
        top={"sku": {"name": sku}},
        properties={
            "creationData": {**data, "sourceUniqueId": source.unique_id},
            "encryption": _encryption(call, source, location),
            "incremental": incremental,
            "networkAccessPolicy": "AllowAll",
            "publicNetworkAccess": "Enabled",
        }
        | {name: asked[name] for name in _SETTABLE if name in asked}
        | _inherited(source),
        provisioning="Updating",
        unique_id=world.guid(),
        family=world.guid() if is_copy else source.family,
        source=source,
        size_bytes=source.size_bytes,
    )


def _inherited(source: Disk | Snapshot) -> JsonObject:
    """What a snapshot takes over from its source: ADE's settings, trusted launch, OS, generation."""
    names = ("osType", "hyperVGeneration", "encryptionSettingsCollection", "securityProfile")
    return {name: source.properties[name] for name in names if name in source.properties}


def _encryption(call: Call, source: Disk | Snapshot, location: str) -> JsonObject:
    """The source's, unless asked otherwise; a copy of a CMK snapshot must name a set of its region (inferred)."""
    asked = call.body["properties"].get("encryption")
    own: JsonObject = source.properties["encryption"]
    if asked is not None:
        owner = own if isinstance(source, Disk) else None
        rules.check_encryption(asked, owner, location, call.world)
        return dict(asked)
    if "diskEncryptionSetId" in own and location.lower() != source.location.lower():
        raise invalid_parameter(
            "encryption.diskEncryptionSetId",
            "The source is encrypted with a customer-managed key; name a set in the target region.",
        )
    return dict(own)


def _begin(call: Call, snapshot: Snapshot, work: Work) -> Response:
    call.world.add(snapshot)

    def failed(_: Refusal) -> None:
        snapshot.provisioning = "Failed"
        _forget(call.world, snapshot)

    operation = call.begin("DiskOperations", snapshot.location, work, on_failure=failed)
    snapshot.created = operation.started
    return call.accepted(operation, accepted(snapshot, call.body, known=False))


def _forget(world: World, snapshot: Snapshot) -> None:
    """It counts no more: not against its disk's limit, not among the copies."""
    if isinstance(snapshot.source, Disk):
        snapshot.source.snapshots.pop(snapshot.key, None)
    else:
        world.copies.remove(snapshot)


async def patch(call: Call) -> Response:
    """Change tags, sku, network access or encryption; tags of the body are all tags then."""
    check_shape(call.body, _PATCH)
    snapshot = call.existing(SNAPSHOT, Snapshot)
    tags = string_map(call.body.get("tags"), "tags")
    rules.check_tags(tags)
    _set(call, snapshot, call.body.get("properties", {}))
    snapshot.tags = tags if "tags" in call.body else snapshot.tags

    async def change() -> JsonObject:
        await call.world.takes(call.world.settings.latencies.patch)
        return _output(call, snapshot)

    operation = call.begin("DiskOperations", snapshot.location, change)
    return call.accepted(operation, accepted(snapshot, call.body, known=True))


def _set(call: Call, snapshot: Snapshot, asked: JsonObject) -> None:
    """These properties, and the body's sku if it names one. Raises Refusal for a wrong encryption set."""
    rules.check_encryption(asked.get("encryption") or {}, None, snapshot.location, call.world)
    snapshot.properties |= asked
    if "sku" in call.body:
        snapshot.top = {"sku": {"name": required(call.body, "sku.name")}}


async def delete(call: Call) -> Response:
    """Make it gone at the operation's end; 204 if it is gone already. Copies from it fail."""
    snapshot = call.maybe(SNAPSHOT, Snapshot)
    if snapshot is None:
        return Response(status=204)
    rules.check_deletable(snapshot, call.world.clock.now())

    async def vanish() -> None:
        await call.world.takes(call.world.settings.latencies.delete_snapshot)
        await remove(call.world, snapshot)

    operation = call.begin("DiskOperations", snapshot.location, vanish)
    return call.accepted(operation)


async def remove(world: World, snapshot: Snapshot) -> None:
    """It is gone, with its image; what still copies from it fails.

    Witness: CopyCompletionErrorReason.CopySourceNotFound in the SDK. I: the message.
    """
    world.remove(snapshot)
    _forget(world, snapshot)
    now = world.clock.now()
    for copy in world.copies.of_source(snapshot):
        if copy.progress is not None and copy.progress.running(now):
            copy.progress.fail("CopySourceNotFound", "The source of the copy was not found.", now)
    image, snapshot.image = snapshot.image, None
    if image is not None:
        await image.drop()
