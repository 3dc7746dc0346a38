"""What Azure Backup says it protects: its vaults and the items in them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from diskguard.model.ids import ResourceId


class VaultKind(StrEnum):
    """The two services of Azure Backup, by the resource type of their vaults."""

    RECOVERY_SERVICES = "Microsoft.RecoveryServices/vaults"  # VMs
    BACKUP = "Microsoft.DataProtection/backupVaults"  # disks


# Of Azure's words for the state, those that say new backups are made, or are about to be:
# https://learn.microsoft.com/javascript/api/@azure/arm-recoveryservicesbackup/knownprotectionstate
# https://learn.microsoft.com/javascript/api/@azure/arm-dataprotection/knowncurrentprotectionstate
_MAKING: Final = frozenset(
    {
        "irpending",
        "protected",
        "configuringprotection",
        "protectionconfigured",
        "updatingprotection",
        "retentionschedulessuspended",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupItem:
    """A VM or a disk that Azure Backup knows; `state` is Azure's own word.

    `luns` are the data disks taken, None for all; an OS disk is always taken. `without_luns` are
    data disks left out. `last_backup` is None where Azure does not say.
    """

    source: ResourceId
    vault: ResourceId
    state: str
    last_backup: datetime | None = None
    luns: tuple[int, ...] | None = None
    without_luns: tuple[int, ...] = ()

    @property
    def active(self) -> bool:
        """True when Azure Backup goes on making backups of it, as far as it says."""
        return self.state.lower() in _MAKING

    @property
    def in_vault(self) -> bool:
        """True when the data is in a vault: disk backup only keeps snapshots beside the disk."""
        return self.vault.kind.lower() == VaultKind.RECOVERY_SERVICES.lower()

    def takes_lun(self, lun: int | None) -> bool:
        """Tell whether the VM's disk at that LUN (None: its OS disk) is backed up with it."""
        if lun is None:
            return True
        return lun not in self.without_luns and (self.luns is None or lun in self.luns)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupGap:
    """Lists of Azure Backup that could not be read: a service's in a subscription, or one vault's.

    Where the provider is not registered there can be no vault, so nothing is missed.
    """

    subscription: str
    kind: VaultKind
    reason: str
    vault: ResourceId | None = None
    registered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupLook:
    """What Azure Backup protects in some subscriptions, and what of it could not be seen."""

    items: tuple[BackupItem, ...] = ()
    gaps: tuple[BackupGap, ...] = ()

    def knows(self, subscription: str) -> bool:
        """True when every list of the subscription was read, or there can be none."""
        return not any(
            gap.registered and gap.subscription.lower() == subscription.lower() for gap in self.gaps
        )
