"""What it costs to put restore points together from the snapshots one look showed; CPU time."""

import gc
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks.table import Table
from diskguard.model.estate import Snapshot
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
from diskguard.plan.points import assemble_points

AIM: Final = 5.0
NOON: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
EAST, WEST = Region("eastus"), Region("westus")
PLACES: Final = Places(primary="rg-diskguard-eus", dr="rg-diskguard-wus")
SUBSCRIPTION: Final = "11111111-1111-4111-8111-111111111111"
SEAL: Final = Seal(
    consistency=Consistency(requested=Grade.FILESYSTEM, achieved=Grade.FILESYSTEM),
    members=3,
    taken_at=NOON,
    sealed_at=NOON + timedelta(seconds=20),
    run_id="0123456789abcdef",
    learned=Learned(lead=timedelta(seconds=12), hold=timedelta(seconds=3)),
)


def measure(*, quick: bool) -> Table:
    """Assemble what a large estate may have: as the three plans of a run do it."""
    vms, points = (5, 4) if quick else (200, 60)
    snapshots = tuple(_snapshots(vms, points))
    usual = gc.get_threshold()
    gc.set_threshold(50_000)  # as cli/wiring.py does
    first, second, third = (_assembled(snapshots) for _ in range(3))
    whole = first + second + third
    gc.set_threshold(*usual)
    number = f"{len(snapshots):,}"
    return Table(
        title=f"Assembly of restore points, {vms} VMs of 3 disks, {points} points, both regions",
        headings=("snapshots", "first plan", "second", "third", "for one snapshot"),
        rows=(
            (
                number,
                f"{first:.2f} s",
                f"{second:.2f} s",
                f"{third:.2f} s",
                f"{first / len(snapshots) * 1e6:.0f} µs",
            ),
        ),
        aim=f"at most {AIM:.0f} s for the three plans of a run",
        met=None if quick else whole <= AIM,
    )


def _assembled(snapshots: tuple[Snapshot, ...]) -> float:
    began = time.process_time()
    assembly = assemble_points(snapshots, PLACES, now=NOON)
    took = time.process_time() - began
    if assembly.strangers:
        raise AssertionError(assembly.strangers[0].reason)
    return took


def _snapshots(vms: int, points: int) -> Iterator[Snapshot]:
    for number in range(vms):
        for hours in range(points):
            yield from _point(f"vm{number:04}", NOON - timedelta(hours=7 * hours))


def _point(vm: str, slot: datetime) -> Iterator[Snapshot]:
    """A sealed point of three disks, and its copies."""
    for number in (1, 2, 3):
        source = _source(_identity(vm, slot, number), sealed=number == 1)
        parsed = parse_member(source, PLACES)
        if not isinstance(parsed, ParsedMember):
            raise TypeError(parsed.reason)
        yield source
        yield _copy(source, parsed)


def _identity(vm: str, slot: datetime, number: int) -> MemberIdentity:
    id_ = ResourceId.of(SUBSCRIPTION, "rg-erp", "Microsoft.Compute/virtualMachines", vm)
    disk = ResourceId.of(SUBSCRIPTION, "rg-erp", "Microsoft.Compute/disks", f"{vm}-{number}")
    return MemberIdentity(
        point=point_id(id_, slot),
        policy="erp-prod",
        slot=slot,
        number=number,
        count=3,
        vm=id_,
        vm_unique_id=f"vmid-{vm}",
        disk_id=disk,
        disk_unique_id=f"uid-{disk.name}",
        lun=None if number == 1 else number - 2,
        region=EAST,
        requested=Grade.FILESYSTEM,
    )


def _source(identity: MemberIdentity, *, sealed: bool) -> Snapshot:
    tags = member_tags(identity) | attempt_tags("0123456789abcdef", identity.slot)
    return Snapshot(
        id=snapshot_id(identity.disk_id, PLACES.primary or "", identity.name),
        unique_id=f"uid-{identity.name}",
        region=EAST,
        time_created=identity.slot + timedelta(seconds=2),
        provisioning_state="Succeeded",
        create_option="Copy",
        source_id=identity.disk_id,
        source_unique_id=identity.disk_unique_id,
        size_bytes=128 << 30,
        incremental=True,
        tags=tags | (seal_tags(SEAL) if sealed else {}),
    )


def _copy(source: Snapshot, parsed: ParsedMember) -> Snapshot:
    return Snapshot(
        id=snapshot_id(source.id, PLACES.dr or "", source.name),
        unique_id=f"copy-{source.name}",
        region=WEST,
        time_created=source.time_created,
        provisioning_state="Succeeded",
        create_option="CopyStart",
        source_id=source.id,
        source_unique_id=source.unique_id,
        size_bytes=source.size_bytes,
        incremental=True,
        percent=100.0,
        tags=copy_tags(parsed, SEAL),
    )
