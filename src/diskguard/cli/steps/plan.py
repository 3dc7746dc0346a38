"""What a backup would do, looked up and shown; nothing is changed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from diskguard.cli.render.plans import plan_page
from diskguard.cli.render.trouble import failure_lines
from diskguard.cli.session import Session
from diskguard.cli.steps.errand import Eyes
from diskguard.cli.steps.policies import read_policy
from diskguard.cli.steps.saved import save_plan
from diskguard.cli.steps.sight import sight_of
from diskguard.cli.steps.work import look
from diskguard.model.estate import Estate
from diskguard.model.report import Failure
from diskguard.plan.backup import BackupPlan, plan_backup
from diskguard.plan.recovery import plan_recovery
from diskguard.plan.recovery_plan import RecoveryPlan
from diskguard.policy.model import Policy
from diskguard.ports import Ports
from diskguard.run.failure import failure_of
from diskguard.run.line import plan_from
from diskguard.run.observe import Look

PARTIAL = 3
CHANGES_PENDING = 10


class MakePlan(Protocol):
    """How to plan from what was seen."""

    def __call__(self, policy: Policy, estate: Estate, *, now: datetime) -> BackupPlan:
        """Give the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A plan that is only shown, with what a run would put right first, and what was not seen."""

    plan: BackupPlan
    recovery: RecoveryPlan
    failures: tuple[Failure, ...]

    @property
    def exit_status(self) -> int:
        """As the run's would be: 3 if some of it can be done, else the reason that all share."""
        failed = [*self.failures, *(each.failure for each in self.plan.refused)]
        if not failed:
            return 0
        statuses = {failure.exit_status for failure in failed}
        if self.plan.vms or len(statuses) > 1:
            return PARTIAL
        return statuses.pop()

    def show(self, session: Session, *, detailed: bool) -> int:
        """Show it; errors on stderr. With `detailed`, 10 if there is something to do."""
        for failure in self.failures:
            session.complain(failure_lines(failure))
        for refused in self.plan.refused:
            session.complain(failure_lines(refused.failure, of=refused.source.name))
        pending = detailed and bool(self.plan.vms or not self.recovery.nothing_to_do)
        exit_code = self.exit_status or (CHANGES_PENDING if pending else 0)
        page = plan_page(self.plan, self.recovery, self.failures, exit_code=exit_code)
        return session.show(page)


def show_plan(session: Session, path: Path, *, out: Path | None, detailed: bool) -> int:
    """Show what a backup would do now, and save it where asked."""
    policy = read_policy(session, path)
    found = preview(session, policy, plan_backup)
    if out is not None:
        save_plan(found.plan, out)
    return found.show(session, detailed=detailed)


def preview(session: Session, policy: Policy, make_plan: MakePlan) -> Preview:
    """Look, and plan; nothing else. Raises NothingMatched, PlanDrifted, or what the look raises."""
    sight = sight_of(session, policy)

    async def read(ports: Ports) -> Look:
        return await Eyes(scope=sight.scope, ports=ports).look_wide()

    seen = look(session, sight.cloud, read)
    now = seen.estate.observed_at
    plan = plan_from(seen, lambda estate: make_plan(policy, estate, now=now))
    return Preview(
        plan=plan,
        recovery=plan_recovery(policy, seen.estate, now=now),
        failures=(*(failure_of(each.error) for each in seen.unseen), *plan.failures),
    )
