"""The estate file: what exists when the emulator starts. Unknown keys are errors."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

SUBSCRIPTION: Final = "11111111-1111-4111-8111-111111111111"
TENANT: Final = "99999999-9999-4999-8999-999999999999"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DiskSpec(_Strict):
    """A disk, of a VM or loose. `name` and `group` default to the VM's."""

    name: str | None = None
    group: str | None = None
    region: str = "eastus"
    size_gb: Annotated[int, Field(gt=0)] = 32
    sku: str = "Premium_LRS"
    lun: int | None = None
    caching: Literal["None", "ReadOnly", "ReadWrite"] = "None"
    tags: dict[str, str] = Field(default_factory=dict)
    zone: str | None = None
    encryption_set: str | None = None
    ade: bool = False
    security_type: str | None = None
    max_shares: int = 1
    unique_id: str | None = None
    shared_from: str | None = None


class VmSpec(_Strict):
    """A virtual machine; its OS disk is made if `disks` names none without a LUN."""

    name: str
    group: str = "app"
    region: str = "eastus"
    os: Literal["Linux", "Windows"] = "Linux"
    size: str = "Standard_D4s_v5"
    power: Literal["running", "stopped", "deallocated"] = "running"
    guest: Literal["none", "virtual", "plain", "linux"] = "none"
    guest_options: dict[str, Any] = Field(default_factory=dict)
    tags: dict[str, str] = Field(default_factory=dict)
    zone: str | None = None
    os_disk: Literal["managed", "ephemeral", "unmanaged"] = "managed"
    security_type: str | None = None
    extensions_allowed: bool = True
    scale_set: str | None = None
    availability_set: str | None = None
    disks: tuple[DiskSpec, ...] = ()


class ScaleSetSpec(_Strict):
    """A scale set; the instances of a flexible one are VMs that name it."""

    name: str
    group: str = "app"
    region: str = "eastus"
    mode: Literal["Flexible", "Uniform"] = "Flexible"
    capacity: int = 0
    tags: dict[str, str] = Field(default_factory=dict)


class NamedSpec(_Strict):
    """An availability set or a disk encryption set."""

    name: str
    group: str = "app"
    region: str = "eastus"
    tags: dict[str, str] = Field(default_factory=dict)


class ProtectedSpec(_Strict):
    """A VM (in a Recovery Services vault) or a disk (in a backup vault) that Azure Backup protects.

    `state` is Azure's word; absent: the one of an item whose backups are made. `exclude_luns` and
    `only_luns` are a VM's data disks.
    """

    name: str
    group: str = "app"
    state: str | None = None
    last_backup: str | None = None
    exclude_luns: tuple[int, ...] = ()
    only_luns: tuple[int, ...] | None = None


class VaultSpec(_Strict):
    """A vault of Azure Backup with what it protects."""

    name: str
    group: str = "rg-backup"
    region: str = "eastus"
    protects: tuple[ProtectedSpec, ...] = ()


class LockSpec(_Strict):
    """A lock at a scope, which is a path below the subscription or a whole id."""

    name: str
    scope: str
    level: Literal["CanNotDelete", "ReadOnly"] = "CanNotDelete"


class PrincipalSpec(_Strict):
    """Somebody who may log in with this client id; without one, whoever asks is the owner."""

    name: str
    client_id: str
    actions: tuple[str, ...] = ("*",)
    not_actions: tuple[str, ...] = ()
    scope: str = "/"


class SubscriptionSpec(_Strict):
    """One subscription and all that is in it. Groups that are only named elsewhere are made in eastus."""

    id: str = SUBSCRIPTION
    tenant: str = TENANT
    name: str = "Emulated subscription"
    pairs: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    groups: dict[str, str] = Field(default_factory=dict)
    vms: tuple[VmSpec, ...] = ()
    disks: tuple[DiskSpec, ...] = ()
    scale_sets: tuple[ScaleSetSpec, ...] = ()
    availability_sets: tuple[NamedSpec, ...] = ()
    encryption_sets: tuple[NamedSpec, ...] = ()
    locks: tuple[LockSpec, ...] = ()
    vaults: tuple[VaultSpec, ...] = ()
    backup_vaults: tuple[VaultSpec, ...] = ()
    unregistered: tuple[str, ...] = ()


class Estate(_Strict):
    """Everything: how the cloud behaves, who may log in, and its subscriptions.

    `managed_identity` names the principal that the managed identity endpoint gives tokens of.
    """

    latencies: Literal["azure", "quick"] = "azure"
    throttling: bool = True
    seed: int = 1
    page_size: Annotated[int, Field(gt=0)] = 200
    read_only: bool = False
    managed_identity: str | None = None
    principals: tuple[PrincipalSpec, ...] = ()
    subscriptions: tuple[SubscriptionSpec, ...] = Field(
        default_factory=lambda: (SubscriptionSpec(),)
    )


def load_estate(path: Path) -> Estate:
    """The estate of a YAML file. Raises pydantic.ValidationError or yaml.YAMLError."""
    return Estate.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
