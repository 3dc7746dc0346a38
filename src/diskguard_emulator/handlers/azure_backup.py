"""Azure Backup, as far as it is read: vaults, and what they protect. Nothing backs up, nothing changes.

Witness: the examples of azure-rest-api-specs, 2024-04-01: ListResources (vaults), AzureIaasVm/
BackupProtectedItems_List, VaultCRUD/GetBackupVaultsInSubscription, BackupInstanceOperations/
ListBackupInstances. That a provider must be registered is true of every provider.
"""

from typing import Final

from diskguard_emulator.call import Call
from diskguard_emulator.handlers.lists import page_of, refuse_narrowing, shown
from diskguard_emulator.refusals import gateway, not_emulated
from diskguard_emulator.resources import Resource
from diskguard_emulator.wire import JsonObject, Response

VAULT: Final = "Microsoft.RecoveryServices/vaults"
PROTECTED_ITEM: Final = f"{VAULT}/backupProtectedItems"
BACKUP_VAULT: Final = "Microsoft.DataProtection/backupVaults"
BACKUP_INSTANCE: Final = f"{BACKUP_VAULT}/backupInstances"

_VMS_ONLY: Final = "backupmanagementtype eq 'azureiaasvm' and itemtype eq 'vm'"


async def list_vaults(call: Call) -> Response:
    """Every Recovery Services vault of the subscription."""
    return _listed(call, VAULT)


async def list_backup_vaults(call: Call) -> Response:
    """Every backup vault of the subscription."""
    return _listed(call, BACKUP_VAULT)


async def list_protected_items(call: Call) -> Response:
    """What a Recovery Services vault protects; the one filter it knows takes the VMs, which all are."""
    wanted = call.request.query.get("$filter", _VMS_ONLY)
    if wanted.lower() != _VMS_ONLY:
        raise not_emulated(f"$filter={wanted} of protected items")
    return _inside(call, VAULT, PROTECTED_ITEM)


async def list_instances(call: Call) -> Response:
    """What a backup vault protects."""
    refuse_narrowing(call)
    return _inside(call, BACKUP_VAULT, BACKUP_INSTANCE)


def _listed(call: Call, kind: str) -> Response:
    refuse_narrowing(call)
    _need_registered(call, kind)
    return page_of(call, call.world.listed(call.subscription.id, kind), shown)


def _inside(call: Call, outer: str, kind: str) -> Response:
    _need_registered(call, outer)
    vault = call.existing(outer, Resource)
    every = call.world.listed(call.subscription.id, kind, call.group.name)
    inside = [each for each in every if each.key.startswith(f"{vault.key}/")]
    return page_of(call, inside, _item)


def _item(resource: Resource, _: Call) -> JsonObject:
    """Neither kind of item has a location; a protected item's type is not its list's."""
    return {
        "id": resource.id,
        "name": resource.name.rsplit("/", maxsplit=1)[-1],
        **resource.top,
        "properties": dict(resource.properties),
    }


def _need_registered(call: Call, kind: str) -> None:
    """The wording is that of azure-sdk issues; the status and code are Resource Manager's."""
    namespace = kind.split("/", maxsplit=1)[0]
    if namespace in call.subscription.unregistered:
        raise gateway(
            409,
            "MissingSubscriptionRegistration",
            f"The subscription is not registered to use namespace '{namespace}'. "
            "See https://aka.ms/rps-not-found for how to register subscriptions.",
        )
