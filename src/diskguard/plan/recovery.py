"""Did a run die? What it stopped is started, what is whole is sealed, what is not is undone.

Another machine may be at work at this moment, so nothing is touched that a living run could still
need. A living run seals or undoes a set within ATTEMPT_LIFETIME of its requests, freeze, collecting
and proof included (`freeze_limit` is a minute at most, and it gives up following before that);
`run_timeout` bounds the whole run and not one set, and may differ from machine to machine. So a
set's age, by Azure's own instant of its youngest snapshot, decides. A stopped VM is started at
once whatever the age: if its run lives after all it sees the start and calls its point crash.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from diskguard.model.estate import Estate, Vm
from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Consistency, Grade, Location
from diskguard.plan.naming import names_source, parse_member_name, parse_point_id
from diskguard.plan.naming_tags import STOPPED, ParsedMember
from diskguard.plan.points import (
    ATTEMPT_LIFETIME,
    Assembly,
    assemble_for,
    attempt_may_live,
    set_is_whole,
)
from diskguard.plan.proof import spread_is_too_wide
from diskguard.plan.recovery_plan import LateSeal, LeftAlone, RecoveryPlan, StartVm, Undo
from diskguard.plan.selection import survey_sources
from diskguard.policy.model import Policy

Fallbacks = dict[ResourceId, str]


def plan_recovery(policy: Policy, estate: Estate, *, now: datetime) -> RecoveryPlan:
    """Plan what is put right before anything new is begun, also when nothing is due.

    A set whose members are all there, of one attempt and within 60 s, is sealed as crash: the
    proof of more died with its run. Where the policy allows no fallback, and where a set is not
    whole, it is undone. Never touched: what is not ours, and what was ever sealed or copied.
    """
    assembly = assemble_for(policy, estate, now=now)
    verdicts = list(_of_points(policy, estate, assembly, now))
    starts = [_of_vm(vm, value) for vm in estate.vms if (value := _stopped_for(vm)) is not None]
    alone = [each for each in (*starts, *verdicts) if isinstance(each, LeftAlone)]
    return RecoveryPlan(
        policy=policy.name,
        made_at=now,
        start=tuple(
            sorted((each for each in starts if isinstance(each, StartVm)), key=lambda one: one.vm)
        ),
        seal=tuple(each for each in verdicts if isinstance(each, LateSeal)),
        undo=tuple(each for each in verdicts if isinstance(each, Undo)),
        left_alone=tuple(sorted(alone, key=lambda one: one.what)),
    )


def _stopped_for(vm: Vm) -> str | None:
    return next((value for name, value in vm.tags.items() if name.lower() == STOPPED), None)


def _of_vm(vm: Vm, value: str) -> StartVm | LeftAlone:
    """The tag names the point the VM was stopped for; one that is not this VM's is none of ours."""
    point = parse_point_id(value)
    if point is None or not names_source(point, vm.id):
        reason = f"its tag {STOPPED} names no point of it; remove the tag, or start it by hand"
        return LeftAlone(what=vm.id.text, reason=reason)
    name = next(name for name in vm.tags if name.lower() == STOPPED)
    return StartVm(vm=vm.id, tag=name, value=value)


def _of_points(
    policy: Policy, estate: Estate, assembly: Assembly, now: datetime
) -> Iterator[LateSeal | Undo | LeftAlone]:
    unsealed = [
        (point.id, members)
        for point in sorted(assembly.points, key=lambda point: point.id)
        if (members := assembly.members(point.id, Location.PRIMARY)) and not _ever_sealed(members)
    ]
    if not unsealed:
        return
    fallbacks = _fallbacks(policy, estate)
    claimed = _claimed_by_strangers(assembly)
    for point, members in unsealed:
        reason = _why_left_alone(point, members, assembly, claimed, now)
        if reason is not None:
            yield LeftAlone(what=point, reason=reason)
        else:
            fallback = fallbacks.get(members[0].identity.source, policy.consistency.fallback)
            yield _of_dead(point, members, fallback)


def _ever_sealed(members: Sequence[ParsedMember]) -> bool:
    return any(each.seal is not None or each.seal_trouble is not None for each in members)


def _claimed_by_strangers(assembly: Assembly) -> set[str]:
    names = (parse_member_name(each.snapshot.name) for each in assembly.strangers)
    return {name.point for name in names if name is not None}


def _why_left_alone(
    point: str,
    members: Sequence[ParsedMember],
    assembly: Assembly,
    claimed: set[str],
    now: datetime,
) -> str | None:
    if attempt_may_live(members, now):
        minutes = int(ATTEMPT_LIFETIME.total_seconds() // 60)
        return f"a run may still be making it; it is judged when it is {minutes} minutes old"
    if assembly.members(point, Location.DR):
        return "it has copies, so it was sealed once: somebody took its seal away"
    if point in claimed:
        return "a snapshot that is not ours bears the name of one of its members"
    return None


def _of_dead(point: str, members: Sequence[ParsedMember], fallback: str) -> LateSeal | Undo:
    first = members[0]
    instants = [each.taken_at for each in members if each.taken_at is not None]
    reason = _why_undone(members, instants, fallback)
    if reason is not None:
        return Undo(
            point=point, snapshots=tuple(each.snapshot.id for each in members), reason=reason
        )
    requested = first.identity.requested
    died = "the run that made it died before it could prove more"
    return LateSeal(
        point=point,
        first_member=first.snapshot.id,
        members=len(members),
        taken_at=max(instants),
        consistency=Consistency(
            requested=requested,
            achieved=Grade.CRASH,
            reason=None if requested is Grade.CRASH else died,
            spread=max(instants) - min(instants),
        ),
    )


def _why_undone(
    members: Sequence[ParsedMember], instants: Sequence[datetime], fallback: str
) -> str | None:
    snapshots = [each.snapshot for each in members]
    if not set_is_whole(members):
        return f"a run died: {len(members)} of {members[0].identity.count} members, not one set"
    if any(each.failed or each.provisioning_state != "Succeeded" for each in snapshots):
        return "a run died: a member holds no data"
    if len(instants) < len(members) or spread_is_too_wide(max(instants) - min(instants)):
        return "a run died: its members are not of one moment"
    if members[0].identity.requested is not Grade.CRASH and fallback == "none":
        return "a run died before its proof, and the policy allows no fallback"
    return None


def _fallbacks(policy: Policy, estate: Estate) -> Fallbacks:
    """What each source's rule allows; a source no rule takes any more has the policy's own word."""
    return {
        selected.source: selected.settings.consistency.fallback
        for selected in survey_sources(policy, estate).selected
    }
