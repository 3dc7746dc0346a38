"""Who is protected by which policy, by Azure Backup, twice or not at all; and whose data is alone."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from diskguard.model.azure_backup import BackupItem, BackupLook
from diskguard.model.estate import Attachment, Disk, Estate, Snapshot, Vm
from diskguard.model.ids import Region, ResourceId
from diskguard.plan.backup_limits import by_disk
from diskguard.plan.copies_target import NoTarget, choose_target
from diskguard.plan.second_copy import why_no_second_copy
from diskguard.plan.selection import Selected, Skipped, Unsupported, survey_sources
from diskguard.plan.selection_matching import Source
from diskguard.plan.selection_near import Shortage
from diskguard.policy.model import Policy


class Cover(StrEnum):
    """Who looks after a VM or a disk."""

    PROTECTED = "protected"  # a policy; a VM: every disk that is not left out on purpose
    PARTLY = "partly"  # somebody takes the VM, and nobody one of its disks
    AZURE_BACKUP = "azure-backup"  # no policy, but Azure Backup
    EXCLUDED = "excluded"  # left out on purpose, or without data to lose
    UNCOVERED = "uncovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A policy's rule that takes a source."""

    policy: Policy
    selected: Selected

    def __str__(self) -> str:
        return f"{self.policy.name} (rule {self.selected.rule.name})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredDisk:
    """A disk and who looks after it; `alone` says why its data has no second copy anywhere.

    `seen` is False for what is in no list: unmanaged, ephemeral, gone. Of its copies nothing is known.
    """

    name: str
    lun: int | None
    cover: Cover
    reason: str | None = None
    alone: str | None = None
    twice: bool = False
    seen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """A VM, or a disk no VM of the estate has; `backups` is what Azure Backup knows of it."""

    source: ResourceId
    is_vm: bool
    region: Region
    cover: Cover
    claims: tuple[Claim, ...]
    backups: tuple[BackupItem, ...]
    disks: tuple[CoveredDisk, ...]
    reasons: tuple[str, ...]

    @property
    def twice(self) -> bool:
        """True when a policy and Azure Backup both make backups of one disk."""
        return any(disk.twice for disk in self.disks)

    @property
    def lacking(self) -> bool:
        """True when something of it is in nobody's backup, and nobody said so should it be."""
        return self.cover in (Cover.UNCOVERED, Cover.PARTLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Every VM, and every disk without one, exactly once, by id. `shortages` by policy."""

    items: tuple[Covered, ...]
    shortages: tuple[tuple[str, Shortage], ...]


def survey_coverage(policies: Sequence[Policy], estate: Estate, backups: BackupLook) -> Coverage:
    """Hold every policy, each in its own subscriptions, against the estate and Azure Backup."""
    view = _view(policies, estate, backups)
    named = {each.disk for vm in estate.vms for each in vm.attachments}
    sources: list[Source] = [
        *estate.vms,
        *(disk for disk in estate.disks if disk.id not in named),
    ]
    return Coverage(
        items=tuple(_covered(source, view) for source in sorted(sources, key=lambda one: one.id)),
        shortages=view.shortages,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What was decided and seen, by source."""

    estate: Estate
    looked: BackupLook
    governed: frozenset[str]  # subscriptions, in lower case, that a policy names
    claims: Mapping[ResourceId, Sequence[Claim]]
    skipped: Mapping[ResourceId, Sequence[Skipped]]
    refused: Mapping[ResourceId, Sequence[Unsupported]]
    shortages: tuple[tuple[str, Shortage], ...]
    backups: Mapping[ResourceId, Sequence[BackupItem]]
    disks: Mapping[ResourceId, Disk]
    snapshots: Mapping[str, Sequence[Snapshot]]


def _view(policies: Sequence[Policy], estate: Estate, looked: BackupLook) -> _View:
    claims: dict[ResourceId, list[Claim]] = defaultdict(list)
    skipped: dict[ResourceId, list[Skipped]] = defaultdict(list)
    refused: dict[ResourceId, list[Unsupported]] = defaultdict(list)
    backups: dict[ResourceId, list[BackupItem]] = defaultdict(list)
    shortages: list[tuple[str, Shortage]] = []
    for policy in policies:
        selection = survey_sources(policy, _in_subscriptions(estate, policy))
        for selected in selection.selected:
            claims[selected.source].append(Claim(policy=policy, selected=selected))
        for each in selection.skipped:
            skipped[each.source].append(each)
        for lacking in selection.unsupported:
            refused[lacking.source].append(lacking)
        shortages += [(policy.name, each) for each in selection.shortages]
    for item in looked.items:
        backups[item.source].append(item)
    return _View(
        estate=estate,
        looked=looked,
        governed=frozenset(
            each.lower() for policy in policies for each in policy.azure.subscriptions
        ),
        claims=claims,
        skipped=skipped,
        refused=refused,
        shortages=tuple(shortages),
        backups=backups,
        disks={disk.id: disk for disk in estate.disks},
        snapshots=by_disk(estate.snapshots),
    )


def _in_subscriptions(estate: Estate, policy: Policy) -> Estate:
    """What a policy may look at: it takes nothing of a subscription it does not name."""
    own = {each.lower() for each in policy.azure.subscriptions}
    return replace(
        estate,
        vms=tuple(vm for vm in estate.vms if vm.id.subscription.lower() in own),
        disks=tuple(disk for disk in estate.disks if disk.id.subscription.lower() in own),
        scale_sets=tuple(each for each in estate.scale_sets if each.id.subscription.lower() in own),
    )


def _covered(source: Source, view: _View) -> Covered:
    claims = tuple(view.claims.get(source.id, ()))
    disks = tuple(_disks(source, claims, view))
    on_purpose = any(each.on_purpose for each in view.skipped.get(source.id, ()))
    cover = _cover_of(disks, claimed=bool(claims), on_purpose=on_purpose)
    if cover is Cover.EXCLUDED:
        disks = tuple(replace(disk, cover=Cover.EXCLUDED) for disk in disks)
    return Covered(
        source=source.id,
        is_vm=isinstance(source, Vm),
        region=source.region,
        cover=cover,
        claims=claims,
        backups=tuple(_known_backups(source, view)),
        disks=disks,
        reasons=tuple(_reasons(source, cover, claims, view)),
    )


def _cover_of(disks: Sequence[CoveredDisk], *, claimed: bool, on_purpose: bool) -> Cover:
    found = {disk.cover for disk in disks}
    if claimed:
        return Cover.PARTLY if Cover.UNCOVERED in found else Cover.PROTECTED
    if Cover.AZURE_BACKUP in found:
        return Cover.PARTLY if Cover.UNCOVERED in found else Cover.AZURE_BACKUP
    if on_purpose or found == {Cover.EXCLUDED}:
        return Cover.EXCLUDED
    return Cover.UNCOVERED


def _known_backups(source: Source, view: _View) -> Iterator[BackupItem]:
    yield from view.backups.get(source.id, ())
    for each in source.attachments if isinstance(source, Vm) else ():
        if each.disk is not None:
            yield from view.backups.get(each.disk, ())


def _reasons(source: Source, cover: Cover, claims: tuple[Claim, ...], view: _View) -> Iterator[str]:
    yield from (f"{claim}: {claim.selected.reason}" for claim in claims)
    if not claims:
        skipped = view.skipped.get(source.id, ())
        yield from dict.fromkeys(reason for each in skipped for reason in each.reasons)
    if isinstance(source, Disk):
        yield from _where_it_belongs(source)
    if source.id.subscription.lower() not in view.governed:
        yield "no policy names its subscription"
    if cover in (Cover.UNCOVERED, Cover.PARTLY) and not view.looked.knows(source.id.subscription):
        yield "whether Azure Backup has it is not known"


def _where_it_belongs(disk: Disk) -> Iterator[str]:
    if _is_empty(disk):
        yield "it has no data yet"
    elif disk.managed_by is not None:
        yield f"it belongs to {disk.managed_by}, which is no VM of these subscriptions"


def _is_empty(disk: Disk) -> bool:
    return disk.state.lower() in ("readytoupload", "activeupload")


# -- disk by disk ---------------------------------------------------------------------------------


def _disks(source: Source, claims: Sequence[Claim], view: _View) -> Iterator[CoveredDisk]:
    if isinstance(source, Disk):
        own = view.backups.get(source.id, ())
        yield _covered_disk((source.name, None), source, claims, _active(own), view)
        return
    whole = view.backups.get(source.id, ())
    for each in source.attachments:
        disk = view.disks.get(each.disk) if each.disk is not None else None
        of_vm = [item for item in whole if item.takes_lun(each.lun)]
        of_disk = view.backups.get(each.disk, ()) if each.disk is not None else ()
        active = _active([*of_vm, *of_disk])
        covered = _covered_disk((each.name, each.lun), disk, claims, active, view)
        yield _excused(covered, each, source, claims, view)


def _active(items: Sequence[BackupItem]) -> list[BackupItem]:
    return [item for item in items if item.active]


def _covered_disk(
    place: tuple[str, int | None],
    disk: Disk | None,
    claims: Sequence[Claim],
    active: Sequence[BackupItem],
    view: _View,
) -> CoveredDisk:
    takers = [claim for claim in claims if disk is not None and _takes(claim, disk)]
    cover = Cover.PROTECTED if takers else Cover.AZURE_BACKUP if active else Cover.UNCOVERED
    if cover is Cover.UNCOVERED and disk is not None and _is_empty(disk):
        cover = Cover.EXCLUDED
    in_vault = any(item.in_vault for item in active)
    alone = None if disk is None or in_vault else _alone(disk, takers, view)
    return CoveredDisk(
        name=disk.name if disk is not None else place[0],
        lun=place[1],
        cover=cover,
        alone=alone,
        twice=bool(takers and active),
        seen=disk is not None,
    )


def _takes(claim: Claim, disk: Disk) -> bool:
    return any(each.disk.id == disk.id for each in claim.selected.disks)


def _excused(
    covered: CoveredDisk, attachment: Attachment, vm: Vm, claims: Sequence[Claim], view: _View
) -> CoveredDisk:
    """Say why nobody takes the disk: left out on purpose is another thing than not possible."""
    if covered.cover is not Cover.UNCOVERED:
        return covered
    name = attachment.name
    for claim in claims:
        for left in claim.selected.skipped_disks:
            if (left.name, left.lun) == (name, attachment.lun):
                return replace(covered, cover=Cover.EXCLUDED, reason=left.reason)
    if attachment.ephemeral:
        return replace(covered, cover=Cover.EXCLUDED, reason="it is ephemeral: nothing in it lasts")
    if any(item.active for item in view.backups.get(vm.id, ())):
        reason = "its VM's Azure Backup leaves it out"
        return replace(covered, cover=Cover.EXCLUDED, reason=reason)
    lacking = (each.reason for each in view.refused.get(vm.id, ()) if each.disk == name)
    return replace(covered, reason=next(lacking, None))


def _alone(disk: Disk, takers: Sequence[Claim], view: _View) -> str | None:
    """Why the data has no second copy: none of those who take the disk makes one."""
    snapshots = view.snapshots.get(disk.unique_id.lower(), ())
    reasons = [
        why_no_second_copy(
            disk,
            copied=_is_copied(disk, claim, view.estate),
            snapshot_sku=claim.policy.locations.primary.sku,
            existing=snapshots,
        )
        for claim in takers
    ] or [why_no_second_copy(disk, copied=False, snapshot_sku=None)]
    return None if None in reasons else reasons[0]


def _is_copied(disk: Disk, claim: Claim, estate: Estate) -> bool:
    """Tell whether copies of its snapshots go to another region, and can."""
    try:
        target = choose_target(
            claim.policy,
            claim.selected.settings.copying,
            estate,
            source=(disk.id.subscription, disk.region),
            encryption_set=disk.encryption_set,
        )
    except NoTarget:
        return False
    return target is not None
