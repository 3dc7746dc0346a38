"""What a backup would do, looked up and shown; nothing is changed."""

from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from diskguard.cli.render.plans import Preview, plan_page
from diskguard.cli.render.trouble import failure_lines
from diskguard.cli.session import Session
from diskguard.cli.steps.errand import Eyes
from diskguard.cli.steps.policies import read_policy
from diskguard.cli.steps.saved import save_plan
from diskguard.cli.steps.sight import sight_of
from diskguard.cli.steps.work import look
from diskguard.model.estate import Estate
from diskguard.plan.backup import BackupPlan, plan_backup
from diskguard.plan.copies import plan_copies
from diskguard.plan.recovery import plan_recovery
from diskguard.policy.model import Policy
from diskguard.ports import Ports
from diskguard.run.failure import failure_of
from diskguard.run.line import plan_from
from diskguard.run.observe import Look

CHANGES_PENDING: Final = 10


class MakePlan(Protocol):
    """How to plan from what was seen."""

    def __call__(self, policy: Policy, estate: Estate, *, now: datetime) -> BackupPlan:
        """Give the plan."""


def show_plan(session: Session, path: Path, *, out: Path | None, detailed: bool) -> int:
    """Show what a backup would do now, and save it where asked."""
    policy = read_policy(session, path)
    found = preview(session, policy, plan_backup, copying=True)
    if out is not None:
        save_plan(found.plan, out)
    return show_preview(session, found, detailed=detailed)


def show_preview(session: Session, found: Preview, *, detailed: bool) -> int:
    """Show it; errors on stderr. With `detailed`, 10 if there is something to do."""
    for failure in found.failures:
        session.complain(failure_lines(failure))
    for refused in found.plan.refused:
        session.complain(failure_lines(refused.failure, of=refused.source.name))
    pending = CHANGES_PENDING if detailed and found.pending else 0
    return session.show(plan_page(found, exit_code=found.exit_status or pending))


def preview(session: Session, policy: Policy, make_plan: MakePlan, *, copying: bool) -> Preview:
    """Look, and plan; nothing else. Raises NothingMatched, PlanDrifted, or what the look raises."""
    sight = sight_of(session, policy)

    async def read(ports: Ports) -> Look:
        return await Eyes(scope=sight.scope, ports=ports).look_wide()

    seen = look(session, sight.cloud, read)
    now = seen.estate.observed_at
    plan = plan_from(seen, lambda estate: make_plan(policy, estate, now=now))
    copies = plan_copies(policy, seen.estate, now=now) if copying else None
    failures = [failure_of(each.error) for each in seen.unseen]
    failures += [*plan.failures, *(copies.failures if copies is not None else ())]
    return Preview(
        plan=plan,
        recovery=plan_recovery(policy, seen.estate, now=now),
        copies=copies,
        failures=tuple(dict.fromkeys(failures)),
    )
