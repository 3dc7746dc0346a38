"""What a reader of a backup plan should know about its disks, and what stops nothing."""

from collections.abc import Callable, Iterator, Sequence

from diskguard.model.estate import Disk, Snapshot
from diskguard.plan.backup_limits import MANY_SNAPSHOTS, MOST_SNAPSHOTS, SnapshotsOf
from diskguard.plan.backup_plan import MemberPlan, PlanWarning
from diskguard.plan.second_copy import NO_SECOND_COPY, why_no_second_copy
from diskguard.plan.selection import Selected

_CHAIN_BREAK = 4 * 1024**4  # bytes: no difference is kept across it (arm-wire 7)

Remark = Callable[[Disk, Sequence[Snapshot]], tuple[str, str] | None]


def warn_of_disks(
    selected: Selected, members: Sequence[MemberPlan], existing: SnapshotsOf
) -> Iterator[PlanWarning]:
    """Give every warning about the disks of one source, disk by disk."""
    planned = {member.disk_id: member for member in members}
    for each in selected.disks:
        disk = each.disk
        snapshots = existing.get(disk.unique_id.lower(), ())
        remarks = [remark(disk, snapshots) for remark in _REMARKS]
        remarks.append(_only_one(disk, planned[disk.id], snapshots))
        for code, message in filter(None, remarks):
            yield PlanWarning(
                source=selected.source.text, code=code, message=f"disk {disk.name}: {message}"
            )


def notes_of(selected: Selected) -> tuple[str, ...]:
    """Give what is worth knowing of a source and is nobody's mistake."""
    notes = []
    if selected.vm is not None and selected.vm.security_type == "TrustedLaunch":
        notes.append("trusted launch: the virtual TPM's content is not in any snapshot")
    notes += [
        f"disk {each.name} ({each.disk.sku}) is restorable once Azure has copied it in the background"
        for each in selected.disks
        if each.disk.background_copied
    ]
    return tuple(notes)


def _only_one(
    disk: Disk, member: MemberPlan, existing: Sequence[Snapshot]
) -> tuple[str, str] | None:
    message = why_no_second_copy(
        disk, copied=member.copy is not None, snapshot_sku=member.wish.sku, existing=existing
    )
    return None if message is None else (NO_SECOND_COPY, message)


def _new_chain(disk: Disk, existing: Sequence[Snapshot]) -> tuple[str, str] | None:
    made = [each for each in existing if each.time_created is not None and not each.failed]
    newest = max(made, key=lambda each: (each.time_created, each.id), default=None)
    if newest is None or not newest.size_bytes <= _CHAIN_BREAK < disk.size_bytes:
        return None
    message = "it has grown past 4 TiB since its last snapshot: the next one is full, a new chain"
    return "new-chain", message


def _nearly_full(_: Disk, existing: Sequence[Snapshot]) -> tuple[str, str] | None:
    if len(existing) < MANY_SNAPSHOTS:
        return None
    message = f"it has {len(existing)} snapshots, and Azure allows {MOST_SNAPSHOTS}: thin them out"
    return "snapshot-limit-near", message


def _disk_encryption(disk: Disk, _: Sequence[Snapshot]) -> tuple[str, str] | None:
    if not disk.azure_disk_encryption:
        return None
    message = (
        "Azure Disk Encryption: its snapshots can be read only with its key vault, which is not "
        "backed up, and cannot be given a customer key"
    )
    return "azure-disk-encryption", message


def _confidential(disk: Disk, _: Sequence[Snapshot]) -> tuple[str, str] | None:
    if not (disk.security_type or "").startswith("ConfidentialVM"):
        return None
    message = (
        "confidential disk encryption binds it to its VM: what Azure allows with such snapshots "
        "is not documented; try a restore"
    )
    return "confidential", message


def _shared(disk: Disk, _: Sequence[Snapshot]) -> tuple[str, str] | None:
    if disk.shared_by < 2:
        return None
    message = f"up to {disk.shared_by} VMs write to it; no freeze of one reaches the others"
    return "shared-disk", message


_REMARKS: tuple[Remark, ...] = (_new_chain, _nearly_full, _disk_encryption, _confidential, _shared)
