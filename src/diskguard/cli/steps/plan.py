"""What a backup would do, looked up and shown; nothing is changed."""

from datetime import datetime
from functools import partial
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
from diskguard.errors import UsageInvalid
from diskguard.model.estate import Estate
from diskguard.plan.backup import BackupPlan, plan_backup
from diskguard.plan.copies import plan_copies
from diskguard.plan.recovery import plan_recovery
from diskguard.policy.effective import effective_settings
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


def show_plan(
    session: Session, path: Path, *, out: Path | None, detailed: bool, due_only: bool
) -> int:
    """Show what a backup would do now, and save it where asked."""
    policy = read_policy(session, path)
    if due_only:
        check_schedules(policy)
    make_plan = partial(plan_backup, due_only=due_only)
    found = preview(session, policy, make_plan, copying=True)
    if out is not None:
        save_plan(found.plan, out)
    return show_preview(session, found, detailed=detailed)


def check_schedules(policy: Policy) -> None:
    """Raise UsageInvalid where no rule has a schedule: nothing would ever be due, and cron silent."""
    if not any(effective_settings(policy, rule).schedules for rule in policy.rules):
        hint = 'As in `schedules: [{name: nightly, every: 24h, at: "01:30"}]`.'
        raise UsageInvalid("--due-only: the policy has no `schedules`", hint=hint)


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
    copying = copying and not plan.nothing_due
    copies = plan_copies(policy, seen.estate, now=now) if copying else None
    recovery = plan_recovery(policy, seen.estate, now=now)
    failures = [failure_of(each.error) for each in seen.unseen]
    failures += [*plan.failures, *(copies.failures if copies is not None else ())]
    return Preview(
        plan=plan,
        recovery=recovery.only_starts() if plan.nothing_due else recovery,
        copies=copies,
        failures=tuple(dict.fromkeys(failures)),
    )
