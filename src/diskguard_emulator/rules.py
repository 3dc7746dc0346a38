"""What is refused, and by which witness. Marks: W a witness, I inferred (no recording of the body)."""

import re
from datetime import datetime, timedelta
from typing import Final

from diskguard_emulator.ids import key
from diskguard_emulator.refusals import Refusal, conflict, invalid_parameter, not_allowed
from diskguard_emulator.resources import (
    BACKGROUND_SKUS,
    ENCRYPTION_SET,
    Disk,
    Resource,
    Snapshot,
    Vm,
)
from diskguard_emulator.wire import JsonObject
from diskguard_emulator.world import Lock, World

SNAPSHOTS_PER_DISK: Final = 500
SNAPSHOTS_PER_FIVE_MINUTES: Final = 7
PENDING_BACKGROUND_SNAPSHOTS: Final = 3
PARALLEL_COPIES: Final = 100
IMMUTABLE_DAYS: Final = 90  # W: azure-rest-api-specs PR 43393: "currently 90 days"
MANAGED_COMMANDS: Final = 25
TAGS: Final = 50
_SNAPSHOT_SKUS: Final = frozenset({"Standard_LRS", "Premium_LRS", "Standard_ZRS"})


# ---------------------------------------------------------------------- snapshots


def check_snapshot_name(name: str) -> None:
    """W: REST reference Snapshots - Create Or Update: at most 80 of a-z, A-Z, 0-9, _ and -."""
    if not re.fullmatch(r"[A-Za-z0-9_\-]{1,80}", name):
        raise invalid_parameter("snapshotName", f"The snapshot name '{name}' is invalid.")


def check_snapshot_sku(sku: str, *, incremental: bool) -> None:
    """W: skus in the SDK; disks-incremental-snapshots.md: incremental ones are Standard HDD. I: the code."""
    allowed = _SNAPSHOT_SKUS - ({"Premium_LRS"} if incremental else set())
    if sku not in allowed:
        raise invalid_parameter("sku.name", f"The sku '{sku}' is not possible for this snapshot.")


def check_plain_snapshot(disk: Disk, location: str, *, incremental: bool) -> None:
    """W: incremental-snapshots-restrictions.md @169f8a6b78c1; terraform-provider-azurerm 21099."""
    if location.lower() != disk.location.lower():
        raise invalid_parameter(
            "location", f"The source disk is in '{disk.location}', not in '{location}'."
        )
    if disk.sku in BACKGROUND_SKUS and not incremental:
        raise not_allowed(
            f"Only incremental snapshots are allowed for a disk of type {disk.sku}: '{disk.name}'."
        )


def check_pending(disk: Disk, now: datetime) -> None:
    """W: at most 3 pending snapshots of a Premium SSD v2 or Ultra disk (same page). I: status and code."""
    pending = sum(
        1
        for each in disk.snapshots.values()
        if each.progress is not None and each.progress.running(now)
    )
    if disk.sku in BACKGROUND_SKUS and pending >= PENDING_BACKGROUND_SNAPSHOTS:
        raise not_allowed(
            f"Disk '{disk.name}' has {pending} snapshots whose background copy is not complete."
        )


def limit_reached(disk: Disk, now: datetime) -> Refusal | None:
    """W: 500 and 7 in 5 minutes (same page); code and message: azure-sdk-for-python 14282."""
    while disk.recent and now - disk.recent[0] >= timedelta(minutes=5):
        disk.recent.popleft()
    full = len(disk.snapshots) >= SNAPSHOTS_PER_DISK
    if not full and len(disk.recent) < SNAPSHOTS_PER_FIVE_MINUTES:
        return None
    return Refusal(
        409,
        "SnapshotsLimitReached",
        "The snapshot count was exceeded for a disk. Please retry the request after sometime",
    )


def check_unchanged(snapshot: Snapshot, data: JsonObject) -> None:
    """W: creationData is immutable (REST reference). I: code and wording."""
    old = snapshot.properties["creationData"]
    same_source = key(str(data.get("sourceResourceId"))) == key(str(old["sourceResourceId"]))
    if data.get("createOption") != old["createOption"] or not same_source:
        raise Refusal(
            409,
            "PropertyChangeNotAllowed",
            f"Changing property 'creationData' of snapshot '{snapshot.name}' is not allowed.",
        )


# ---------------------------------------------------------------------- copies


def check_alive(region: str, world: World) -> None:
    """I: whatever needs a region that is down is answered with 503."""
    if region.lower() in world.dead_regions:
        raise Refusal(
            503, "ServiceUnavailable", f"The service in region '{region}' does not answer."
        )


def check_deletable(snapshot: Snapshot, now: datetime) -> None:
    """W: Set-AzSnapshotImmutabilityPolicy: deletion protection until its end. I: code and words."""
    policy = snapshot.immutability
    if policy is not None and now < policy.until:
        raise not_allowed(
            f"The snapshot '{snapshot.name}' cannot be deleted: its {policy.type} immutability "
            f"policy ends at {policy.until:%Y-%m-%dT%H:%M:%SZ}."
        )


def check_copy_source(source: Resource | None, wanted: str) -> Snapshot:
    """W: azure-cli 22370: CopyStart of a disk is `Entity not of expected type`."""
    if source is None:
        raise Refusal(404, "ResourceNotFound", f"The resource '{wanted}' was not found.")
    if not isinstance(source, Snapshot):
        raise invalid_parameter("creationData.sourceResourceId", "Entity not of expected type.")
    return source


def check_copyable(source: Snapshot, now: datetime) -> None:
    """W: disks-copy-incremental-snapshot-across-regions.md @127019c17fa7, disks-instant-access. I: the codes."""
    if not source.properties["incremental"]:
        raise not_allowed("Only incremental snapshots can be copied across regions.")
    if not source.ready(now):
        raise conflict(f"The source snapshot '{source.name}' is not complete.")


def check_copy_order(source: Snapshot, location: str, world: World) -> None:
    """W: one at a time per disk, in creation order, 100 at once (same page). I: the codes."""
    now = world.clock.now()
    running = world.copies.running(source.subscription, location, now)
    if len(running) >= PARALLEL_COPIES:
        raise not_allowed(f"{PARALLEL_COPIES} snapshots are being copied to '{location}'.")
    if any(each.source.family == source.family for each in running):
        raise conflict(f"Another snapshot of the same disk is being copied to '{location}'.")
    for each in world.copies.of_chain(source, location):
        copied = each.source
        if isinstance(copied, Snapshot) and _later(copied, source):
            raise not_allowed("Snapshots of a disk must be copied in the order of their creation.")


def _later(one: Snapshot, other: Snapshot) -> bool:
    return bool(one.created and other.created and one.created > other.created)


# ---------------------------------------------------------------------- encryption


def check_encryption(
    wanted: JsonObject, owner: JsonObject | None, location: str, world: World
) -> None:
    """W: customer-managed-keys-restrictions.md @83133b8a192e: set in the same region; the disk's own. I: codes."""
    asked = wanted.get("diskEncryptionSetId")
    own = (owner or {}).get("diskEncryptionSetId")
    if asked is None:
        return
    found = world.find(asked)
    if found is None or found.kind != ENCRYPTION_SET:
        raise Refusal(404, "ResourceNotFound", f"The disk encryption set '{asked}' was not found.")
    if found.location.lower() != location.lower():
        raise invalid_parameter(
            "encryption.diskEncryptionSetId", f"The disk encryption set is not in '{location}'."
        )
    if owner is not None and own is not None and key(own) != key(asked):
        raise invalid_parameter(
            "encryption.diskEncryptionSetId", "A snapshot has the disk encryption set of its disk."
        )


# ---------------------------------------------------------------------- machines


def check_running(vm: Vm) -> None:
    """W: wording met in many logs, e.g. of `az vm run-command invoke` on a deallocated VM."""
    if vm.power != "running":
        raise not_allowed("The operation requires the VM to be running (or set to run).")


def check_extensions(vm: Vm) -> None:
    """W: teleport's azure error table, 409 OperationNotAllowed."""
    if vm.properties.get("osProfile", {}).get("allowExtensionOperations", True):
        return
    raise not_allowed(
        "This operation cannot be performed when extension operations are disallowed. To allow, "
        "please ensure VM Agent is installed on the VM and the osProfile.allowExtensionOperations "
        "property is true."
    )


def check_script_slot(vm: Vm) -> None:
    """W: azure-cli 32305 and 19137: one script at a time."""
    if vm.script_running:
        raise conflict(
            "Run command extension execution is in progress. Please wait for completion before "
            "invoking a run command."
        )


def check_unchanging(vm: Vm) -> None:
    """W: azure-cli 15765: one change of a VM at a time."""
    if vm.changing:
        raise conflict(
            "The request failed due to conflict with a concurrent request. To resolve it, please "
            "refer to https://aka.ms/activitylog to get more details on the conflicting requests."
        )


def check_etag(if_match: str | None, etag: str) -> None:
    """W: CPA-vm, 412."""
    if if_match is None or if_match in ("*", etag):
        return
    asked, own = if_match.strip('"'), etag.strip('"')
    raise Refusal(
        412,
        "PreconditionFailed",
        f'Etag provided in if-match header "{asked}" does not match etag "{own}" of resource.',
    )


def check_detached(disk: Disk) -> None:
    """W: AutomatedLab 646."""
    if disk.vms:
        raise not_allowed(f"Disk {disk.name} is attached to VM {disk.vms[0].id}.")


# ---------------------------------------------------------------------- locks and tags


def check_locks(locks: list[Lock], scope: str, *, deletes: bool) -> None:
    """W: azure-sdk-for-python 7238. `locks` are those at the scope and above it."""
    word = "delete" if deletes else "write"
    binding = [lock for lock in locks if deletes or lock.level == "ReadOnly"]
    if binding:
        scopes = ",".join(lock.scope for lock in binding)
        raise Refusal(
            409,
            "ScopeLocked",
            f"The scope '{scope}' cannot perform {word} operation because following scope(s) are "
            f"locked: '{scopes}'. Please remove the lock and try again.",
        )


def check_tags(tags: dict[str, str] | None) -> None:
    """W: tag-resources.md: 50 tags, names of 512, values of 256, no <>%&\\?/ in names. I: the codes."""
    if tags is None:
        return
    if len(tags) > TAGS:
        raise Refusal(400, "TooManyTags", f"A resource can have {TAGS} tags, not {len(tags)}.")
    for name, value in tags.items():
        if not name or re.search(r"[<>%&\\?/]", name):
            raise Refusal(400, "InvalidTagNameCharacters", f"The tag name '{name}' is invalid.")
        if len(name) > 512:
            raise Refusal(400, "TagNameTooLong", f"The tag name '{name[:40]}…' is too long.")
        if len(value) > 256:
            raise Refusal(400, "TagValueTooLong", f"The value of tag '{name}' is too long.")
    if len({name.lower() for name in tags}) < len(tags):
        raise Refusal(400, "DuplicateTagName", "Tag names are compared without case.")
