"""The rights diskguard needs, no more: compared by a test with what it really does."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """Where a right is needed."""

    SUBSCRIPTION = "subscription"
    SOURCES = "groups of VMs and disks"
    POINTS = "groups of restore points"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One action of Azure's role system. `linked`: checked by Azure behind another action."""

    action: str
    scope: Scope
    why: str
    linked: bool = False


def _permission(action: str, scope: Scope, why: str, *, linked: bool = False) -> Permission:
    return Permission(action=action, scope=scope, why=why, linked=linked)


_ALL, _SOURCES, _POINTS = Scope.SUBSCRIPTION, Scope.SOURCES, Scope.POINTS

PERMISSIONS: Final = (
    _permission("Microsoft.Compute/diskEncryptionSets/read", _ALL, "is there a key for the copy's region"),
    _permission("Microsoft.Compute/disks/beginGetAccess/action", _SOURCES, "a snapshot reads its disk", linked=True),
    _permission("Microsoft.Compute/disks/read", _ALL, "what there is to protect"),
    _permission("Microsoft.Compute/locations/DiskOperations/read", _ALL, "has a snapshot, a copy or a deletion finished"),
    _permission("Microsoft.Compute/locations/operations/read", _ALL, "has a script, a stop or a start finished"),
    _permission("Microsoft.Compute/snapshots/beginGetAccess/action", _POINTS, "a copy reads its snapshot", linked=True),
    _permission("Microsoft.Compute/snapshots/delete", _POINTS, "undo what is not whole; prune"),
    _permission("Microsoft.Compute/snapshots/read", _ALL, "restore points are read from their snapshots"),
    _permission("Microsoft.Compute/snapshots/updateImmutabilityPolicy/action", _POINTS, "`protection.immutability`: `unlocked`"),
    _permission("Microsoft.Compute/snapshots/updateImmutabilityPolicyLock/action", _POINTS, "`protection.immutability`: `locked`"),
    _permission("Microsoft.Compute/snapshots/write", _POINTS, "make snapshots and copies"),
    _permission("Microsoft.Compute/virtualMachineScaleSets/read", _ALL, "tell flexible scale sets from uniform ones"),
    _permission("Microsoft.Compute/virtualMachines/deallocate/action", _SOURCES, "offline backup with `deallocate: true`"),
    _permission("Microsoft.Compute/virtualMachines/powerOff/action", _SOURCES, "offline backup"),
    _permission("Microsoft.Compute/virtualMachines/read", _ALL, "what there is to protect, and whether it runs"),
    _permission("Microsoft.Compute/virtualMachines/runCommand/action", _SOURCES, "freeze and thaw; it is root in the guest"),
    _permission("Microsoft.Compute/virtualMachines/start/action", _SOURCES, "offline backup: start again what was stopped"),
    _permission("Microsoft.DataProtection/backupVaults/backupInstances/read", _ALL, "coverage: disks in Azure Backup"),
    _permission("Microsoft.DataProtection/backupVaults/read", _ALL, "coverage: the vaults they are in"),
    _permission("Microsoft.RecoveryServices/Vaults/backupProtectedItems/read", _ALL, "coverage: VMs in Azure Backup"),
    _permission("Microsoft.RecoveryServices/Vaults/read", _ALL, "coverage: the vaults they are in"),
    _permission("Microsoft.Resources/subscriptions/locations/read", _ALL, "the paired region"),
    _permission("Microsoft.Resources/subscriptions/resourceGroups/read", _ALL, "do the groups exist, and where"),
    _permission("Microsoft.Resources/tags/write", _POINTS, "the seal"),
    _permission("Microsoft.Resources/tags/write", _SOURCES, "offline backup: the mark on a VM we stopped"),
)  # fmt: skip


def render_permissions() -> str:
    """The table of docs/operations/permissions.md."""
    lines = ["| action | needed on | for |", "|---|---|---|"]
    for each in PERMISSIONS:
        why = f"{each.why} (Azure checks it behind the write)" if each.linked else each.why
        lines.append(f"| `{each.action}` | {each.scope} | {why} |")
    return "\n".join(lines)
