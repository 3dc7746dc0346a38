"""What a backup would do, VM by VM, and why."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

from diskguard.cli.render.cells import Bytes, Cell, instant, seconds
from diskguard.cli.render.json import failure_fields
from diskguard.cli.render.page import Block, Lines, Page, Table
from diskguard.model.ids import ResourceId
from diskguard.model.report import Failure
from diskguard.plan.backup_plan import BackupPlan, CopyTarget, MemberPlan, VmPlan
from diskguard.plan.copies_plan import CopyPlan
from diskguard.plan.recovery_plan import RecoveryPlan

SCHEMA: Final = "backup-plan"
PARTIAL: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A plan to be shown: what is put right first, what is copied (None: nothing), what failed."""

    plan: BackupPlan
    recovery: RecoveryPlan
    copies: CopyPlan | None
    failures: tuple[Failure, ...] = ()

    @property
    def exit_status(self) -> int:
        """As the run's would be: 3 if some of it can be done, else the reason that all share."""
        failed = [*self.failures, *(each.failure for each in self.plan.refused)]
        statuses = {failure.exit_status for failure in failed}
        if statuses and (self.plan.vms or len(statuses) > 1):
            return PARTIAL
        return statuses.pop() if statuses else 0

    @property
    def pending(self) -> bool:
        """True if a run would do anything."""
        outstanding = self.copies is not None and bool(self.copies.queues)
        return bool(self.plan.vms) or outstanding or not self.recovery.nothing_to_do


def plan_page(preview: Preview, *, exit_code: int) -> Page:
    """The plan: what is put right first, what is taken, what is not and why."""
    plan = preview.plan
    table = Table(
        headings=(
            "vm",
            "rule",
            "mode",
            "requested",
            "freeze limit",
            "disks",
            "size",
            "copy to",
            "why",
        ),
        rows=tuple(_row(vm) for vm in plan.vms),
    )
    return Page(
        schema=SCHEMA,
        items=tuple(_item(vm) for vm in plan.vms),
        blocks=(
            *_titled("First, left by an earlier run", recovery_lines(preview.recovery)),
            *((table,) if plan.vms else (Lines(lines=("Nothing to back up.",)),)),
            *_titled("Outstanding copies of earlier points", copy_lines(preview.copies)),
            *_titled("Notes", _notes(plan)),
            *_titled("Skipped", (f"{each.source.name}: {each.reason}" for each in plan.skipped)),
        ),
        table=table,
        exit_code=exit_code,
        more=_more(preview),
    )


def _more(preview: Preview) -> dict[str, object]:
    plan = preview.plan
    failures: list[tuple[str | None, Failure]] = [
        *((str(each.source), each.failure) for each in plan.refused),
        *((None, each) for each in preview.failures),
    ]
    return {
        "policy": plan.policy,
        "made_at": instant(plan.made_at),
        "recovery": list(recovery_lines(preview.recovery)),
        "copies": list(copy_lines(preview.copies)),
        "skipped": [{"source": str(each.source), "reason": each.reason} for each in plan.skipped],
        "warnings": [asdict(each) for each in plan.warnings],
        "failures": [{"source": source, **failure_fields(each)} for source, each in failures],
    }


def copy_lines(copies: CopyPlan | None) -> Iterator[str]:
    """Which snapshots are still to be copied, disk by disk in order."""
    for queue in copies.queues if copies is not None else ():
        points = ", ".join(step.point for step in queue.steps)
        yield f"{queue.disk_name} to {queue.region}: {points}"


def recovery_lines(recovery: RecoveryPlan) -> Iterator[str]:
    """What a dead run left, and what becomes of it."""
    for start in recovery.start:
        yield f"{start.vm.name}: start it; an offline backup had stopped it"
    for seal in recovery.seal:
        yield f"{seal.point}: seal it as {seal.consistency.achieved}; all its disks are there"
    for undo in recovery.undo:
        yield f"{undo.point}: delete {len(undo.snapshots)} snapshots; {undo.reason}"
    for left in recovery.left_alone:
        yield f"{left.what}: leave it alone; {left.reason}"


def _titled(title: str, lines: Iterator[str]) -> tuple[Block, ...]:
    found = tuple(lines)
    return (Lines(title=title, lines=found),) if found else ()


def _row(vm: VmPlan) -> tuple[Cell, ...]:
    return (
        vm.name,
        vm.rule,
        str(vm.mode),
        str(vm.requested),
        None if vm.freeze is None else vm.freeze.limit,
        len(vm.members),
        Bytes(sum(member.size_bytes for member in vm.members)),
        ", ".join(sorted({str(member.copy.region) for member in vm.members if member.copy}))
        or None,
        vm.mode_reason,
    )


def _notes(plan: BackupPlan) -> Iterator[str]:
    for vm in plan.vms:
        yield from (f"{vm.name}: {note}" for note in vm.notes)
        yield from (f"{vm.name}: {left.what} is left out: {left.reason}" for left in vm.left_out)
    for warning in plan.warnings:
        yield f"{warning.source.rsplit('/', 1)[-1]}: warning: {warning.message}"


def _item(vm: VmPlan) -> dict[str, object]:
    return {
        "name": vm.name,
        "source": str(vm.source),
        "vm": None if vm.vm is None else str(vm.vm),
        "region": str(vm.region),
        "rule": vm.rule,
        "point": vm.point,
        "slot": instant(vm.slot),
        "mode": vm.mode.value,
        "reason": vm.mode_reason,
        "requested": vm.requested.value,
        "freeze": _freeze(vm),
        "fallback": "crash" if vm.fallback_to_crash else "none",
        "deallocate": vm.deallocate,
        "disks": [_member(member) for member in vm.members],
        "left_out": [{"what": left.what, "reason": left.reason} for left in vm.left_out],
        "notes": list(vm.notes),
    }


def _freeze(vm: VmPlan) -> dict[str, object] | None:
    if vm.freeze is None:
        return None
    return {
        "limit_seconds": seconds(vm.freeze.limit),
        "lead_seconds": seconds(vm.freeze.lead),
        "hold_seconds": seconds(vm.freeze.hold),
        "margin_seconds": seconds(vm.freeze.margin),
        "mounts": None if vm.freeze.mounts is None else list(vm.freeze.mounts),
    }


def _member(member: MemberPlan) -> dict[str, object]:
    return {
        "name": member.disk_name,
        "id": str(member.disk_id),
        "role": member.role,
        "lun": member.lun,
        "size_bytes": member.size_bytes,
        "snapshot": str(member.wish.id),
        "sku": member.wish.sku,
        "network_access": member.wish.network_access,
        "encryption_set": _id(member.wish.encryption_set),
        "tags": dict(member.wish.tags),
        "copy": None if member.copy is None else _target(member.copy),
    }


def _target(target: CopyTarget) -> dict[str, object]:
    return {
        "region": str(target.region),
        "resource_group": target.group,
        "sku": target.sku,
        "encryption_set": _id(target.encryption_set),
        "enhanced_speed": target.enhanced_speed,
    }


def _id(resource: ResourceId | None) -> str | None:
    return None if resource is None else str(resource)
