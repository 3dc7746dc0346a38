"""What making points cost: how long guests stood still, how long copies took, how full disks are."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from diskguard.model.estate import Estate, Snapshot
from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Location, LocationPart, PointState, RestorePoint
from diskguard.plan.backup_limits import SnapshotsOf
from diskguard.plan.points import Assembly
from diskguard.plan.timeline_picture import CopyTime, DiskQuota, Standstill

DisksOf = Mapping[ResourceId, Sequence[tuple[str, str]]]
"""Name and unique id, in lower case, of the disks of every VM, and of every disk by itself."""


def standstills_of(
    points: Iterable[RestorePoint], *, limit: timedelta, since: datetime
) -> Iterator[Standstill]:
    """Give how long the guest stood still for each point since then, in the points' order."""
    for point in points:
        window = None if point.seal is None else point.seal.consistency.window
        at = point.taken_at or point.slot
        if window is not None and at >= since:
            yield Standstill(point=point.id, at=at, length=window, limit=limit)


def copy_times(
    points: Iterable[RestorePoint], assembly: Assembly, *, since: datetime, now: datetime
) -> Iterator[CopyTime]:
    """Give how long the copies of one source took that began since then; points newest first."""
    following: datetime | None = None
    for point in points:
        part = point.part(Location.DR)
        begun = _begun(assembly, point)
        if part is None or not begun or begun[0] < since:
            continue
        done = part.state is PointState.COMPLETE
        end = following if done else now
        yield CopyTime(
            point=point.id,
            state=part.state,
            began=begun[0],
            length=None if end is None else max(timedelta(), end - begun[0]),
            percent=100.0 if done else _percent(part),
        )
        following = begun[-1]  # by then the last of its disks was free again


def disks_of(estate: Estate) -> DisksOf:
    """Index disks by what they belong to."""
    known = {disk.id: (disk.name, disk.unique_id.lower()) for disk in estate.disks}
    found: dict[ResourceId, tuple[tuple[str, str], ...]] = {
        id: (disk,) for id, disk in known.items()
    }
    for vm in estate.vms:
        attached = [each.disk for each in vm.attachments if each.disk is not None]
        found[vm.id] = tuple(known[id] for id in attached if id in known)
    return found


def fullest_disk(disks: Iterable[tuple[str, str]], snapshots: SnapshotsOf) -> DiskQuota | None:
    """The one of these disks with the most snapshots, ours or not; None where there is no disk."""
    none: Sequence[Snapshot] = ()
    quotas = [DiskQuota(disk=name, used=len(snapshots.get(key, none))) for name, key in disks]
    return max(quotas, key=lambda quota: (quota.used, quota.disk), default=None)


def _begun(assembly: Assembly, point: RestorePoint) -> list[datetime]:
    """When the copies of a point's disks began, ascending."""
    members = assembly.members(point.id, Location.DR)
    instants = (each.snapshot.time_created for each in members)
    return sorted(each for each in instants if each is not None)


def _percent(part: LocationPart) -> float:
    """How far the copy is, each disk by its size."""
    total = sum(member.size_bytes for member in part.members)
    done = sum(
        member.size_bytes * (100.0 if member.state is PointState.COMPLETE else member.percent or 0)
        for member in part.members
    )
    return done / total if total else 0.0
