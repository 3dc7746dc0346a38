"""A look at what Azure Backup protects; what cannot be seen is said, and stops nothing."""

from collections.abc import Sequence

from diskguard.errors import DiskguardError, ProviderNotRegistered
from diskguard.model.azure_backup import BackupGap, BackupItem, BackupLook, VaultKind
from diskguard.model.ids import ResourceId
from diskguard.ports import Inventory
from diskguard.run.together import together


async def observe_backups(subscriptions: Sequence[str], inventory: Inventory) -> BackupLook:
    """Read both services in every subscription, vault by vault. Raises nothing of ours."""
    looks = await together(
        _observe_service(subscription, kind, inventory)
        for subscription in subscriptions
        for kind in VaultKind
    )
    return _joined(looks)


async def _observe_service(subscription: str, kind: VaultKind, inventory: Inventory) -> BackupLook:
    try:
        vaults = await inventory.list_vaults(subscription, kind)
    except DiskguardError as error:
        return _gap(subscription, kind, error)
    return _joined(
        await together(_observe_vault(subscription, kind, vault, inventory) for vault in vaults)
    )


async def _observe_vault(
    subscription: str, kind: VaultKind, vault: ResourceId, inventory: Inventory
) -> BackupLook:
    try:
        items: tuple[BackupItem, ...] = await inventory.list_backup_items(vault)
    except DiskguardError as error:
        return _gap(subscription, kind, error, vault)
    return BackupLook(items=items)


def _gap(
    subscription: str, kind: VaultKind, error: DiskguardError, vault: ResourceId | None = None
) -> BackupLook:
    gap = BackupGap(
        subscription=subscription,
        kind=kind,
        reason=str(error),
        vault=vault,
        registered=not isinstance(error, ProviderNotRegistered),
    )
    return BackupLook(gaps=(gap,))


def _joined(looks: Sequence[BackupLook]) -> BackupLook:
    return BackupLook(
        items=tuple(item for each in looks for item in each.items),
        gaps=tuple(gap for each in looks for gap in each.gaps),
    )
