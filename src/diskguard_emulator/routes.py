"""Every request the emulator answers: one table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from diskguard_emulator.call import Handler
from diskguard_emulator.handlers import (
    azure_backup,
    disks,
    generic,
    groups,
    immutability,
    lists,
    locks,
    operations,
    run_commands,
    snapshots,
    subscriptions,
    tags,
    vms,
)
from diskguard_emulator.paths import shape_of_template
from diskguard_emulator.refusals import Refusal, gateway, not_emulated
from diskguard_emulator.resources import (
    AVAILABILITY_SET,
    DISK,
    ENCRYPTION_SET,
    SCALE_SET,
    SNAPSHOT,
    VM,
)

Versions = frozenset[str]
# What azure-mgmt-compute 39 and azure-mgmt-resource 26 send, what the recordings hold, what az 2.91.0 sends.
COMPUTE: Final = frozenset(
    [
        "2020-12-01",
        "2022-11-01",
        "2024-07-01",
        "2024-11-01",
        "2025-04-01",
        "2025-11-01",
        "2026-04-01",
    ]
)
DISKS: Final = frozenset(
    [
        "2023-04-02",
        "2023-10-02",
        "2024-03-02",
        "2025-01-02",
        "2026-03-02",
        "2020-12-01",
        "2026-04-01",
    ]
)
IMMUTABLE: Final = frozenset(["2026-03-02", "2026-04-01"])
GROUPS: Final = frozenset(["2020-06-01", "2021-04-01", "2022-09-01", "2024-11-01", "2025-04-01"])
SUBS: Final = frozenset(["2016-06-01", "2019-11-01", "2020-01-01", "2022-12-01", "2025-04-01"])
BACKUP: Final = frozenset(["2024-04-01"])
LOCKS: Final = frozenset(["2016-09-01", "2020-05-01"])
KEPT: Final = frozenset(
    [
        "2018-11-30",
        "2021-05-01",
        "2021-09-01",
        "2022-01-01",
        "2022-02-01",
        "2023-09-01",
        "2023-11-01",
        "2024-05-01",
        "2025-04-01",
        "2025-07-01",
        "2025-09-01",
    ]
)

SUB: Final = "/subscriptions/{subscription}"
RG: Final = f"{SUB}/resourceGroups/{{group}}"
ALL: Final = f"{SUB}/providers/Microsoft.Compute"
IN: Final = f"{RG}/providers/Microsoft.Compute"
VM_: Final = f"{IN}/virtualMachines/{{vm}}"
CMD: Final = f"{VM_}/runCommands/{{command}}"
TAGS: Final = "{scope}/providers/Microsoft.Resources/tags/{default}"
LOCK: Final = "{scope}/providers/Microsoft.Authorization/locks"
RES: Final = "Microsoft.Resources/subscriptions"


@dataclass(frozen=True, slots=True)
class Route:
    """A method on a path: its api-versions, the action it needs, who answers, what it is charged to."""

    method: str
    template: str
    versions: Versions
    action: str
    handler: Handler
    charge: str | None = None


# fmt: off
SCREEN: Final[tuple[Route, ...]] = (
    Route("GET", "/subscriptions", SUBS, f"{RES}/read", subscriptions.list_all),
    Route("GET", "/tenants", SUBS, f"{RES}/read", subscriptions.list_tenants),
    Route("GET", SUB, SUBS, f"{RES}/read", subscriptions.get),
    Route("GET", f"{SUB}/locations", SUBS, f"{RES}/locations/read", subscriptions.locations),
    Route("GET", f"{SUB}/providers/{{ns}}", GROUPS, f"{RES}/providers/read", subscriptions.get_provider),
    Route("POST", f"{SUB}/providers/{{ns}}/register", GROUPS, "{ns}/register/action", subscriptions.register_provider),
    Route("GET", f"{SUB}/resourceGroups", GROUPS, f"{RES}/resourceGroups/read", groups.list_all),
    Route("GET", RG, GROUPS, f"{RES}/resourceGroups/read", groups.get),
    Route("HEAD", RG, GROUPS, f"{RES}/resourceGroups/read", groups.head),
    Route("PUT", RG, GROUPS, f"{RES}/resourceGroups/write", groups.put),
    Route("DELETE", RG, GROUPS, f"{RES}/resourceGroups/delete", groups.delete),
    Route("GET", f"{RG}/resources", GROUPS, f"{RES}/resourceGroups/resources/read", groups.list_resources),
    Route("GET", f"{ALL}/virtualMachines", COMPUTE, f"{VM}/read", vms.list_in_subscription, "HighCostGetVM"),
    Route("GET", f"{IN}/virtualMachines", COMPUTE, f"{VM}/read", lists.lister(VM, grouped=True), "HighCostGetVM"),
    Route("GET", VM_, COMPUTE, f"{VM}/read", vms.get, "LowCostGetVM"),
    Route("GET", f"{VM_}/instanceView", COMPUTE, f"{VM}/instanceView/read", vms.get_instance_view, "LowCostGetVM"),
    Route("PATCH", VM_, COMPUTE, f"{VM}/write", vms.patch, "UpdateVM"),
    Route("POST", f"{VM_}/start", COMPUTE, f"{VM}/start/action", vms.start, "UpdateVM"),
    Route("POST", f"{VM_}/powerOff", COMPUTE, f"{VM}/powerOff/action", vms.power_off, "UpdateVM"),
    Route("POST", f"{VM_}/deallocate", COMPUTE, f"{VM}/deallocate/action", vms.deallocate, "DeleteVM"),
    Route("POST", f"{VM_}/restart", COMPUTE, f"{VM}/restart/action", vms.restart, "UpdateVM"),
    Route("POST", f"{VM_}/runCommand", COMPUTE, f"{VM}/runCommand/action", run_commands.invoke, "UpdateVM"),
    Route("GET", f"{VM_}/runCommands", COMPUTE, f"{VM}/runCommands/read", run_commands.list_of_vm, "LowCostGetVM"),
    Route("GET", CMD, COMPUTE, f"{VM}/runCommands/read", run_commands.get, "LowCostGetVM"),
    Route("PUT", CMD, COMPUTE, f"{VM}/runCommands/write", run_commands.put, "UpdateVM"),
    Route("DELETE", CMD, COMPUTE, f"{VM}/runCommands/delete", run_commands.delete, "UpdateVM"),
    Route("GET", f"{ALL}/disks", DISKS, f"{DISK}/read", lists.lister(DISK), "HighCostGet"),
    Route("GET", f"{IN}/disks", DISKS, f"{DISK}/read", lists.lister(DISK, grouped=True), "HighCostGet"),
    Route("GET", f"{IN}/disks/{{disk}}", DISKS, f"{DISK}/read", lists.getter(DISK), "LowCostGet"),
    Route("PUT", f"{IN}/disks/{{disk}}", DISKS, f"{DISK}/write", disks.put, "CreateUpdateDisks"),
    Route("PATCH", f"{IN}/disks/{{disk}}", DISKS, f"{DISK}/write", disks.patch, "CreateUpdateDisks"),
    Route("DELETE", f"{IN}/disks/{{disk}}", DISKS, f"{DISK}/delete", disks.delete, "DeleteDisks"),
    Route("GET", f"{ALL}/snapshots", DISKS, f"{SNAPSHOT}/read", lists.lister(SNAPSHOT), "HighCostGet"),
    Route("GET", f"{IN}/snapshots", DISKS, f"{SNAPSHOT}/read", lists.lister(SNAPSHOT, grouped=True), "HighCostGet"),
    Route("GET", f"{IN}/snapshots/{{name}}", DISKS, f"{SNAPSHOT}/read", lists.getter(SNAPSHOT), "LowCostGet"),
    Route("PUT", f"{IN}/snapshots/{{name}}", DISKS, f"{SNAPSHOT}/write", snapshots.put, "HighCostSnapshotCreateHydrate"),
    Route("PATCH", f"{IN}/snapshots/{{name}}", DISKS, f"{SNAPSHOT}/write", snapshots.patch, "CreateUpdateDisks"),
    Route("DELETE", f"{IN}/snapshots/{{name}}", DISKS, f"{SNAPSHOT}/delete", snapshots.delete, "DeleteDisks"),
    # Witness for these two actions: the page of Remove-AzSnapshotImmutabilityPolicy names the second
    Route("POST", f"{IN}/snapshots/{{name}}/updateImmutabilityPolicy", IMMUTABLE, f"{SNAPSHOT}/updateImmutabilityPolicy/action", immutability.update, "CreateUpdateDisks"),
    Route("POST", f"{IN}/snapshots/{{name}}/updateImmutabilityPolicyLock", IMMUTABLE, f"{SNAPSHOT}/updateImmutabilityPolicyLock/action", immutability.lock, "CreateUpdateDisks"),
    Route("GET", f"{ALL}/diskEncryptionSets", DISKS, f"{ENCRYPTION_SET}/read", lists.lister(ENCRYPTION_SET), "HighCostGet"),
    Route("GET", f"{IN}/diskEncryptionSets", DISKS, f"{ENCRYPTION_SET}/read", lists.lister(ENCRYPTION_SET, grouped=True), "HighCostGet"),
    Route("GET", f"{IN}/diskEncryptionSets/{{name}}", DISKS, f"{ENCRYPTION_SET}/read", lists.getter(ENCRYPTION_SET), "LowCostGet"),
    Route("GET", f"{ALL}/virtualMachineScaleSets", COMPUTE, f"{SCALE_SET}/read", lists.lister(SCALE_SET), "HighCostGetVM"),
    Route("GET", f"{IN}/virtualMachineScaleSets", COMPUTE, f"{SCALE_SET}/read", lists.lister(SCALE_SET, grouped=True), "HighCostGetVM"),
    Route("GET", f"{IN}/virtualMachineScaleSets/{{name}}", COMPUTE, f"{SCALE_SET}/read", lists.getter(SCALE_SET), "LowCostGetVM"),
    Route("GET", f"{ALL}/availabilitySets", COMPUTE, f"{AVAILABILITY_SET}/read", lists.lister(AVAILABILITY_SET), "HighCostGetVM"),
    Route("GET", f"{IN}/availabilitySets", COMPUTE, f"{AVAILABILITY_SET}/read", lists.lister(AVAILABILITY_SET, grouped=True), "HighCostGetVM"),
    Route("GET", f"{IN}/availabilitySets/{{name}}", COMPUTE, f"{AVAILABILITY_SET}/read", lists.getter(AVAILABILITY_SET), "LowCostGetVM"),
    # Witness for these four actions: the built-in role Backup Reader
    Route("GET", f"{SUB}/providers/{azure_backup.VAULT}", BACKUP, "Microsoft.RecoveryServices/Vaults/read", azure_backup.list_vaults),
    Route("GET", f"{RG}/providers/{azure_backup.VAULT}/{{vault}}/backupProtectedItems", BACKUP, "Microsoft.RecoveryServices/Vaults/backupProtectedItems/read", azure_backup.list_protected_items),
    Route("GET", f"{SUB}/providers/{azure_backup.BACKUP_VAULT}", BACKUP, f"{azure_backup.BACKUP_VAULT}/read", azure_backup.list_backup_vaults),
    Route("GET", f"{RG}/providers/{azure_backup.BACKUP_VAULT}/{{vault}}/backupInstances", BACKUP, f"{azure_backup.BACKUP_INSTANCE}/read", azure_backup.list_instances),
    # Witness for these two actions: the role of the Azure Disk CSI driver
    Route("GET", f"{ALL}/locations/{{region}}/DiskOperations/{{id}}", DISKS, "Microsoft.Compute/locations/DiskOperations/read", operations.read, "GetDiskOperation"),
    Route("GET", f"{ALL}/locations/{{region}}/operations/{{id}}", COMPUTE, "Microsoft.Compute/locations/operations/read", operations.read, "GetVMOperation"),
    Route("GET", TAGS, GROUPS, "Microsoft.Resources/tags/read", tags.get),
    Route("PUT", TAGS, GROUPS, "Microsoft.Resources/tags/write", tags.put),
    Route("PATCH", TAGS, GROUPS, "Microsoft.Resources/tags/write", tags.patch),
    Route("DELETE", TAGS, GROUPS, "Microsoft.Resources/tags/delete", tags.delete),
    Route("GET", LOCK, LOCKS, "Microsoft.Authorization/locks/read", locks.list_at_scope),
    Route("GET", f"{LOCK}/{{lock}}", LOCKS, "Microsoft.Authorization/locks/read", locks.get),
    Route("PUT", f"{LOCK}/{{lock}}", LOCKS, "Microsoft.Authorization/locks/write", locks.put),
    Route("DELETE", f"{LOCK}/{{lock}}", LOCKS, "Microsoft.Authorization/locks/delete", locks.delete),
)
# fmt: on


def _kept(kind: str) -> Iterable[Route]:
    """The routes of a kind the emulator only keeps."""
    namespace, *types = kind.split("/")
    nested = "".join(f"/{part}/{{{part}}}" for part in types[:-1])
    every = f"{RG}/providers/{namespace}{nested}/{types[-1]}"
    one = f"{every}/{{name}}"
    yield Route("GET", every, KEPT, f"{kind}/read", generic.list_in_group)
    yield Route("GET", one, KEPT, f"{kind}/read", generic.get)
    yield Route("PUT", one, KEPT, f"{kind}/write", generic.put)
    yield Route("DELETE", one, KEPT, f"{kind}/delete", generic.delete)
    if not nested:
        listed = f"{SUB}/providers/{namespace}/{types[-1]}"
        yield Route("GET", listed, KEPT, f"{kind}/read", generic.list_in_subscription)


def _table() -> dict[tuple[str, tuple[str, ...]], Route]:
    every = [*SCREEN, *(route for kind in generic.KINDS.values() for route in _kept(kind))]
    return {(route.method, shape_of_template(route.template)): route for route in every}


_TABLE: Final = _table()
_SHAPES: Final = frozenset(shape for _, shape in _TABLE)


def find_route(method: str, shape: tuple[str, ...]) -> Route:
    """The route of this method and shape. Raises Refusal 501 for an unknown path, 405 for its method."""
    route = _TABLE.get((method, shape))
    if route is not None:
        return route
    path = "/" + "/".join(shape)
    if shape in _SHAPES:
        raise Refusal(405, "EmulatorMethodUnknown", f"The emulator does not know {method} {path}.")
    raise not_emulated(f"the path {method} {path}")


def check_version(route: Route, version: str) -> None:
    """Raises Refusal 400 that names the version; codes are Resource Manager's."""
    if not version:
        raise gateway(
            400, "MissingApiVersionParameter", "The api-version query parameter is required."
        )
    if version not in route.versions:
        known = ", ".join(sorted(route.versions))
        raise gateway(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for API version '{version}' of "
            f"'{route.template}'. The supported api-versions are '{known}'.",
        )
