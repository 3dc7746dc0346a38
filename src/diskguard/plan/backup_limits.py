"""Azure's limits per disk: when no further snapshot of it can be taken now (arm-wire 7)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from diskguard.errors import SnapshotLimitReached
from diskguard.model.estate import Disk, Snapshot
from diskguard.model.report import Failure

MOST_SNAPSHOTS = 500
MANY_SNAPSHOTS = 450
_MOST_PENDING = 3  # background copies of one Premium SSD v2 or Ultra disk
_MOST_AT_ONCE = 7
_AT_ONCE = timedelta(minutes=5)

SnapshotsOf = Mapping[str, Sequence[Snapshot]]


def by_disk(snapshots: Iterable[Snapshot]) -> SnapshotsOf:
    """Index snapshots by the unique id, in lower case, of the disk they were made of."""
    found: dict[str, list[Snapshot]] = defaultdict(list)
    for snapshot in snapshots:
        if snapshot.create_option == "Copy" and snapshot.source_unique_id:
            found[snapshot.source_unique_id.lower()].append(snapshot)
    return found


def why_full(disk: Disk, existing: Sequence[Snapshot], now: datetime) -> Failure | None:
    """Say why Azure would take no snapshot of this disk now; None where nothing is known to."""
    if len(existing) >= MOST_SNAPSHOTS:
        return _limit(
            f"disk {disk.name} has {len(existing)} snapshots; Azure allows {MOST_SNAPSHOTS}",
            "Delete old snapshots of the disk: this version thins out nothing by itself.",
        )
    recent = sum(1 for each in existing if _is_recent(each, now))
    if recent >= _MOST_AT_ONCE:
        return _limit(
            f"disk {disk.name} had {recent} snapshots in 5 minutes; Azure allows {_MOST_AT_ONCE}",
            "Wait five minutes.",
        )
    pending = sum(1 for each in existing if not each.failed and not each.readable)
    if disk.background_copied and pending >= _MOST_PENDING:
        return _limit(
            f"{pending} snapshots of disk {disk.name} ({disk.sku}) are still copied in the background",
            f"Azure allows {_MOST_PENDING} at once: let them finish, or back up less often.",
        )
    return None


def _is_recent(snapshot: Snapshot, now: datetime) -> bool:
    return snapshot.time_created is not None and abs(now - snapshot.time_created) < _AT_ONCE


def _limit(message: str, hint: str) -> Failure:
    return Failure(
        code=SnapshotLimitReached.code,
        message=message,
        exit_status=SnapshotLimitReached.exit_status,
        hint=hint,
    )
