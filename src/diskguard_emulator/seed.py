"""From an estate to a world."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from diskguard_emulator import ids
from diskguard_emulator.clock import Clock
from diskguard_emulator.estate import (
    DiskSpec,
    Estate,
    NamedSpec,
    ScaleSetSpec,
    SubscriptionSpec,
    VmSpec,
)
from diskguard_emulator.guests.port import GuestDisk, GuestFacts
from diskguard_emulator.guests.registry import make_guest
from diskguard_emulator.handlers.disks import performance
from diskguard_emulator.locations import locations_of
from diskguard_emulator.resources import (
    AVAILABILITY_SET,
    DISK,
    ENCRYPTION_SET,
    SCALE_SET,
    VM,
    Disk,
    Resource,
    Vm,
)
from diskguard_emulator.seed_vaults import add_vaults
from diskguard_emulator.settings import Settings
from diskguard_emulator.wire import JsonObject
from diskguard_emulator.world import Group, Lock, Subscription, World

_GIB: Final = 1 << 30


def build_world(estate: Estate, clock: Clock, folder: Path) -> World:
    """A world with all that the estate names; guests keep their files below `folder`."""
    settings = Settings(
        throttling=estate.throttling, page_size=estate.page_size, read_only=estate.read_only
    )
    if estate.latencies == "quick":
        settings.quick()
    world = World(clock, settings, estate.seed)
    for spec in estate.subscriptions:
        _Builder(world, spec, folder).build()
    return world


class _Builder:
    """Builds one subscription."""

    def __init__(self, world: World, spec: SubscriptionSpec, folder: Path) -> None:
        self.world = world
        self.spec = spec
        self.folder = folder
        self.home = Subscription(
            id=spec.id,
            tenant=spec.tenant,
            name=spec.name,
            locations=locations_of(spec.id, spec.pairs),
            unregistered=set(spec.unregistered),
        )

    def build(self) -> None:
        self.world.subscriptions[self.spec.id.lower()] = self.home
        for name, region in self.spec.groups.items():
            self._need_group(name, region)
        for each in self.spec.encryption_sets:
            self._add_named(
                each, ENCRYPTION_SET, {"encryptionType": "EncryptionAtRestWithCustomerKey"}
            )
        for each in self.spec.availability_sets:
            self._add_named(each, AVAILABILITY_SET, {"platformFaultDomainCount": 2})
        for scale_set in self.spec.scale_sets:
            self._add_scale_set(scale_set)
        for vm in self.spec.vms:
            self._add_vm(vm)
        for disk in self.spec.disks:
            self._add_disk(disk, None)
        for lock in self.spec.locks:
            self._add_lock(lock.name, lock.scope, lock.level)
        self._add_vaults()

    # ------------------------------------------------------------------ small things

    def _need_group(self, name: str, region: str = "eastus") -> str:
        group = self.home.groups.get(name.lower())
        if group is None:
            group = self.home.groups[name.lower()] = Group(name=name, location=region)
        return group.name

    def _id(self, group: str, kind: str, name: str) -> str:
        return ids.of_resource(self.spec.id, self._need_group(group), kind, name)

    def _add_named(
        self, spec: NamedSpec | ScaleSetSpec, kind: str, properties: JsonObject
    ) -> Resource:
        made = Resource(
            id=self._id(spec.group, kind, spec.name),
            kind=kind,
            name=spec.name,
            subscription=self.spec.id,
            group=spec.group,
            location=spec.region,
            tags=dict(spec.tags),
            properties=properties | {"provisioningState": "Succeeded"},
        )
        self.world.add(made)
        return made

    def _add_scale_set(self, spec: ScaleSetSpec) -> None:
        made = self._add_named(spec, SCALE_SET, {"orchestrationMode": spec.mode})
        made.top = {"sku": {"name": "Standard_D4s_v5", "capacity": spec.capacity}}

    def _add_vaults(self) -> None:
        for vault in (*self.spec.vaults, *self.spec.backup_vaults):
            self._need_group(vault.group, vault.region)
        add_vaults(self.world, self.spec)

    def _add_lock(self, name: str, scope: str, level: str) -> None:
        whole = scope if scope.startswith("/") else f"/subscriptions/{self.spec.id}/{scope}"
        lock_id = f"{whole.rstrip('/')}/providers/Microsoft.Authorization/locks/{name}"
        lock = Lock(id=lock_id, name=name, scope=whole.rstrip("/"), level=level)
        self.world.locks[ids.key(lock_id)] = lock

    # ------------------------------------------------------------------ disks

    def _add_disk(self, spec: DiskSpec, vm: VmSpec | None) -> Disk:
        name = spec.name or _default_name(spec, vm)
        group = spec.group or (vm.group if vm else "app")
        region = vm.region if vm else spec.region
        zone = spec.zone or (vm.zone if vm else None)
        top: JsonObject = {"sku": {"name": spec.sku}}
        disk = Disk(
            id=self._id(group, DISK, name),
            kind=DISK,
            name=name,
            subscription=self.spec.id,
            group=group,
            location=region,
            tags=dict(spec.tags),
            top=top | ({"zones": [zone]} if zone else {}),
            properties=self._disk_properties(spec, vm),
            unique_id=spec.unique_id or self.world.guid(),
            family=self.world.guid(),
            size_bytes=spec.size_gb * _GIB,
            created=self.world.clock.now(),
            lun=spec.lun,
        )
        self.world.add(disk)
        return disk

    def _disk_properties(self, spec: DiskSpec, vm: VmSpec | None) -> JsonObject:
        made_from = "FromImage" if vm is not None and spec.lun is None else "Empty"
        properties = performance() | {
            "creationData": {"createOption": made_from},
            "encryption": self._encryption(spec),
        }
        if vm is not None and spec.lun is None:
            properties |= {"osType": vm.os, "hyperVGeneration": "V2"}
        security = spec.security_type or (vm.security_type if vm and spec.lun is None else None)
        if security is not None:
            properties["securityProfile"] = {"securityType": security}
        if spec.ade:
            settings = {"enabled": True, "encryptionSettingsVersion": "1.1"}
            properties["encryptionSettingsCollection"] = settings
        if spec.max_shares > 1:
            properties["maxShares"] = spec.max_shares
        return properties

    def _encryption(self, spec: DiskSpec) -> JsonObject:
        if spec.encryption_set is None:
            return {"type": "EncryptionAtRestWithPlatformKey"}
        found = next(each for each in self.spec.encryption_sets if each.name == spec.encryption_set)
        set_id = self._id(found.group, ENCRYPTION_SET, found.name)
        return {"type": "EncryptionAtRestWithCustomerKey", "diskEncryptionSetId": set_id}

    # ------------------------------------------------------------------ machines

    def _add_vm(self, spec: VmSpec) -> None:
        disks = list(self._disks_of(spec))
        vm_id = self._id(spec.group, VM, spec.name)
        vm = Vm(
            id=vm_id,
            kind=VM,
            name=spec.name,
            subscription=self.spec.id,
            group=spec.group,
            location=spec.region,
            tags=dict(spec.tags),
            top={"zones": [spec.zone]} if spec.zone else {},
            properties=self._vm_properties(spec, disks),
            power=spec.power,
            guest=make_guest(
                spec.guest,
                self._facts(spec, vm_id, disks),
                self.world.clock,
                self.folder / spec.name,
            ),
        )
        for disk in disks:
            disk.vms.append(vm)
        self.world.add(vm)

    def _facts(self, spec: VmSpec, vm_id: str, disks: list[Disk]) -> GuestFacts:
        return GuestFacts(
            vm_id=vm_id,
            vm_name=spec.name,
            os_type=spec.os,
            disks=tuple(
                GuestDisk(name=disk.name, lun=disk.lun, size_bytes=disk.size_bytes)
                for disk in disks
            ),
            running=spec.power == "running",
            options=spec.guest_options,
        )

    def _disks_of(self, spec: VmSpec) -> Iterator[Disk]:
        """The OS disk first, then the data disks; one shared with another VM is that VM's."""
        specs = list(spec.disks)
        if spec.os_disk == "managed" and all(disk.lun is not None for disk in specs):
            specs.insert(0, DiskSpec(caching="ReadWrite"))
        for disk in sorted(specs, key=lambda each: -1 if each.lun is None else each.lun):
            if disk.shared_from is None:
                yield self._add_disk(disk, spec)
                continue
            yield self._shared(spec, disk.group or spec.group, disk.shared_from)

    def _shared(self, spec: VmSpec, group: str, name: str) -> Disk:
        match self.world.find(self._id(group, DISK, name)):
            case Disk() as disk:
                return disk
            case _:
                raise LookupError(f"{spec.name}: no disk {name} to share")

    def _vm_properties(self, spec: VmSpec, disks: list[Disk]) -> JsonObject:
        caching = {(disk.lun): disk.caching for disk in spec.disks}
        properties: JsonObject = {
            "vmId": self.world.guid(),
            "hardwareProfile": {"vmSize": spec.size},
            "storageProfile": {
                "osDisk": self._os_disk(spec, disks),
                "dataDisks": [
                    _attached(disk, caching.get(disk.lun, "None"))
                    | {"lun": disk.lun, "toBeDetached": False}
                    for disk in disks
                    if disk.lun is not None
                ],
            },
            "osProfile": _os_profile(spec),
        }
        if spec.security_type is not None:
            properties["securityProfile"] = {"securityType": spec.security_type}
        for name, kind in (("scale_set", SCALE_SET), ("availability_set", AVAILABILITY_SET)):
            wanted = getattr(spec, name)
            if wanted is not None:
                key = kind.rsplit("/", maxsplit=1)[-1].removesuffix("s")
                properties[key] = {"id": self._id(spec.group, kind, wanted)}
        return properties

    def _os_disk(self, spec: VmSpec, disks: list[Disk]) -> JsonObject:
        """Managed, ephemeral (`diffDiskSettings`) or unmanaged (`vhd.uri`); arm-wire section 3."""
        name = f"{spec.name}-os"
        base: JsonObject = {"osType": spec.os, "name": name, "createOption": "FromImage"}
        if spec.os_disk == "unmanaged":
            uri = f"https://emulated.blob.core.windows.net/vhds/{name}.vhd"
            return base | {"vhd": {"uri": uri}, "caching": "ReadWrite", "diskSizeGB": 32}
        if spec.os_disk == "ephemeral":
            local = {"option": "Local", "placement": "CacheDisk"}
            return base | {"diffDiskSettings": local, "caching": "ReadOnly", "diskSizeGB": 32}
        return base | _attached(disks[0], "ReadWrite")


def _default_name(spec: DiskSpec, vm: VmSpec | None) -> str:
    if vm is None:
        raise ValueError("a loose disk needs a name")
    return f"{vm.name}-os" if spec.lun is None else f"{vm.name}-data{spec.lun}"


def _attached(disk: Disk, caching: str) -> JsonObject:
    """A disk in a VM's storage profile."""
    return {
        "name": disk.name,
        "createOption": "Attach" if disk.lun is not None else "FromImage",
        "caching": caching,
        "managedDisk": {"storageAccountType": disk.sku, "id": disk.id},
        "deleteOption": "Detach",
        "diskSizeGB": disk.size_bytes // _GIB,
    }


def _os_profile(spec: VmSpec) -> JsonObject:
    profile: JsonObject = {"computerName": spec.name, "adminUsername": "azureuser"}
    settings = {"provisionVMAgent": spec.extensions_allowed}
    profile["linuxConfiguration" if spec.os == "Linux" else "windowsConfiguration"] = settings
    return profile | {"secrets": [], "allowExtensionOperations": spec.extensions_allowed}
