"""The members of one restore point: a wish per disk, and where its copy goes."""

from dataclasses import dataclass, replace
from datetime import datetime

from diskguard.model.estate import Estate
from diskguard.model.report import Failure
from diskguard.model.restore_point import Grade
from diskguard.model.wish import SnapshotWish
from diskguard.plan.backup_plan import MemberPlan
from diskguard.plan.copies_target import NoTarget, choose_target
from diskguard.plan.naming import point_id, snapshot_id
from diskguard.plan.naming_tags import MemberIdentity, member_tags
from diskguard.plan.selection import Selected, SelectedDisk
from diskguard.policy.model import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class PointToMake:
    """What the members of one point have in common."""

    policy: Policy
    selected: Selected
    requested: Grade
    slot: datetime

    @property
    def id(self) -> str:
        """The point's id."""
        return point_id(self.selected.source, self.slot)


def plan_members(point: PointToMake) -> tuple[MemberPlan, ...]:
    """Give one member per disk, the OS disk first, then by LUN; without copies yet."""
    return tuple(
        _member(point, disk, number) for number, disk in enumerate(point.selected.disks, start=1)
    )


def with_targets(
    point: PointToMake, members: tuple[MemberPlan, ...], estate: Estate
) -> tuple[tuple[MemberPlan, ...], tuple[Failure, ...]]:
    """Give the members with where their copies go; a member that has nowhere to go, why.

    If one disk's copy cannot be made, none of the point is: half a point restores nothing.
    """
    targeted, failures = [], []
    for member in members:
        try:
            target = choose_target(
                point.policy,
                point.selected.settings.copying,
                estate,
                source=(member.disk_id.subscription, member.wish.region),
                encryption_set=member.wish.encryption_set,
            )
        except NoTarget as nowhere:
            failures.append(nowhere.failure)
        else:
            targeted.append(replace(member, copy=target))
    return (members, tuple(failures)) if failures else (tuple(targeted), ())


def _member(point: PointToMake, selected: SelectedDisk, number: int) -> MemberPlan:
    disk = selected.disk
    identity = _identity(point, selected, number)
    policy = point.policy
    primary = policy.locations.primary
    return MemberPlan(
        number=number,
        disk_id=disk.id,
        disk_unique_id=disk.unique_id,
        disk_name=disk.name,
        lun=selected.lun,
        role=identity.role,
        size_bytes=disk.size_bytes,
        background_copied=disk.background_copied,
        wish=SnapshotWish(
            id=snapshot_id(disk.id, primary.resource_group, identity.name),
            region=disk.region,
            source=disk.id,
            tags={**policy.tags, **member_tags(identity)},
            sku=primary.sku,
            network_access=point.selected.settings.protection.network_access,
            encryption_set=disk.encryption_set,
        ),
    )


def _identity(point: PointToMake, selected: SelectedDisk, number: int) -> MemberIdentity:
    source, disk = point.selected, selected.disk
    return MemberIdentity(
        point=point.id,
        policy=point.policy.name,
        slot=point.slot,
        number=number,
        count=len(source.disks),
        vm=source.vm.id if source.vm is not None else None,
        vm_unique_id=source.vm.vm_id if source.vm is not None else "",
        disk_id=disk.id,
        disk_unique_id=disk.unique_id,
        lun=selected.lun,
        region=source.vm.region if source.vm is not None else disk.region,
        requested=point.requested,
    )
