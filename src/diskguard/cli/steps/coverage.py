"""Who is protected and who is not, looked up and shown."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from diskguard.cli.render.coverage import coverage_page
from diskguard.cli.render.trouble import failure_lines, problem_lines
from diskguard.cli.session import Session
from diskguard.cli.steps.policies import find_policy
from diskguard.cli.steps.policy_files import Examined, examine_all
from diskguard.cli.steps.work import look
from diskguard.errors import NothingMatched, PolicyInvalid, UsageInvalid
from diskguard.model.azure_backup import BackupGap, BackupLook, VaultKind
from diskguard.model.report import Failure
from diskguard.plan.coverage import survey_coverage
from diskguard.plan.points import places_of
from diskguard.policy.model import Policy
from diskguard.ports import Ports
from diskguard.run.failure import failure_of
from diskguard.run.observe import Look, Scope, observe_estate
from diskguard.run.observe_backups import observe_backups

PARTIAL: Final = 3
CHECK_FAILED: Final = 9
MOST_NAMED: Final = 5


def show_coverage(
    session: Session,
    named: tuple[Path, ...],
    *,
    subscriptions: tuple[str, ...],
    fail_uncovered: bool,
) -> int:
    """Show who looks after what: 3 where a subscription could not be read.

    9, where asked for, if something is in nobody's backup. Raises PolicyInvalid, UsageInvalid.
    """
    policies = _read_policies(session, named)
    scope = _scope(policies, subscriptions)
    seen, backups = _look_up(session, _cloud(session, policies), scope)
    for each in seen.unseen:
        session.complain(failure_lines(failure_of(each.error), of=each.subscription))
    coverage = survey_coverage(policies, seen.estate, backups)
    exit_code = PARTIAL if seen.unseen else 0
    lacking = [item.source.name for item in coverage.items if item.lacking]
    if fail_uncovered and lacking:
        exit_code = CHECK_FAILED
        session.complain(failure_lines(_uncovered(lacking)))
    page = coverage_page(coverage, backups, policies=policies, subscriptions=scope.subscriptions)
    return session.show(replace(page, exit_code=exit_code))


def _uncovered(names: list[str]) -> Failure:
    more = len(names) - MOST_NAMED
    listed = ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return Failure(
        code="uncovered",
        message=f"in no policy and not in Azure Backup, or not whole: {listed}",
        exit_status=CHECK_FAILED,
    )


def _look_up(session: Session, cloud: str, scope: Scope) -> tuple[Look, BackupLook]:
    async def read(ports: Ports) -> tuple[Look, BackupLook]:
        seen = await observe_estate(scope, ports.inventory, now=ports.clock.now())
        lost = {each.subscription for each in seen.unseen}
        visible = [each for each in scope.subscriptions if each not in lost]
        backups = await observe_backups(visible, ports.inventory)
        return seen, replace(backups, gaps=(*backups.gaps, *_not_looked_at(seen)))

    return look(session, cloud, read)


def _not_looked_at(seen: Look) -> Iterator[BackupGap]:
    """Of a subscription that could not be seen nothing is known, its vaults neither."""
    for each in seen.unseen:
        for kind in VaultKind:
            yield BackupGap(subscription=each.subscription, kind=kind, reason=str(each.error))


def _read_policies(session: Session, named: tuple[Path, ...]) -> tuple[Policy, ...]:
    missing = [path for path in named if not path.exists()]
    if missing:
        raise UsageInvalid(f"there is no policy file {missing[0]}")
    files = named or (find_policy(session, None, None),)
    found = [
        each for each in examine_all(files, stdin_filename="<stdin>") if isinstance(each, Examined)
    ]
    if not found:
        folders = ", ".join(map(str, files))
        raise NothingMatched(f"there is no policy below {folders}")
    errors = [
        problem
        for each in found
        for problem in each.examination.problems
        if problem.severity == "error"
    ]
    if errors:
        raise PolicyInvalid(tuple(errors))
    for each in found:
        for line in problem_lines(each.examination.warnings):
            session.say(line)
    return tuple(each.examination.accepted() for each in found)


def _scope(policies: Sequence[Policy], more: tuple[str, ...]) -> Scope:
    """Every subscription once, however it is spelled, and every group that keeps points."""
    named = [each for policy in policies for each in policy.azure.subscriptions]
    subscriptions = {each.lower(): each for each in (*more, *named)}
    places = [places_of(policy) for policy in policies]
    groups = [group for place in places for group in (place.primary, place.dr) if group]
    return Scope(
        subscriptions=tuple(subscriptions.values()),
        groups=tuple({group.lower(): group for group in groups}.values()),
    )


def _cloud(session: Session, policies: Sequence[Policy]) -> str:
    if session.view.cloud:
        return session.view.cloud
    clouds = sorted({policy.azure.cloud for policy in policies})
    if len(clouds) > 1:
        raise UsageInvalid(f"these policies are for different clouds: {', '.join(clouds)}")
    return clouds[0]
