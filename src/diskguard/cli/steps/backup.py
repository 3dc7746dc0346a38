"""A backup: its plan, its run under the lock, its report."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from diskguard.cli.session import Session
from diskguard.cli.steps.errand import Eyes, run_errand
from diskguard.cli.steps.plan import preview
from diskguard.cli.steps.policies import read_policy
from diskguard.cli.steps.saved import check_fits, read_saved
from diskguard.cli.steps.sight import sight_of
from diskguard.errors import UsageInvalid
from diskguard.model.estate import Estate
from diskguard.plan.backup import BackupPlan, plan_backup
from diskguard.plan.backup_narrow import narrow_plan
from diskguard.plan.copies import plan_copies
from diskguard.plan.recovery import plan_recovery
from diskguard.policy.model import Policy
from diskguard.ports import Ports
from diskguard.run.line import Errand


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the command line says of a backup."""

    saved: Path | None = None
    vms: tuple[str, ...] = ()
    max_vms: int | None = None
    no_copy: bool = False
    no_wait: bool = False

    def plan(self, policy: Policy, estate: Estate, *, now: datetime) -> BackupPlan:
        """Plan from what was seen: anew, or as saved. Raises PlanDrifted, NothingMatched."""
        if self.saved is not None:
            return check_fits(read_saved(self.saved), policy, estate)
        plan = plan_backup(policy, estate, now=now)
        return narrow_plan(plan, only=self.vms, at_most=self.max_vms)


def back_up(session: Session, path: Path, choices: Choices) -> int:
    """Run the backup and show its report. Raises AnotherRunHoldsTheLock; nothing was done then."""
    policy = _checked(session, path, choices)
    started = session.around.clock.now()

    def errand(ports: Ports) -> Errand:
        eyes, now = Eyes(scope=sight_of(session, policy).scope, ports=ports), ports.clock.now
        return Errand(
            run_id=session.run_id,
            policy=policy.name,
            started_at=started,
            time_limit=policy.limits.run_timeout,
            parallel=policy.limits.parallel_vms,
            look_wide=eyes.look_wide,
            look_at_points=eyes.look_at_points,
            plan_recovery=lambda estate: plan_recovery(policy, estate, now=now()),
            plan_backup=lambda estate: choices.plan(policy, estate, now=started),
            plan_copies=None
            if choices.no_copy
            else lambda estate: plan_copies(policy, estate, now=now()),
            wait=not choices.no_wait,
        )

    return run_errand(session, policy, errand)


def show_dry_run(session: Session, path: Path, choices: Choices) -> int:
    """Show the plan of that backup; only reads, and needs no lock."""
    policy = _checked(session, path, choices)
    return preview(session, policy, choices.plan).show(session, detailed=False)


def _checked(session: Session, path: Path, choices: Choices) -> Policy:
    if choices.saved is not None and (choices.vms or choices.max_vms is not None):
        hint = "Make another plan, or leave --plan out."
        raise UsageInvalid("a saved plan is executed whole: not with --vm or --max-vms", hint=hint)
    return read_policy(session, path)
