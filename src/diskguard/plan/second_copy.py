"""Whether a disk's data is anywhere else than where the disk is."""

from collections.abc import Sequence

from diskguard.model.estate import Disk, Snapshot

NO_SECOND_COPY = "no-second-copy"


def why_no_second_copy(
    disk: Disk, *, copied: bool, snapshot_sku: str | None, existing: Sequence[Snapshot] = ()
) -> str | None:
    """Say why the loss of one datacenter would lose the data; None where another place has it.

    `copied`: its restore points go to another region. `snapshot_sku` is what they are stored as, None
    for Azure's choice, which is that of the previous snapshot of the disk (SnapshotSku in the SDK's
    documentation). Zone-redundant storage, of the disk or of its snapshots, is in three zones.
    """
    if copied or not _is_local(disk.sku):
        return None
    sku = snapshot_sku or _newest_sku(existing)
    if sku and not _is_local(sku):
        return None
    kept = f", so are its snapshots ({sku})," if sku else ""
    return (
        f"its storage is locally redundant{kept} and no copy goes to another region: its data has "
        "no second copy anywhere"
    )


def _is_local(sku: str) -> bool:
    return sku.lower().endswith("_lrs")


def _newest_sku(existing: Sequence[Snapshot]) -> str | None:
    made = [each for each in existing if each.time_created is not None and not each.failed]
    newest = max(made, key=lambda each: (each.time_created, each.id), default=None)
    return newest.sku or None if newest is not None else None
