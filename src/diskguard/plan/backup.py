"""What a backup will do, VM by VM: decided from the policy and one look at Azure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from diskguard.errors import UnsupportedSource
from diskguard.model.estate import Estate
from diskguard.model.guest import LeftOut
from diskguard.model.report import Failure
from diskguard.plan.backup_plan import (
    BackupPlan,
    CopyTarget,
    FreezeBudget,
    MemberPlan,
    Mode,
    PlanWarning,
    RefusedSource,
    SkippedSource,
    VmPlan,
    wish_for_attempt,
)
from diskguard.plan.backup_source import Decided, decide, look_at
from diskguard.plan.selection import Selection, Unsupported, choose_sources
from diskguard.policy.model import Policy

__all__ = [
    "BackupPlan",
    "CopyTarget",
    "FreezeBudget",
    "MemberPlan",
    "Mode",
    "PlanWarning",
    "RefusedSource",
    "SkippedSource",
    "VmPlan",
    "plan_backup",
    "wish_for_attempt",
]


def plan_backup(
    policy: Policy, estate: Estate, *, now: datetime, due_only: bool = False
) -> BackupPlan:
    """Plan one restore point of every source the policy takes; `now`, to the second, names them.

    With `due_only`, of every source with a due slot, and the slot names the point. Trouble stays with its source. A copy that can go nowhere fails the plan (`failures`) and not
    the point: a point in one region is better than none. Raises NothingMatched.
    """
    selection = choose_sources(policy, estate)
    look = look_at(policy, estate, now, due_only=due_only)
    decided = [decide(selected, look) for selected in selection.selected]
    remarks, failures = _unsupported(_in_time(selection, decided))
    return BackupPlan(
        policy=policy.name,
        made_at=now,
        vms=tuple(_with_unsupported(each.plan, selection) for each in decided if each.plan),
        skipped=_skipped(selection, decided),
        refused=tuple(each.refused for each in decided if each.refused is not None),
        warnings=remarks + tuple(warning for each in decided for warning in each.warnings),
        failures=failures + _once(failure for each in decided for failure in each.failures),
        due_only=due_only,
    )


def _in_time(selection: Selection, decided: list[Decided]) -> Selection:
    """Leave out the unsupported of rules that wait for their slot: they are told when it is due."""
    waiting, running = set[str](), set[str]()
    for selected, each in zip(selection.selected, decided, strict=True):
        (waiting if each.waits else running).add(selected.rule.name)
    told = tuple(each for each in selection.unsupported if each.rule not in waiting - running)
    return replace(selection, unsupported=told)


def _with_unsupported(plan: VmPlan, selection: Selection) -> VmPlan:
    """A VM goes on without a disk that cannot be taken, and its plan says so."""
    lacking = tuple(
        LeftOut(what=each.disk, reason=each.reason)
        for each in selection.unsupported
        if each.source == plan.source and each.disk is not None
    )
    return replace(plan, left_out=plan.left_out + lacking) if lacking else plan


def _skipped(selection: Selection, decided: list[Decided]) -> tuple[SkippedSource, ...]:
    by_choice = [
        SkippedSource(source=each.source, reason="; ".join(each.reasons))
        for each in selection.skipped
    ]
    for_now = [each.skipped for each in decided if each.skipped is not None]
    return tuple(sorted([*by_choice, *for_now], key=lambda skipped: skipped.source))


def _once(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """A thousand VMs without a paired region have one failure."""
    return tuple(dict.fromkeys(failures))


def _unsupported(
    selection: Selection,
) -> tuple[tuple[PlanWarning, ...], tuple[Failure, ...]]:
    """Name what cannot be taken: as warnings or as failures of the run, by `on_unsupported`."""
    if selection.unsupported_fails:
        return (), tuple(_failure(each) for each in selection.unsupported)
    return tuple(
        PlanWarning(source=each.source.text, code=each.code, message=_words(each))
        for each in selection.unsupported
    ), ()


def _failure(unsupported: Unsupported) -> Failure:
    return Failure(
        code=UnsupportedSource.code,
        message=_words(unsupported),
        exit_status=UnsupportedSource.exit_status,
        hint="Exclude it, or set `on_unsupported: warn` to go on without it.",
    )


def _words(unsupported: Unsupported) -> str:
    what = f"disk {unsupported.disk} of " if unsupported.disk else ""
    return f"{what}{unsupported.source.name}: {unsupported.reason}"
