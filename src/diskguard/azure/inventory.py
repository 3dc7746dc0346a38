"""What one look shows: the Inventory port over the SDK's lists."""

from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from diskguard.azure.backup_lists import (
    items_path,
    parse_item,
    parse_vault,
    read_pages,
    values_of,
    vaults_path,
)
from diskguard.azure.clients import Clients
from diskguard.azure.compute import AzureCompute
from diskguard.azure.failures import (
    azure_failures,
    is_missing,
    refusal_of,
    translate_refusal,
)
from diskguard.azure.translate import (
    Document,
    parse_disk,
    parse_encryption_set,
    parse_group,
    parse_pair,
    parse_power,
    parse_scale_set,
    parse_snapshot,
    parse_vm,
)
from diskguard.errors import ResourceMissing
from diskguard.model.azure_backup import BackupItem, VaultKind
from diskguard.model.estate import Disk, EncryptionSet, Group, ScaleSet, Snapshot, Vm
from diskguard.model.ids import Region, ResourceId

Noun = TypeVar("Noun")

_LOCATIONS = "/subscriptions/{subscription}/locations?api-version=2022-12-01"


@dataclass(frozen=True, slots=True)
class AzureInventory:
    """The Inventory port. Its promises are those of ports.Inventory."""

    clients: Clients
    one: AzureCompute

    async def list_vms(self, subscription: str) -> tuple[Vm, ...]:
        """Two lists, joined by id: the machines, and their power states.

        A machine without a state between the two lists is UNKNOWN; one that came up between them is
        read by itself.
        """
        machines = self.clients.compute(subscription).virtual_machines
        doing = f"listing VMs of {subscription}"
        vms = await _every(doing, machines.list_all, parse_vm)
        states = dict(await _every(doing, machines.list_all, _id_and_power, status_only="true"))
        known = {vm.id for vm in vms}
        late = [await self.one.find_vm(each) for each in states if each not in known]
        return (
            *(replace(vm, power=states.get(vm.id, vm.power)) for vm in vms),
            *(vm for vm in late if vm is not None),
        )

    async def list_scale_sets(self, subscription: str) -> tuple[ScaleSet, ...]:
        """Every scale set."""
        sets = self.clients.compute(subscription).virtual_machine_scale_sets
        return await _every(f"listing scale sets of {subscription}", sets.list_all, parse_scale_set)

    async def list_disks(self, subscription: str) -> tuple[Disk, ...]:
        """Every managed disk."""
        disks = self.clients.compute(subscription).disks
        return await _every(f"listing disks of {subscription}", disks.list, parse_disk)

    async def list_snapshots(self, subscription: str, group: str | None) -> tuple[Snapshot, ...]:
        """Every snapshot of the group, or of the subscription."""
        snapshots = self.clients.compute(subscription).snapshots
        if group is None:
            return await _every(
                f"listing snapshots of {subscription}", snapshots.list, parse_snapshot
            )
        return await _every(
            f"listing snapshots of group {group}",
            snapshots.list_by_resource_group,
            parse_snapshot,
            resource_group_name=group,
        )

    async def list_pairs(self, subscription: str) -> Mapping[Region, Region | None]:
        """The subscription's locations; one GET, of no client of its own (arm-wire 8)."""
        from azure.core.rest import HttpRequest

        doing = f"listing regions of {subscription}"
        request = HttpRequest("GET", _LOCATIONS.format(subscription=subscription))
        with azure_failures(doing):
            response = await self.clients.resources(subscription).send_request(request)
            if response.status_code != 200:
                raise translate_refusal(refusal_of(response), doing)
            pairs = [parse_pair(each) for each in values_of(response.json())]
        return dict(pair for pair in pairs if pair is not None)

    async def list_encryption_sets(self, subscription: str) -> tuple[EncryptionSet, ...]:
        """Every disk encryption set."""
        sets = self.clients.compute(subscription).disk_encryption_sets
        return await _every(
            f"listing encryption sets of {subscription}", sets.list, parse_encryption_set
        )

    async def find_group(self, subscription: str, name: str) -> Group | None:
        """GET it."""
        groups = self.clients.resources(subscription).resource_groups
        try:
            with azure_failures(f"reading resource group {name}"):
                return parse_group(subscription, await groups.get(name))
        except ResourceMissing as missing:
            if is_missing(missing):
                return None
            raise

    async def list_vaults(self, subscription: str, kind: VaultKind) -> tuple[ResourceId, ...]:
        """Every vault of that kind."""
        doing = f"listing {kind} of {subscription}"
        with azure_failures(doing):
            path = vaults_path(subscription, kind)
            found = await read_pages(self.clients, subscription, path, doing)
            return tuple(parse_vault(each) for each in found)

    async def list_backup_items(self, vault: ResourceId) -> tuple[BackupItem, ...]:
        """Every VM or disk of the vault."""
        doing = f"listing what vault {vault.name} protects"
        with azure_failures(doing):
            path = items_path(vault)
            found = await read_pages(self.clients, vault.subscription, path, doing)
            items = [parse_item(vault, each) for each in found]
        return tuple(item for item in items if item is not None)


async def _every(
    doing: str,
    listing: Callable[..., AsyncIterable[Any]],
    parse: Callable[[Any], Noun],
    **arguments: str,
) -> tuple[Noun, ...]:
    """Follow every page; what fails on the way fails the list."""
    with azure_failures(doing):
        pages = listing(raw_response_hook=_check_page, **arguments)
        return tuple([parse(document) async for document in pages])


def _check_page(response: Any) -> None:
    """Refuse a page without its list: the SDK would read it as the end of an empty one."""
    if response.http_response.status_code == 200:
        values_of(response.http_response.json())


def _id_and_power(document: Document) -> tuple[ResourceId, Any]:
    vm = parse_vm(document)
    return vm.id, parse_power(document)
