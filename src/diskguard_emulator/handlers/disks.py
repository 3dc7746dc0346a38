"""Managed disks: lists, get, put (empty or from a snapshot), patch, delete."""

from typing import Final

from diskguard_emulator import rules
from diskguard_emulator.access import require_linked
from diskguard_emulator.bodies import ANY, check_shape, required, string_map
from diskguard_emulator.call import Call
from diskguard_emulator.refusals import Refusal, conflict, invalid_parameter, not_emulated
from diskguard_emulator.render import accepted, render_disk
from diskguard_emulator.resources import BACKGROUND_SKUS, DISK, Disk, Snapshot
from diskguard_emulator.wire import JsonObject, Response

SKUS: Final = frozenset(
    {
        "Standard_LRS",
        "StandardSSD_LRS",
        "StandardSSD_ZRS",
        "Premium_LRS",
        "Premium_ZRS",
        "PremiumV2_LRS",
        "UltraSSD_LRS",
    }
)
_SETTABLE: Final = {
    "diskSizeGB": ANY,
    "encryption": {"type": ANY, "diskEncryptionSetId": ANY},
    "networkAccessPolicy": ANY,
    "publicNetworkAccess": ANY,
    "diskAccessId": ANY,
    "diskIOPSReadWrite": ANY,
    "diskMBpsReadWrite": ANY,
    "maxShares": ANY,
    "tier": ANY,
}
_PUT: Final = {
    "location": ANY,
    "tags": ANY,
    "sku": {"name": ANY},
    "zones": ANY,
    "properties": _SETTABLE
    | {
        "creationData": {"createOption": ANY, "sourceResourceId": ANY, "logicalSectorSize": ANY},
        "osType": ANY,
        "hyperVGeneration": ANY,
    },
}
_PATCH: Final = {"tags": ANY, "sku": {"name": ANY}, "properties": _SETTABLE}


async def put(call: Call) -> Response:
    """Make an empty disk or one from a snapshot; a repeated PUT changes what may change."""
    check_shape(call.body, _PUT)
    tags = string_map(call.body.get("tags"), "tags")
    rules.check_tags(tags)
    known = call.maybe(DISK, Disk)
    if known is not None:
        return _change(call, known, tags, known.top)
    source = _source(call)
    disk = _new(call, source, tags)
    call.world.add(disk)

    async def create() -> JsonObject:
        await call.world.takes(call.world.settings.latencies.disk)
        disk.provisioning = "Succeeded"
        return render_disk(disk)

    def failed(_: Refusal) -> None:
        disk.provisioning = "Failed"

    operation = call.begin("DiskOperations", disk.location, create, on_failure=failed)
    return call.accepted(operation, accepted(disk, call.body, known=False))


def _source(call: Call) -> Snapshot | None:
    """The snapshot it is made from. I: the codes of the refusals."""
    data: JsonObject = required(call.body, "properties.creationData")
    match required(data, "createOption"):
        case "Empty":
            return None
        case "Copy":
            wanted = str(required(data, "sourceResourceId"))
        case other:
            raise not_emulated(f"the create option '{other}' of a disk")
    source = call.world.find(wanted)
    if isinstance(source, Disk):
        raise not_emulated("a disk made from a disk")
    if not isinstance(source, Snapshot):
        raise Refusal(404, "ResourceNotFound", f"The source snapshot '{wanted}' was not found.")
    action = "Microsoft.Compute/snapshots/beginGetAccess/action"
    require_linked(call.principal, action, source.id, (call.action, call.resource_id(DISK)))
    if not source.ready(call.world.clock.now()):
        raise conflict(f"The source snapshot '{source.name}' is not complete.")
    if source.location.lower() != str(required(call.body, "location")).lower():
        raise invalid_parameter("location", "A disk is made in the region of its snapshot.")
    return source


def _new(call: Call, source: Snapshot | None, tags: dict[str, str] | None) -> Disk:
    world, asked = call.world, call.body["properties"]
    location = str(required(call.body, "location")).lower()
    rules.check_encryption(asked.get("encryption", {}), None, location, world)
    least = source.size_bytes if source is not None else 0
    size = int(asked["diskSizeGB"]) << 30 if "diskSizeGB" in asked else least
    if size < max(least, 1 << 30):
        raise invalid_parameter("diskSizeGB", "The size is smaller than the source, or missing.")
    data = dict(asked["creationData"])
    own = {"type": "EncryptionAtRestWithPlatformKey"}
    if source is not None:
        data["sourceUniqueId"] = source.unique_id
        own = source.properties["encryption"]
    image = source.image.share() if source is not None and source.image is not None else None
    return Disk(
        id=call.resource_id(DISK),
        kind=DISK,
        name=call.names[2],
        subscription=call.subscription.id,
        group=call.group.name,
        location=location,
        tags=tags,
        top=_top(call),
        properties=performance()
        | {name: asked[name] for name in asked if name != "diskSizeGB"}
        | {"creationData": data, "encryption": asked.get("encryption", own)},
        provisioning="Updating",
        unique_id=world.guid(),
        family=world.guid(),
        size_bytes=size,
        created=world.clock.now(),
        image=image,
    )


def performance() -> JsonObject:
    """What every disk shows; the figures are those of disks-2026 and stand for none."""
    return {
        "diskIOPSReadWrite": 500,
        "diskMBpsReadWrite": 60,
        "networkAccessPolicy": "AllowAll",
        "publicNetworkAccess": "Enabled",
    }


def _top(call: Call) -> JsonObject:
    sku = call.body.get("sku", {}).get("name", "Standard_LRS")
    if sku not in SKUS:
        raise invalid_parameter("sku.name", f"The sku '{sku}' is unknown.")
    top: JsonObject = {"sku": {"name": sku}}
    if "zones" in call.body:
        top["zones"] = call.body["zones"]
    return top


async def patch(call: Call) -> Response:
    """Change tags, size (never smaller), sku and the like; 404 if it is not there."""
    check_shape(call.body, _PATCH)
    disk = call.existing(DISK, Disk)
    tags = string_map(call.body.get("tags"), "tags") if "tags" in call.body else disk.tags
    rules.check_tags(tags)
    top = disk.top | (_top(call) if "sku" in call.body else {})
    return _change(call, disk, tags, top)


def _change(call: Call, disk: Disk, tags: dict[str, str] | None, top: JsonObject) -> Response:
    asked: JsonObject = call.body.get("properties", {})
    size = int(asked.get("diskSizeGB", disk.size_bytes >> 30)) << 30
    if size < disk.size_bytes:
        raise invalid_parameter("diskSizeGB", "A disk cannot become smaller.")
    if size > disk.size_bytes:
        _fail_pending(call, disk)
    rules.check_encryption(asked.get("encryption", {}), None, disk.location, call.world)
    disk.tags, disk.top, disk.size_bytes = tags, top, size
    kept = ("diskSizeGB", "creationData")
    disk.properties |= {name: value for name, value in asked.items() if name not in kept}

    async def change() -> JsonObject:
        await call.world.takes(call.world.settings.latencies.disk)
        return render_disk(disk)

    operation = call.begin("DiskOperations", disk.location, change)
    return call.accepted(operation, accepted(disk, call.body, known=True))


def _fail_pending(call: Call, disk: Disk) -> None:
    """W: growing a v2 or Ultra disk fails its pending snapshots (restrictions page). I: how it shows."""
    now = call.world.clock.now()
    if disk.sku not in BACKGROUND_SKUS:
        return
    for snapshot in disk.snapshots.values():
        if snapshot.progress is not None and snapshot.progress.running(now):
            snapshot.progress.fail("OperationNotAllowed", "The disk was resized.", now)
            snapshot.provisioning = "Failed"


async def delete(call: Call) -> Response:
    """Make it gone; 204 if it is; refused while a VM has it."""
    disk = call.maybe(DISK, Disk)
    if disk is None:
        return Response(status=204)
    rules.check_detached(disk)

    async def vanish() -> None:
        await call.world.takes(call.world.settings.latencies.disk)
        call.world.remove(disk)
        image, disk.image = disk.image, None
        if image is not None:
            await image.drop()

    return call.accepted(call.begin("DiskOperations", disk.location, vanish))
