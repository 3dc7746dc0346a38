"""One restore point of one VM (or loose disk): taken, proven, sealed, or undone."""

from diskguard.errors import DiskguardError, GuestTrouble, NameTaken
from diskguard.model.events import PointSealed
from diskguard.model.report import Result, VmOutcome
from diskguard.model.restore_point import Consistency, Grade, Seal
from diskguard.plan.backup_plan import FreezeBudget, Mode, VmPlan
from diskguard.plan.budget import second_budget
from diskguard.ports import Ports
from diskguard.run.attempt import Attempt, enter, is_stopped, take_at_once, take_stopped
from diskguard.run.azure_time import azure_time
from diskguard.run.frozen import AttemptLost, take_frozen
from diskguard.run.members import undo_members
from diskguard.run.offline import stopped
from diskguard.run.seal import put_seal


class SetNotWhole(DiskguardError):
    """Not every disk of the set was taken as one moment; what was taken is gone again."""

    code = "set-not-whole"


async def back_up_vm(plan: VmPlan, ports: Ports, *, run_id: str) -> VmOutcome:
    """Make one sealed restore point, or leave nothing that looks like one.

    Raises the error that prevented it; a point another machine made first is no error.
    """
    attempt = await _take(plan, ports)
    consistency = attempt.proof.consistency(plan.requested)
    enter(plan, "sealing", ports)
    await put_seal(attempt.first_member, _seal(plan, attempt, consistency, run_id, ports), ports)
    _tell(plan, consistency, ports)
    return VmOutcome(
        source=plan.name,
        result=Result.DONE,
        point=plan.point,
        consistency=consistency,
        disks=len(plan.members),
        downgrade_fails=plan.downgrade_fails,
    )


async def _take(plan: VmPlan, ports: Ports) -> Attempt:
    """Take the set in the way the plan chose; what is returned is whole."""
    match plan.mode:
        case Mode.FREEZE:
            return await _frozen_or_less(plan, ports)
        case Mode.OFFLINE_STOP:
            return await _offline(plan, ports)
        case Mode.OFFLINE_AS_IS:
            return await _whole(await take_stopped(plan, ports), ports)
        case Mode.CRASH:
            reason = None if plan.requested is Grade.CRASH else plan.mode_reason
            return await _whole(await take_at_once(plan, ports, because=reason), ports)


async def _offline(plan: VmPlan, ports: Ports) -> Attempt:
    """Stop, take, start. A VM that others stopped meanwhile is left as it is found."""
    vm = plan.vm or plan.source
    if await is_stopped(plan, ports):
        return await _whole(await take_stopped(plan, ports), ports)
    async with stopped(plan, vm, ports):
        return await _whole(await take_stopped(plan, ports), ports)


# -- the frozen way, its second attempt and its fallback ------------------------------------------


async def _frozen_or_less(plan: VmPlan, ports: Ports) -> Attempt:
    """Two frozen attempts, then what the policy falls back to.

    Azure takes 7 snapshots of a disk in 5 minutes: two attempts and the fallback are three.
    """
    first = plan.freeze
    if first is None:
        raise DiskguardError(f"the plan for {plan.name} is to freeze and says not how")
    mine: set[str] = set()
    why, again = await _try_frozen(plan, first, ports, mine)
    if isinstance(why, Attempt):
        return why
    if again:
        enter(plan, "second attempt", ports, why)
        why, _ = await _try_frozen(plan, second_budget(first), ports, mine, last=True)
        if isinstance(why, Attempt):
            return why
    if not plan.fallback_to_crash:
        raise GuestTrouble(
            f"{plan.name}: {why}",
            hint="`consistency.fallback: crash` would keep a crash-consistent point instead.",
        )
    enter(plan, "fallback", ports, why)
    return await _whole(await take_at_once(plan, ports, because=why, mine=mine), ports)


async def _try_frozen(
    plan: VmPlan, budget: FreezeBudget, ports: Ports, mine: set[str], *, last: bool = False
) -> tuple[Attempt | str, bool]:
    """One attempt: a set to keep, or why there is none and whether one more makes sense.

    The nonce of one that is undone is added to `mine`. A set that is whole is kept where no better one can be expected: it is called what it is.
    """
    try:
        attempt = await take_frozen(plan, budget, ports, mine=mine)
    except AttemptLost as lost:
        await ports.clock.sleep_until(lost.over_at)
        return str(lost), lost.again
    proof = attempt.proof
    if proof.grade is Grade.FILESYSTEM:
        return attempt, False
    keep = proof.grade is not None and (last or not attempt.provable) and plan.fallback_to_crash
    if keep:
        return attempt, False
    mine.add(attempt.asked[0].nonce)
    await undo_members(attempt.asked, ports.compute)
    _raise_what_no_attempt_mends(attempt)
    return proof.reason or "the freeze could not be proven", attempt.provable


def _raise_what_no_attempt_mends(attempt: Attempt) -> None:
    """Rights, quotas and taken names are no better the second time, nor without a freeze."""
    trouble = attempt.trouble
    if trouble is not None and (trouble.exit_status == 7 or isinstance(trouble, NameTaken)):
        raise trouble


async def _whole(attempt: Attempt, ports: Ports) -> Attempt:
    """Give back a set that is whole; undo one that is not, and raise why."""
    if attempt.proof.grade is not None:
        return attempt
    await undo_members(attempt.asked, ports.compute)
    raise attempt.trouble or SetNotWhole(attempt.proof.reason or "the set is not whole")


# -- sealing --------------------------------------------------------------------------------------


def _seal(
    plan: VmPlan, attempt: Attempt, consistency: Consistency, run_id: str, ports: Ports
) -> Seal:
    now = azure_time(ports)
    return Seal(
        consistency=consistency,
        members=len(plan.members),
        taken_at=attempt.proof.taken_at or now,
        sealed_at=now,
        run_id=run_id,
        learned=attempt.learned,
    )


def _tell(plan: VmPlan, consistency: Consistency, ports: Ports) -> None:
    window = consistency.window
    ports.observer.notice(
        PointSealed(
            at=ports.clock.now(),
            source=plan.name,
            point=plan.point,
            requested=consistency.requested,
            achieved=consistency.achieved,
            reason=consistency.reason,
            window_seconds=None if window is None else window.total_seconds(),
        )
    )
