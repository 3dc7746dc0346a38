"""Builders of what a plan looks at, each with a name and only what the sentence needs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from diskguard.model.estate import (
    Attachment,
    Disk,
    Estate,
    Group,
    OsType,
    PowerState,
    Snapshot,
    Vm,
)
from diskguard.model.ids import Region, ResourceId
from diskguard.model.restore_point import Consistency, Grade, Learned, Seal
from diskguard.plan.naming import point_id, snapshot_id
from diskguard.plan.naming_seal import seal_tags
from diskguard.plan.naming_tags import (
    MemberIdentity,
    ParsedMember,
    Places,
    attempt_tags,
    copy_tags,
    member_tags,
    parse_member,
)
from diskguard.policy.load import parse_policy
from diskguard.policy.model import Policy

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
EAST, WEST = Region("eastus"), Region("westus")
PRIMARY_GROUP, DR_GROUP = "rg-diskguard-eus", "rg-diskguard-wus"
PLACES = Places(primary=PRIMARY_GROUP, dr=DR_GROUP)
NONCE = "0123456789abcdef"
GIB = 1024**3


def an_id(kind: str, name: str, group: str = "rg-erp") -> ResourceId:
    return ResourceId.of(SUBSCRIPTION, group, f"Microsoft.Compute/{kind}", name)


def a_disk(name: str, **changes: object) -> Disk:
    disk = Disk(
        id=an_id("disks", name),
        unique_id=f"uid-{name}",
        region=EAST,
        sku="Premium_LRS",
        size_bytes=128 * GIB,
        state="Attached",
    )
    return replace(disk, **changes)  # type: ignore[arg-type] # a test names the fields it changes


def a_vm(name: str, *, data_disks: int = 1, **changes: object) -> Vm:
    attachments = [Attachment(name=f"{name}-os", lun=None, disk=an_id("disks", f"{name}-os"))]
    attachments += [
        Attachment(name=f"{name}-{lun}", lun=lun, disk=an_id("disks", f"{name}-{lun}"))
        for lun in range(data_disks)
    ]
    vm = Vm(
        id=an_id("virtualMachines", name),
        vm_id=f"vmid-{name}",
        region=EAST,
        os_type=OsType.LINUX,
        power=PowerState.RUNNING,
        attachments=tuple(attachments),
    )
    return replace(vm, **changes)  # type: ignore[arg-type] # a test names the fields it changes


def disks_of(vm: Vm, **changes: object) -> tuple[Disk, ...]:
    return tuple(
        a_disk(each.disk.name, managed_by=vm.id, **changes) for each in vm.attachments if each.disk
    )


def a_seal(members: int = 2, **changes: object) -> Seal:
    seal = Seal(
        consistency=Consistency(requested=Grade.FILESYSTEM, achieved=Grade.FILESYSTEM),
        members=members,
        taken_at=NOON + timedelta(seconds=2),
        sealed_at=NOON + timedelta(seconds=20),
        run_id="run-1",
        learned=Learned(lead=timedelta(seconds=12), hold=timedelta(seconds=3)),
    )
    return replace(seal, **changes)  # type: ignore[arg-type] # a test names the fields it changes


def identities_of(
    vm: Vm, *, slot: datetime = NOON, policy: str = "erp-prod", requested: Grade = Grade.FILESYSTEM
) -> list[MemberIdentity]:
    attached = [(each.lun, each.disk) for each in vm.attachments if each.disk is not None]
    return [
        MemberIdentity(
            point=point_id(vm.id, slot),
            policy=policy,
            slot=slot,
            number=number,
            count=len(attached),
            vm=vm.id,
            vm_unique_id=vm.vm_id,
            disk_id=disk,
            disk_unique_id=f"uid-{disk.name}",
            lun=lun,
            region=vm.region,
            requested=requested,
        )
        for number, (lun, disk) in enumerate(attached, start=1)
    ]


def a_snapshot(
    identity: MemberIdentity,
    *,
    nonce: str = NONCE,
    seal: Seal | None = None,
    taken_at: datetime | None = None,
    **changes: object,
) -> Snapshot:
    """A finished snapshot of a disk in the primary location."""
    made_at = taken_at or identity.slot + timedelta(seconds=2)
    tags = member_tags(identity) | attempt_tags(nonce, identity.slot)
    snapshot = Snapshot(
        id=snapshot_id(identity.disk_id, PRIMARY_GROUP, identity.name),
        unique_id=f"uid-{identity.name}",
        region=EAST,
        time_created=made_at,
        provisioning_state="Succeeded",
        create_option="Copy",
        source_id=identity.disk_id,
        source_unique_id=identity.disk_unique_id,
        size_bytes=128 * GIB,
        incremental=True,
        tags=tags if seal is None else tags | seal_tags(seal),
    )
    return replace(snapshot, **changes)  # type: ignore[arg-type] # a test names what it changes


def ours(snapshot: Snapshot) -> ParsedMember:
    parsed = parse_member(snapshot, PLACES)
    assert isinstance(parsed, ParsedMember), parsed.reason
    return parsed


def a_point(vm: Vm, *, slot: datetime = NOON, sealed: bool = True, **say: object) -> list[Snapshot]:
    """All members of a point in the primary location; `say` goes to every snapshot."""
    identities = identities_of(vm, slot=slot)
    seal = a_seal(len(identities), taken_at=slot + timedelta(seconds=2)) if sealed else None
    return [
        a_snapshot(identity, seal=seal if identity.number == 1 else None, **say)  # type: ignore[arg-type] # as above
        for identity in identities
    ]


def a_copy(source: Snapshot, seal: Seal, *, percent: float = 100.0, **changes: object) -> Snapshot:
    copy = replace(
        source,
        id=snapshot_id(source.id, DR_GROUP, source.name),
        unique_id=f"copy-{source.name}",
        region=WEST,
        time_created=NOON + timedelta(hours=1),
        create_option="CopyStart",
        source_id=source.id,
        source_unique_id=source.unique_id,
        percent=percent,
        tags=copy_tags(ours(source), seal),
    )
    return replace(copy, **changes)  # type: ignore[arg-type] # a test names the fields it changes


def copies_of(point: Sequence[Snapshot], *, percent: float = 100.0) -> list[Snapshot]:
    seal = ours(point[0]).seal
    assert seal is not None
    return [a_copy(source, seal, percent=percent) for source in point]


def without(tags: Mapping[str, str], *prefixes: str) -> dict[str, str]:
    return {name: value for name, value in tags.items() if not name.startswith(prefixes)}


def a_policy(sections: str = "", *, rules: str = "", dr: str | None = "region: westus") -> Policy:
    """A policy for everything; `dr` holds what its DR location says besides the group."""
    text = f"""
version: 1
name: erp-prod
azure: {{subscriptions: ["{SUBSCRIPTION}"]}}
locations:
  primary: {{resource_group: {PRIMARY_GROUP}}}
"""
    if dr is not None:
        text += f"  dr: {{resource_group: {DR_GROUP}, {dr}}}\n"
    text += sections + "\n"
    text += rules or 'rules: [{name: all, select: {include: [{names: ["*"]}, {disks: ["*"]}]}}]'
    return parse_policy(text, file="policy.yaml")


def an_estate(*vms: Vm, snapshots: Sequence[Snapshot] = (), **changes: object) -> Estate:
    """An estate of these VMs with their disks, both groups and one pair of regions."""
    estate = Estate(
        observed_at=NOON,
        vms=vms,
        disks=tuple(disk for vm in vms for disk in disks_of(vm)),
        snapshots=tuple(snapshots),
        groups=(
            Group(subscription=SUBSCRIPTION, name=PRIMARY_GROUP, region=EAST),
            Group(subscription=SUBSCRIPTION, name=DR_GROUP, region=WEST),
        ),
        pairs={SUBSCRIPTION: {EAST: WEST, WEST: EAST, Region("centralindia"): None}},
    )
    return replace(estate, **changes)  # type: ignore[arg-type] # a test names what it changes
