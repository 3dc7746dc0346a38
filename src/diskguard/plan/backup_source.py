"""What becomes of one source: a plan, or why it is skipped or refused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from diskguard.errors import DiskguardError, NameTaken, ResourceMissing, UnsupportedSource
from diskguard.model.estate import Estate, Snapshot
from diskguard.model.guest import LeftOut
from diskguard.model.ids import ResourceId
from diskguard.model.report import Failure
from diskguard.model.restore_point import Location, RestorePoint
from diskguard.plan.backup_due import find_due, notes_of_slot, warn_of_slot, why_not_due
from diskguard.plan.backup_limits import SnapshotsOf, by_disk, why_full
from diskguard.plan.backup_members import PointToMake, plan_members, with_targets
from diskguard.plan.backup_mode import ChosenMode, choose_mode
from diskguard.plan.backup_plan import (
    MemberPlan,
    Mode,
    PlanWarning,
    RefusedSource,
    SkippedSource,
    VmPlan,
)
from diskguard.plan.backup_warnings import notes_of, warn_of_disks
from diskguard.plan.budget import choose_budget, choose_completion, learned_from
from diskguard.plan.copies_target import find_group
from diskguard.plan.due import Due
from diskguard.plan.naming_tags import STOPPED
from diskguard.plan.points import Assembly, assemble_for, attempt_may_live, points_by_source
from diskguard.plan.selection import Selected
from diskguard.plan.selection_matching import tag_value
from diskguard.policy.model import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The estate, indexed once for a thousand VMs."""

    policy: Policy
    estate: Estate
    now: datetime
    due_only: bool
    assembly: Assembly
    points: Mapping[ResourceId, Sequence[RestorePoint]]  # of each source
    of_disk: SnapshotsOf
    by_id: Mapping[ResourceId, Snapshot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of one source: exactly one of plan, skipped and refused."""

    plan: VmPlan | None = None
    skipped: SkippedSource | None = None
    refused: RefusedSource | None = None
    warnings: tuple[PlanWarning, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def waits(self) -> bool:
        """True when nothing of it is due yet."""
        return self.skipped is not None and self.skipped.due is False


def look_at(policy: Policy, estate: Estate, now: datetime, *, due_only: bool = False) -> Look:
    """Index the estate for the decisions of one plan."""
    assembly = assemble_for(policy, estate, now=now)
    return Look(
        policy=policy,
        estate=estate,
        now=now,
        due_only=due_only,
        assembly=assembly,
        points=points_by_source(assembly.points),
        of_disk=by_disk(estate.snapshots),
        by_id={snapshot.id: snapshot for snapshot in estate.snapshots},
    )


def decide(selected: Selected, look: Look) -> Decided:
    """Plan one source, or say why not."""
    points = look.points.get(selected.source, ())
    due = find_due(selected, points, look.now) if look.due_only else None
    if look.due_only and due is None:
        reason = why_not_due(selected, look.now)
        return Decided(skipped=SkippedSource(source=selected.source, reason=reason, due=False))
    chosen = choose_mode(selected)
    point = PointToMake(
        policy=look.policy,
        selected=selected,
        requested=chosen.requested,
        slot=look.now.replace(microsecond=0) if due is None else due.slot,
    )
    skipped = _why_skipped(selected, point.id, look)
    if skipped is not None:
        is_due = True if look.due_only else None
        return Decided(skipped=SkippedSource(source=selected.source, reason=skipped, due=is_due))
    return _planned(point, chosen, due, look)


def _planned(point: PointToMake, chosen: ChosenMode, due: Due | None, look: Look) -> Decided:
    """Plan the point of a source that is to be taken now, or say why it cannot be."""
    selected = point.selected
    members = plan_members(point)
    failure = next(_why_refused(point, chosen, members, look), None)
    if failure is not None:
        return Decided(refused=RefusedSource(source=selected.source, failure=failure))
    members, failures = with_targets(point, members, look.estate)
    plan = _plan(point, chosen, members, look)
    late = () if due is None else warn_of_slot(selected, due, look.now)
    notes = () if due is None else notes_of_slot(due)
    return Decided(
        plan=replace(plan, due=due, notes=(*notes, *plan.notes)),
        warnings=(*late, *warn_of_disks(selected, members, look.of_disk)),
        failures=failures,
    )


def _plan(
    point: PointToMake, chosen: ChosenMode, members: tuple[MemberPlan, ...], look: Look
) -> VmPlan:
    selected, consistency = point.selected, point.selected.settings.consistency
    learned = learned_from(look.points.get(selected.source, ()))
    freezes = chosen.mode is Mode.FREEZE
    return VmPlan(
        source=selected.source,
        vm=selected.vm.id if selected.vm is not None else None,
        name=selected.source.name,
        region=selected.vm.region if selected.vm is not None else selected.disks[0].disk.region,
        rule=selected.rule.name,
        policy=point.policy.name,
        point=point.id,
        slot=point.slot,
        mode=chosen.mode,
        mode_reason=chosen.reason,
        requested=chosen.requested,
        members=members,
        freeze=choose_budget(consistency, learned) if freezes else None,
        completion=choose_completion(learned),
        fallback_to_crash=consistency.fallback == "crash",
        deallocate=consistency.deallocate,
        downgrade_fails=consistency.on_downgrade == "fail",
        left_out=tuple(
            LeftOut(what=each.name, reason=each.reason) for each in selected.skipped_disks
        ),
        notes=notes_of(selected),
    )


def _why_skipped(selected: Selected, point: str, look: Look) -> str | None:
    if selected.vm is not None and tag_value(selected.vm.tags, STOPPED) is not None:
        return "an unfinished offline backup stopped it; a run starts it first"
    existing = look.assembly.members(point, Location.PRIMARY)
    if any(each.seal or each.seal_trouble for each in existing):
        return f"the point {point} is there already"
    if existing and attempt_may_live(existing, look.now):
        return f"another run is making the point {point}"
    return None


def _why_refused(
    point: PointToMake, chosen: ChosenMode, members: tuple[MemberPlan, ...], look: Look
) -> Iterator[Failure]:
    """Give every reason why no point of this source can be made now."""
    selected = point.selected
    if chosen.falls_short and selected.settings.consistency.fallback == "none":
        message = f"{selected.source.name}: {chosen.reason}; the policy allows no fallback"
        yield _failure(UnsupportedSource, message, hint="Set `consistency.fallback: crash`.")
    yield from _missing_group(point, look)
    ours = {each.snapshot.id for each in look.assembly.members(point.id, Location.PRIMARY)}
    for member in members:
        if member.wish.id in look.by_id and member.wish.id not in ours:
            yield _failure(NameTaken, f"{member.wish.id} bears the name we need and is not ours")
    for each in selected.disks:
        full = why_full(each.disk, look.of_disk.get(each.disk.unique_id.lower(), ()), look.now)
        if full is not None:
            yield full


def _missing_group(point: PointToMake, look: Look) -> Iterator[Failure]:
    name = point.policy.locations.primary.resource_group
    for subscription in sorted({each.disk.id.subscription for each in point.selected.disks}):
        if find_group(look.estate, subscription, name) is None:
            yield _failure(
                ResourceMissing,
                f"there is no resource group {name} in subscription {subscription}",
                hint=f"Create it: `az group create --subscription {subscription} --name {name} "
                f"--location {point.selected.disks[0].disk.region}`.",
            )


def _failure(kind: type[DiskguardError], message: str, *, hint: str | None = None) -> Failure:
    return Failure(code=kind.code, message=message, exit_status=kind.exit_status, hint=hint)
