"""The vaults of Azure Backup that an estate names, with what they protect."""

from typing import Final

from diskguard_emulator import ids
from diskguard_emulator.estate import ProtectedSpec, SubscriptionSpec, VaultSpec
from diskguard_emulator.handlers.azure_backup import (
    BACKUP_INSTANCE,
    BACKUP_VAULT,
    PROTECTED_ITEM,
    VAULT,
)
from diskguard_emulator.resources import DISK, VM, Resource
from diskguard_emulator.wire import JsonObject
from diskguard_emulator.world import World

_ITEM_TYPE: Final = f"{VAULT}/backupFabrics/protectionContainers/protectedItems"


def add_vaults(world: World, spec: SubscriptionSpec) -> None:
    """Put them in the world; their groups must be there."""
    for vault in spec.vaults:
        world.add(_resource(spec.id, vault, VAULT, vault.name))
        for each in vault.protects:
            world.add(_protected_vm(spec.id, vault, each))
    for vault in spec.backup_vaults:
        world.add(_resource(spec.id, vault, BACKUP_VAULT, vault.name))
        for each in vault.protects:
            world.add(_backup_instance(spec.id, vault, each))


def _resource(subscription: str, vault: VaultSpec, kind: str, name: str) -> Resource:
    return Resource(
        id=ids.of_resource(subscription, vault.group, kind, name),
        kind=kind,
        name=name,
        subscription=subscription,
        group=vault.group,
        location=vault.region,
        properties={"provisioningState": "Succeeded"},
    )


def _protected_vm(subscription: str, vault: VaultSpec, spec: ProtectedSpec) -> Resource:
    """As in the example of BackupProtectedItems_List, for a VM of Resource Manager."""
    source = ids.of_resource(subscription, spec.group, VM, spec.name)
    name = f"VM;iaasvmcontainerv2;{spec.group};{spec.name}"
    container = f"IaasVMContainer;iaasvmcontainerv2;{spec.group};{spec.name}"
    vault_id = ids.of_resource(subscription, vault.group, VAULT, vault.name)
    made = _resource(subscription, vault, PROTECTED_ITEM, f"{vault.name}/{name}")
    made.id = (
        f"{vault_id}/backupFabrics/Azure/protectionContainers/{container}/protectedItems/{name}"
    )
    made.top = {"type": _ITEM_TYPE}
    made.properties = {
        "backupManagementType": "AzureIaasVM",
        "friendlyName": spec.name,
        "protectedItemType": VM,
        "protectionState": spec.state or "Protected",
        "sourceResourceId": source,
        "virtualMachineId": source,
        "workloadType": "VM",
        **({"lastRecoveryPoint": spec.last_backup} if spec.last_backup else {}),
        **_excluded(spec),
    }
    return made


def _excluded(spec: ProtectedSpec) -> JsonObject:
    """DiskExclusionProperties of the SDK's documentation."""
    if not spec.exclude_luns and spec.only_luns is None:
        return {}
    included = spec.only_luns is not None
    luns = spec.only_luns if spec.only_luns is not None else spec.exclude_luns
    properties = {"diskLunList": list(luns), "isInclusionList": included}
    return {"extendedProperties": {"diskExclusionProperties": properties}}


def _backup_instance(subscription: str, vault: VaultSpec, spec: ProtectedSpec) -> Resource:
    """As in the example of BackupInstances_List, for a disk."""
    source = ids.of_resource(subscription, spec.group, DISK, spec.name)
    name = f"{spec.name}-{spec.name}"
    made = _resource(subscription, vault, BACKUP_INSTANCE, f"{vault.name}/{name}")
    made.top = {"type": BACKUP_INSTANCE}
    made.properties = {
        "friendlyName": spec.name,
        "dataSourceInfo": {
            "resourceID": source,
            "datasourceType": DISK,
            "resourceName": spec.name,
            "resourceType": DISK,
            "resourceLocation": vault.region,
            "objectType": "Datasource",
        },
        "currentProtectionState": spec.state or "ProtectionConfigured",
        "provisioningState": "Succeeded",
        "objectType": "BackupInstance",
    }
    return made
