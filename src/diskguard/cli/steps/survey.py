"""How a policy stands, looked up: one look by lists, judged once, for status and its kin."""

from collections.abc import Iterator
from dataclasses import dataclass

from diskguard.cli.render.trouble import failure_lines
from diskguard.cli.session import Session
from diskguard.cli.steps.errand import Eyes
from diskguard.cli.steps.sight import sight_of
from diskguard.cli.steps.work import look
from diskguard.errors import NothingMatched
from diskguard.model.report import Traffic
from diskguard.plan.points import Assembly, assemble_for
from diskguard.plan.selection_near import explain_shortages
from diskguard.plan.status import Status, survey_status
from diskguard.policy.model import Policy
from diskguard.ports import Ports
from diskguard.run.failure import failure_of
from diskguard.run.observe import Look, Unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was seen, what it comes to, and what the look cost."""

    policy: Policy
    seen: Look
    assembly: Assembly
    status: Status
    traffic: Traffic


def survey(session: Session, policy: Policy) -> Survey:
    """Look by lists only, and judge. Raises the error itself where no subscription can be seen."""
    sight = sight_of(session, policy)

    async def read(ports: Ports) -> tuple[Look, Traffic]:
        seen = await Eyes(scope=sight.scope, ports=ports).look_at_sources()
        return seen, ports.traffic()

    seen, traffic = look(session, sight.cloud, read)
    now = seen.estate.observed_at
    assembly = assemble_for(policy, seen.estate, now=now)
    status = survey_status(policy, seen.estate, assembly, now=now)
    return Survey(policy=policy, seen=seen, assembly=assembly, status=status, traffic=traffic)


def complain_of_unseen(session: Session, unseen: tuple[Unseen, ...]) -> None:
    """Say which subscriptions could not be read, and why."""
    for each in unseen:
        session.complain(failure_lines(failure_of(each.error), of=each.subscription))


def shortage_of(found: Survey) -> Iterator[NothingMatched]:
    """Give the error of rules that take less than they expect, where all was seen."""
    if found.status.shortages and not found.seen.unseen:
        message, hint = explain_shortages(found.status.shortages)
        yield NothingMatched(message, hint=hint)
