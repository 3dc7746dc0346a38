"""Builders with names: VMs, disks and estates for tests."""

from typing import Any

from diskguard_emulator.estate import DiskSpec, Estate, SubscriptionSpec, VmSpec

DISKGUARD_GROUPS = {"rg-diskguard-eus": "eastus", "rg-diskguard-wus": "westus"}


def a_data_disk(lun: int, **facts: Any) -> DiskSpec:
    """A data disk; a VM names it `<vm>-data<lun>`."""
    return DiskSpec(lun=lun, **{"size_gb": 64, **facts})


def a_loose_disk(name: str = "archive", **facts: Any) -> DiskSpec:
    """A disk no VM has."""
    return DiskSpec(name=name, **facts)


def a_vm(name: str = "db01", data_disks: int = 1, **facts: Any) -> VmSpec:
    """A running Linux VM with an OS disk and so many data disks, in group `app` in eastus."""
    disks = facts.pop("disks", tuple(a_data_disk(lun) for lun in range(data_disks)))
    return VmSpec(name=name, disks=disks, **facts)


def an_estate(*vms: VmSpec, **facts: Any) -> Estate:
    """One subscription with these VMs and diskguard's groups; `seed` and the like go to the estate."""
    outer = {name: facts.pop(name) for name in ("latencies", "throttling", "seed") if name in facts}
    groups = {"app": "eastus", **DISKGUARD_GROUPS, **facts.pop("groups", {})}
    home = SubscriptionSpec(vms=vms, groups=groups, **facts)
    return Estate(subscriptions=(home,), **outer)


def snapshot_body(source_id: str, location: str = "eastus", **facts: Any) -> dict[str, Any]:
    """The body of an incremental snapshot's PUT; `option="CopyStart"` copies."""
    data = {"createOption": facts.pop("option", "Copy"), "sourceResourceId": source_id}
    data |= facts.pop("data", {})
    properties = {"creationData": data, "incremental": facts.pop("incremental", True)}
    properties |= facts.pop("properties", {})
    return {"location": location, "properties": properties, **facts}
