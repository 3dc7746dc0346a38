"""The shape of a policy: what a user may wish, key by key, with its defaults.

The reference page and the schema are generated from these descriptions. Sequences are tuples, so a
policy is frozen all the way down except for its few mappings, which nobody changes.
"""

from datetime import timedelta
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from diskguard.policy.scalars import (
    Duration,
    EncryptionSetId,
    EncryptionSetIdOrAny,
    Group,
    Name,
    RegionName,
    RegionOrAny,
    RegionOrPaired,
    SecurityGroupId,
    SourceId,
    SubnetId,
    SubnetIdOrAny,
    Subscription,
    Text,
    UserTags,
    Version,
    VmId,
    list_or_text,
)
from diskguard.policy.sections import (
    Consistency,
    Copy,
    Hooks,
    Limits,
    Objectives,
    Protection,
    Retention,
    Schedule,
    Strict,
    When,
)
from diskguard.policy.wording import refused
from diskguard.policy.written import SAYS_SOMETHING, NeverNull

OVERRIDABLE: Final = (
    "consistency",
    "hooks",
    "schedules",
    "objectives",
    "copy",
    "retention",
    "protection",
    "limits",
)

SnapshotSku = Literal["Standard_LRS", "Standard_ZRS"]


def _not_null(value: object) -> object:
    if value is None:
        raise refused("empty-value", "nothing is given here", "Leave the key out, or fill it.")
    return value


T = TypeVar("T")
Given = Annotated[T | None, BeforeValidator(_not_null), NeverNull()]


# -- where ------------------------------------------------------------------------------------


class Azure(Strict):
    """Which cloud and which subscriptions."""

    cloud: Literal["public", "usgov", "china"] = Field(
        default="public",
        description="The built-in cloud. Any other endpoint only by `--cloud` or `DISKGUARD_CLOUD`.",
    )
    subscriptions: tuple[Subscription, ...] = Field(
        min_length=1, description="The ids of the subscriptions whose VMs and disks are looked at."
    )


class Primary(Strict):
    """The location in the VM's own region."""

    resource_group: Group = Field(
        description="Where snapshots are made: a group of this name in the subscription of each disk."
    )
    sku: SnapshotSku | None = Field(
        default=None, description="The snapshots' storage; absent: Azure's choice."
    )


class EncryptionSetMap(Strict):
    """Which disk encryption set a copy gets in a region."""

    source: EncryptionSetIdOrAny = Field(
        alias="from", description="The source's disk encryption set, or `*` for any."
    )
    region: RegionOrAny = Field(description="The copy's region, or `*` for any.")
    to: EncryptionSetId = Field(
        description="The set the copy is encrypted with: in the copy's region and subscription."
    )


class Dr(Strict):
    """The location in the other region."""

    region: RegionOrPaired = Field(
        default="paired", description="`paired` for Azure's own pair of each region, or a region."
    )
    region_map: dict[RegionName, RegionName] = Field(
        default_factory=dict,
        description="From the VM's region to the copy's; wins over `region`. Many regions have no pair.",
        examples=[{"westeurope": "northeurope"}],
    )
    resource_group: Group = Field(
        description="Where copies are made: another group than primary's, itself in the DR region."
    )
    sku: SnapshotSku | None = Field(
        default=None, description="The copies' storage; absent: Azure's choice."
    )
    disk_encryption_sets: tuple[EncryptionSetMap, ...] = Field(
        default=(), description="Needed only where a source disk uses a customer key; first match."
    )


class Locations(Strict):
    """The two places restore points lie in."""

    primary: Primary = Field(description="The VM's own region.")
    dr: Given[Dr] = Field(default=None, description="The other region; absent: no copies.")


# -- restore and drill ---------------------------------------------------------------------------


class NetworkMap(Strict):
    """Where a restored VM's network card goes."""

    source: SubnetIdOrAny = Field(
        alias="from", description="The original's subnet, or `*` for any."
    )
    region: RegionOrAny = Field(description="The restored VM's region, or `*` for any.")
    subnet: SubnetId = Field(description="The subnet it gets.")
    security_group: SecurityGroupId | None = Field(
        default=None, description="The network security group it gets."
    )


class Restore(Strict):
    """What a restored VM gets where the original cannot be had."""

    network: tuple[NetworkMap, ...] = Field(default=(), description="Subnets; the first match.")
    order: tuple[tuple[Name, ...], ...] = Field(
        default=(), description="Rules, stage by stage; those of a stage side by side."
    )
    wait_for: Annotated[
        Annotated[Literal["agent", "none"], Tag("text")]
        | Annotated[tuple[Text, ...], Field(min_length=1), Tag("list")],
        Discriminator(list_or_text),
    ] = Field(
        default="agent",
        description="What ends a stage: `agent`, `none`, or a command that exits with 0.",
    )


class Check(Strict):
    """A command that must exit with 0 in the restored VM."""

    run: tuple[Text, ...] = Field(
        min_length=1,
        description="The command and its arguments.",
        examples=[["systemctl", "is-system-running", "--wait"]],
    )
    timeout: Duration = Field(default=timedelta(minutes=5), description="After this it has failed.")


class Drill(Strict):
    """Practice: a restore into an isolated network, checked and cleaned up."""

    schedule: When | None = Field(default=None, description="When drills are due.")
    pick: Literal["latest", "random_in_7d"] = Field(
        default="latest", description="Which point is tried."
    )
    vms: int = Field(default=1, ge=1, le=100, description="How many VMs a drill restores.")
    location: Literal["primary", "dr"] = Field(default="dr", description="Whose points are tried.")
    resource_group: Group = Field(description="What is restored lies here, and goes with it.")
    subnet: SubnetId = Field(description="An isolated subnet.")
    checks: tuple[Check, ...] = Field(default=(), description="What must hold in the VM.")
    checker_vm: VmId | None = Field(
        default=None, description="For `verify --read`: temporary disks are attached to this VM."
    )


# -- rules ---------------------------------------------------------------------------------------


class Selector(Strict):
    """Every key must fit; a list fits by any of its entries, with `*` and `?` in names."""

    model_config = ConfigDict(json_schema_extra=SAYS_SOMETHING)

    tags: Given[dict[Text, str]] = Field(
        default=None,
        min_length=1,
        description="Tag names without case, values exactly; all of them.",
        examples=[{"backup": "gold"}],
    )
    resource_groups: Given[tuple[Text, ...]] = Field(
        default=None,
        min_length=1,
        description="Resource groups by name.",
        examples=[["rg-erp-*"]],
    )
    names: Given[tuple[Text, ...]] = Field(
        default=None, min_length=1, description="VMs by name.", examples=[["db-*"]]
    )
    ids: Given[tuple[SourceId, ...]] = Field(
        default=None, min_length=1, description="VMs, or disks without a VM, by id."
    )
    scale_sets: Given[tuple[Text, ...]] = Field(
        default=None,
        min_length=1,
        description="VMs of flexible scale sets, by the set's name.",
        examples=[["vmss-cassandra"]],
    )
    disks: Given[tuple[Text, ...]] = Field(
        default=None,
        min_length=1,
        description="Managed disks without a VM, by name.",
        examples=[["archive-*"]],
    )

    @model_validator(mode="after")
    def _says_something(self) -> "Selector":
        if not self.model_fields_set:
            message = "a selector without a key would fit everything"
            raise refused("empty-selector", message, 'To take every VM, write `names: ["*"]`.')
        if self.disks is not None and (self.names or self.scale_sets):
            message = "`disks` means disks without a VM; `names` and `scale_sets` mean VMs"
            raise refused("impossible-selector", message, "Write two entries: entries are OR.")
        return self


class Select(Strict):
    """Which VMs and disks: any entry of `include`, and none of `exclude`."""

    include: tuple[Selector, ...] = Field(min_length=1, description="Taken if any entry fits.")
    exclude: tuple[Selector, ...] = Field(default=(), description="Left out if any entry fits.")
    expect_at_least: int = Field(
        default=1, ge=0, le=100_000, description="Fewer VMs and disks than this fail the run."
    )


class Rule(Strict):
    """What applies to the VMs it selects; a VM belongs to the first rule that selects it.

    The sections here hold only what the rule overrides: read `effective_settings`, not them.
    """

    name: Name = Field(description="How reports and points call it.")
    select: Select = Field(description="Which VMs and disks.")
    consistency: Given[Consistency] = Field(default=None, description="Overrides, key by key.")
    hooks: Given[Hooks] = Field(default=None, description="Overrides, key by key.")
    schedules: Given[tuple[Schedule, ...]] = Field(
        default=None, description="Replaces the policy's schedules."
    )
    objectives: Given[Objectives] = Field(default=None, description="Overrides, key by key.")
    copying: Given[Copy] = Field(default=None, alias="copy", description="Overrides, key by key.")
    retention: Given[Retention] = Field(default=None, description="Overrides, key by key.")
    protection: Given[Protection] = Field(default=None, description="Overrides, key by key.")
    limits: Given[Limits] = Field(default=None, description="Overrides, key by key.")


class Policy(Strict):
    """What a user wishes for a set of VMs. Sections above `rules` are defaults for every rule."""

    version: Version = Field(description="The version of this layout.")
    name: Name = Field(description="The policy's name; it is written on every point.")
    previous_names: tuple[Name, ...] = Field(
        default=(), description="Points of these names are governed too, after a rename."
    )
    azure: Azure = Field(description="Which cloud and which subscriptions.")
    locations: Locations = Field(description="The two places restore points lie in.")
    consistency: Consistency = Field(
        default_factory=Consistency, description="What the disks of one point agree on."
    )
    hooks: Hooks = Field(default_factory=Hooks, description="Commands around the freeze.")
    schedules: tuple[Schedule, ...] = Field(default=(), description="When points are due.")
    objectives: Objectives = Field(
        default_factory=Objectives, description="What is promised, and checked by `status`."
    )
    copying: Copy = Field(
        default_factory=Copy, alias="copy", description="Copies in the other region."
    )
    retention: Retention = Field(
        default_factory=Retention, description="What is kept; without it nothing is ever pruned."
    )
    protection: Protection = Field(
        default_factory=Protection, description="Who may delete and who may export."
    )
    tags: UserTags = Field(
        default_factory=dict,
        description="Put on everything diskguard makes; text, so quote numbers.",
    )
    limits: Limits = Field(
        default_factory=Limits, description="How much at once, and for how long."
    )
    restore: Restore = Field(
        default_factory=Restore,
        description="What a restored VM gets where the original cannot be had.",
    )
    drill: Given[Drill] = Field(default=None, description="Practice restores.")
    on_unsupported: Literal["fail", "warn"] = Field(
        default="fail",
        description="Unmanaged disks, ephemeral OS disks, uniform scale sets: fail, or go on without.",
    )
    rules: tuple[Rule, ...] = Field(min_length=1, description="The first rule that selects wins.")
