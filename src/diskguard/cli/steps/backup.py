"""A backup: its plan, its run under the lock, its report."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from diskguard.cli.session import Session
from diskguard.cli.steps.errand import Eyes, run_errand, show_report
from diskguard.cli.steps.plan import MakePlan, check_schedules, preview, show_preview
from diskguard.cli.steps.policies import read_policy
from diskguard.cli.steps.saved import check_fits, read_saved
from diskguard.cli.steps.sight import sight_of
from diskguard.cli.steps.work import pause
from diskguard.errors import AnotherRunHoldsTheLock, UsageInvalid
from diskguard.model.estate import Estate
from diskguard.model.report import RunReport
from diskguard.plan.backup import BackupPlan, plan_backup
from diskguard.plan.backup_narrow import narrow_plan
from diskguard.plan.copies import plan_copies
from diskguard.plan.immutability import asks_for_immutability, plan_immutability
from diskguard.plan.recovery import plan_recovery
from diskguard.plan.saved import load_plan
from diskguard.policy.model import Policy
from diskguard.policy.scalars import parse_duration
from diskguard.ports import Ports
from diskguard.run.azure_time import azure_time
from diskguard.run.line import Errand
from diskguard.run.observe import Look
from diskguard.run.prune import make_prune_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the command line says of a backup."""

    saved: Path | None = None
    vms: tuple[str, ...] = ()
    max_vms: int | None = None
    due_only: bool = False
    jitter: str | None = None
    no_copy: bool = False
    no_wait: bool = False
    prune: bool = False

    def planner(self) -> MakePlan:
        """Say how to plan: anew, or as saved.

        Raises UsageInvalid; the planner itself raises NothingMatched, TooManyVms, PlanDrifted.
        """
        if self.saved is None:
            return self._plan_anew
        if self.vms or self.max_vms is not None or self.due_only:
            wrong = "a saved plan is executed whole: not with --vm, --max-vms or --due-only"
            raise UsageInvalid(wrong, hint="Make another plan, or leave --plan out.")
        saved = read_saved(self.saved, load_plan)

        def as_saved(policy: Policy, estate: Estate, *, now: datetime) -> BackupPlan:  # noqa: ARG001 - a saved plan has an instant of its own
            return check_fits(saved, policy, estate)

        return as_saved

    def _plan_anew(self, policy: Policy, estate: Estate, *, now: datetime) -> BackupPlan:
        plan = plan_backup(policy, estate, now=now, due_only=self.due_only)
        return narrow_plan(plan, only=self.vms, at_most=self.max_vms)


def back_up(session: Session, path: Path, choices: Choices) -> int:
    """Run the backup and show its report. Raises AnotherRunHoldsTheLock; nothing was done then."""
    policy, make_plan = read_policy(session, path), choices.planner()
    if choices.due_only:
        check_schedules(policy)
    if choices.jitter is not None:
        pause(session, _random_part(parse_jitter(choices.jitter), session.run_id))
    started = session.around.clock.now()
    try:
        errand = _errand_of(session, policy, choices, make_plan, started)
        return run_errand(session, policy, errand)
    except AnotherRunHoldsTheLock:
        if choices.due_only and preview(session, policy, make_plan, copying=False).plan.nothing_due:
            return show_report(session, _nothing_done(session, policy, started))
        raise


def parse_jitter(text: str) -> timedelta:
    """Read the longest delay before a run begins. Raises UsageInvalid."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageInvalid(f"--jitter {text}: {error}", hint="As in --jitter 90s.") from None


def _random_part(longest: timedelta, nonce: str) -> timedelta:
    return longest * (int(nonce, 16) / (1 << 4 * len(nonce)))


def _nothing_done(session: Session, policy: Policy, started: datetime) -> RunReport:
    ended = session.around.clock.now()
    return RunReport(run_id=session.run_id, policy=policy.name, started_at=started, ended_at=ended)


def _errand_of(
    session: Session, policy: Policy, choices: Choices, make_plan: MakePlan, started: datetime
) -> Callable[[Ports], Errand]:
    def errand(ports: Ports) -> Errand:
        eyes = Eyes(scope=sight_of(session, policy).scope, ports=ports)

        def plan(estate: Estate) -> BackupPlan:
            """The point is named by the second the run began, in Azure's time."""
            return make_plan(policy, estate, now=started + ports.compute.clock_offset())

        async def look_wide() -> Look:
            """Look, and see that a saved plan fits before anything is put right."""
            seen = await eyes.look_wide()
            if choices.saved is not None:
                plan(seen.estate)
            return seen

        return Errand(
            run_id=session.run_id,
            policy=policy.name,
            started_at=started,
            time_limit=policy.limits.run_timeout,
            parallel=policy.limits.parallel_vms,
            look_wide=look_wide,
            look_at_points=eyes.look_at_points,
            plan_recovery=lambda estate: plan_recovery(policy, estate, now=azure_time(ports)),
            plan_backup=plan,
            plan_copies=None
            if choices.no_copy
            else lambda estate: plan_copies(policy, estate, now=azure_time(ports)),
            make_prune=(lambda seen: make_prune_plan(policy, seen, ports))
            if choices.prune
            else None,
            plan_immutability=(
                lambda estate: plan_immutability(policy, estate, now=azure_time(ports))
            )
            if asks_for_immutability(policy)
            else None,
            wait=not choices.no_wait,
            due_only=choices.due_only,
        )

    return errand


def show_dry_run(session: Session, path: Path, choices: Choices) -> int:
    """Show the plan of that backup; only reads, and needs no lock."""
    policy = read_policy(session, path)
    if choices.due_only:
        check_schedules(policy)
    found = preview(session, policy, choices.planner(), copying=not choices.no_copy)
    return show_preview(session, found, detailed=False)
