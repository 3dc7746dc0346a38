"""Resources as Resource Manager shows them, keys in the recorded order."""

import re
from datetime import datetime
from typing import Final

from diskguard_emulator.operations import wire_time
from diskguard_emulator.resources import (
    VM,
    Disk,
    Immutability,
    ManagedCommand,
    Resource,
    Snapshot,
    Vm,
)
from diskguard_emulator.wire import JsonObject
from diskguard_emulator.world import World

# Witness: snapshots-2026.yaml (2025-01-02) has the field, CLI-pct (2023-04-02) has not.
_ACCESS_STATE_SINCE: Final = "2025-01-02"
_IMMUTABILITY_SINCE: Final = "2026-03-02"
_ETAG_IN_BODY_SINCE: Final = "2024-11-01"
_TIERS: Final = {"Standard": "Standard", "Premium": "Premium", "PremiumV2": "Premium"}


def render(resource: Resource, world: World, api_version: str) -> JsonObject:
    """The resource as a GET shows it now."""
    if isinstance(resource, Vm):
        return render_vm(resource, api_version)
    if isinstance(resource, Disk):
        return render_disk(resource)
    if isinstance(resource, Snapshot):
        return render_snapshot(resource, world, api_version)
    return render_plain(resource)


def _head(resource: Resource) -> JsonObject:
    head: JsonObject = {"name": resource.name.rsplit("/", maxsplit=1)[-1], "id": resource.id}
    head |= {"type": resource.kind, "location": resource.location}
    if resource.tags is not None:
        head["tags"] = dict(resource.tags)
    return head | resource.top


def render_plain(resource: Resource) -> JsonObject:
    """A resource the emulator only keeps."""
    return _head(resource) | {"properties": dict(resource.properties)}


# ---------------------------------------------------------------------- disks


def _with_tier(top: JsonObject) -> JsonObject:
    name = str(top["sku"]["name"])
    family = name.split("_", maxsplit=1)[0]
    return top | {"sku": {"name": name, "tier": _TIERS.get(family, family.removesuffix("SSD"))}}


def disk_state(disk: Disk) -> str:
    """Attached, Reserved (its VM is deallocated) or Unattached; witness: DiskState in the SDK."""
    if not disk.vms:
        return "Unattached"
    return "Reserved" if all(vm.power == "deallocated" for vm in disk.vms) else "Attached"


def render_disk(disk: Disk) -> JsonObject:
    """A managed disk."""
    body = _head(disk)
    body |= _with_tier(disk.top)
    if disk.vms:
        body["managedBy"] = disk.vms[0].id
    if int(disk.properties.get("maxShares", 1)) > 1:
        body["managedByExtended"] = [vm.id for vm in disk.vms]
    if disk.provisioning == "Updating":
        properties = {"creationData": disk.properties["creationData"]}
        properties["diskSizeGB"] = disk.size_bytes >> 30
        properties["provisioningState"] = "Updating"
    else:
        properties = dict(disk.properties)
        properties |= {
            "diskSizeGB": disk.size_bytes >> 30,
            "timeCreated": wire_time(disk.created),
            "provisioningState": disk.provisioning,
            "diskState": disk_state(disk),
            "diskSizeBytes": disk.size_bytes,
            "uniqueId": disk.unique_id,
        }
    return body | {"properties": properties}


# ---------------------------------------------------------------------- snapshots


def accepted(resource: Disk | Snapshot, asked: JsonObject, *, known: bool) -> JsonObject:
    """The 202's body: what was asked, in state Updating; of a known one tier and size as well.

    Witness: snapshots-2026 interactions 4 and 9, disks-2026 interactions 2 and 7.
    """
    body = _head(resource)
    if known:
        body |= _with_tier(resource.top)
    else:
        body = {name: value for name, value in body.items() if name != "sku" or "sku" in asked}
    properties: JsonObject = dict(asked.get("properties", {}))
    properties["provisioningState"] = "Updating"
    if known:
        properties["diskSizeBytes"] = resource.size_bytes
    return body | {"properties": properties}


def _unfinished(snapshot: Snapshot) -> JsonObject:
    """While it is made: no time, no size, no unique id."""
    shown = {name: snapshot.properties[name] for name in ("creationData", "incremental")}
    return _head(snapshot) | {"properties": shown | {"provisioningState": "Updating"}}


def render_snapshot(
    snapshot: Snapshot, world: World, api_version: str, *, in_operation: bool = False
) -> JsonObject:
    """A snapshot; a finished operation's output never has `completionPercent` (CLI-pct)."""
    if snapshot.provisioning == "Updating":
        return _unfinished(snapshot)
    now = world.clock.now()
    properties = dict(snapshot.properties)
    properties["diskSizeGB"] = snapshot.size_bytes >> 30
    if snapshot.created is not None:
        properties["timeCreated"] = wire_time(snapshot.created)
    properties["provisioningState"] = snapshot.provisioning
    properties["diskState"] = "Unattached"
    properties["diskSizeBytes"] = snapshot.size_bytes
    properties["uniqueId"] = snapshot.unique_id
    if snapshot.properties["incremental"]:
        properties["incrementalSnapshotFamilyId"] = snapshot.family
    if not in_operation:
        properties |= _progress(snapshot, world, now)
    if api_version >= _ACCESS_STATE_SINCE:
        properties["snapshotAccessState"] = access_state(snapshot, now)
    if api_version >= _IMMUTABILITY_SINCE and snapshot.immutability is not None:
        properties["immutabilityPolicy"] = _immutability(snapshot.immutability, now)
    body = _head(snapshot) | _with_tier(snapshot.top)
    return body | {"properties": properties}


def _immutability(policy: Immutability, now: datetime) -> JsonObject:
    """Witness: the model ImmutabilityPolicy of azure-mgmt-compute 39.0.0."""
    return {
        "immutabilityDurationDays": policy.days,
        "type": policy.type,
        "policyStartTime": wire_time(policy.start),
        "policyExpirationTime": wire_time(policy.until),
        "isPolicyExpired": now >= policy.until,
    }


def _progress(snapshot: Snapshot, world: World, now: datetime) -> JsonObject:
    progress = snapshot.progress
    if progress is None:
        shown = world.settings.percent_on_plain_snapshots and snapshot.provisioning == "Succeeded"
        return {"completionPercent": 100.0} if shown else {}
    found: JsonObject = {"completionPercent": progress.percent(now)}
    if progress.error is not None:
        found["copyCompletionError"] = progress.error
    return found


def access_state(snapshot: Snapshot, now: datetime) -> str:
    """Witness: disks-instant-access-snapshots.md @163993b04603."""
    if snapshot.provisioning != "Succeeded":
        return "Pending" if snapshot.provisioning == "Updating" else "Unknown"
    instant = snapshot.instant_until is not None and now < snapshot.instant_until
    if snapshot.ready(now):
        return "AvailableWithInstantAccess" if instant else "Available"
    return "InstantAccess" if instant else "Pending"


# ---------------------------------------------------------------------- machines

_POWER_WORDS: Final = {
    "running": "VM running",
    "starting": "VM starting",
    "stopped": "VM stopped",
    "stopping": "VM stopping",
    "deallocated": "VM deallocated",
    "deallocating": "VM deallocating",
}


def etag_of(vm: Vm) -> str:
    """The VM's ETag as the header has it, quotes included (CPA-vm)."""
    return f'"{vm.etag}"'


def render_vm(vm: Vm, api_version: str) -> JsonObject:
    """A VM without its instance view."""
    body = _head(vm)
    properties = dict(vm.properties)
    if vm.power == "deallocated":
        properties["storageProfile"] = _without_sizes(properties["storageProfile"])
    properties["provisioningState"] = vm.provisioning
    body["properties"] = properties
    if api_version >= _ETAG_IN_BODY_SINCE:
        body["etag"] = etag_of(vm)
    return body


def _without_sizes(profile: JsonObject) -> JsonObject:
    """A deallocated VM names its disks only (JAVA testManageVirtualMachineWithDisk)."""

    def bare(disk: JsonObject) -> JsonObject:
        kept = {name: value for name, value in disk.items() if name != "diskSizeGB"}
        if "managedDisk" in kept:
            kept["managedDisk"] = {"id": kept["managedDisk"]["id"]}
        return kept

    disks = [bare(disk) for disk in profile["dataDisks"]]
    return profile | {"osDisk": bare(profile["osDisk"]), "dataDisks": disks}


def instance_view(vm: Vm, now: datetime) -> JsonObject:
    """Agent, disks and power state; shape: C7N VMTest, agent's absence: azure-cli threads."""
    view: JsonObject = {}
    if vm.power == "running":
        view["computerName"] = vm.name
        view["osName"] = "ubuntu" if os_type(vm) == "Linux" else "Windows Server 2022 Datacenter"
        view["vmAgent"] = _agent(vm, now)
    profile = vm.properties["storageProfile"]
    disks = [profile["osDisk"], *profile["dataDisks"]]
    view["disks"] = [
        {"name": disk["name"], "statuses": [_status("ProvisioningState/succeeded", now)]}
        for disk in disks
        if "name" in disk
    ]
    view["statuses"] = statuses(vm, now)
    return view


def os_type(vm: Vm) -> str:
    """Linux or Windows."""
    return str(vm.properties["storageProfile"]["osDisk"]["osType"])


def statuses(vm: Vm, now: datetime) -> list[JsonObject]:
    """Provisioning and power state."""
    power = {"code": f"PowerState/{vm.power}", "level": "Info"}
    return [
        _status("ProvisioningState/succeeded", now),
        power | {"displayStatus": _POWER_WORDS[vm.power]},
    ]


def _status(code: str, now: datetime) -> JsonObject:
    words = {"level": "Info", "displayStatus": "Provisioning succeeded"}
    return {"code": code, **words, "time": wire_time(now)}


def _agent(vm: Vm, now: datetime) -> JsonObject:
    if vm.guest.agent_answers:
        ready = {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Ready"}
        ready |= {"message": "Guest Agent is running", "time": wire_time(now)}
        return {"vmAgentVersion": "2.11.1.12", "statuses": [ready], "extensionHandlers": []}
    lost = {"code": "ProvisioningState/Unavailable", "level": "Warning"}
    lost |= {"displayStatus": "Not Ready", "time": wire_time(now)}
    lost["message"] = "VM status blob is found but not yet populated."
    return {"vmAgentVersion": "Unknown", "statuses": [lost]}


def render_status_only(vm: Vm, now: datetime) -> JsonObject:
    """An entry of a list with statusOnly=true: run-time state, no tags and no storage profile.

    Witness: azure-rest-api-specs issue 42411.
    """
    properties = {"vmId": vm.properties["vmId"], "provisioningState": vm.provisioning}
    head = {"name": vm.name, "id": vm.id, "type": VM, "location": vm.location}
    return head | {"properties": properties | {"instanceView": instance_view(vm, now)}}


def render_command(vm: Vm, command: ManagedCommand, *, expanded: bool) -> JsonObject:
    """A managed run command; its instance view only on demand."""
    properties = dict(command.properties)
    properties.pop("protectedParameters", None)  # inferred: a secret is never echoed
    properties["provisioningState"] = command.provisioning
    if expanded:
        properties["instanceView"] = dict(command.view)
    body: JsonObject = {"name": command.name, "id": f"{vm.id}/runCommands/{command.name}"}
    body |= {"type": f"{VM}/runCommands", "location": command.location}
    if command.tags is not None:
        body["tags"] = dict(command.tags)
    return body | {"properties": properties}


# ---------------------------------------------------------------------- other spellings

_GROUP: Final = re.compile(r"(/resourceGroups/)([^/\"]+)", re.IGNORECASE)


def upper_case_groups(text: str) -> str:
    """Every resource group's name in capitals, as C7N and canRunScriptOnVM-2020 show it in some ids."""
    return _GROUP.sub(lambda match: match[1] + match[2].upper(), text)
