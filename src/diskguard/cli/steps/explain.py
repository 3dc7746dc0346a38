"""Why VMs and disks are in or out, looked up and shown."""

from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from diskguard.cli.render.explanation import explanation_page
from diskguard.cli.render.trouble import failure_lines
from diskguard.cli.session import Session
from diskguard.cli.steps.errand import Eyes
from diskguard.cli.steps.policies import read_policy
from diskguard.cli.steps.sight import sight_of
from diskguard.cli.steps.work import look
from diskguard.errors import NothingMatched
from diskguard.plan.explain import Explained, Explanation, explain
from diskguard.plan.selection_near import explain_shortages
from diskguard.ports import Ports
from diskguard.run.failure import failure_of
from diskguard.run.observe import Look

PARTIAL: Final = 3


def show_explanation(session: Session, path: Path, names: tuple[str, ...]) -> int:
    """Explain everything, or what is named; 3 where a subscription could not be read.

    5 where a rule takes fewer than it expects. Raises NothingMatched for a name that is not there.
    """
    policy = read_policy(session, path)
    sight = sight_of(session, policy)

    async def read(ports: Ports) -> Look:
        return await Eyes(scope=sight.scope, ports=ports).look_wide()

    seen = look(session, sight.cloud, read)
    for each in seen.unseen:
        session.complain(failure_lines(failure_of(each.error), of=each.subscription))
    explained = explain(policy, seen.estate, now=seen.estate.observed_at)
    wanted = _narrowed(explained, names) if names else explained
    exit_code = _tell_shortages(session, explained)
    page = explanation_page(policy, wanted, at_length=bool(names))
    return session.show(replace(page, exit_code=PARTIAL if seen.unseen else exit_code))


def _tell_shortages(session: Session, explained: Explained) -> int:
    if not explained.selection.shortages:
        return 0
    message, hint = explain_shortages(explained.selection.shortages)
    session.complain(failure_lines(failure_of(NothingMatched(message, hint=hint))))
    return NothingMatched.exit_status


def _narrowed(explained: Explained, names: tuple[str, ...]) -> Explained:
    items = [item for name in names for item in _named(explained, name)]
    return replace(explained, items=tuple(dict.fromkeys(items)))


def _named(explained: Explained, name: str) -> list[Explanation]:
    wanted = name.lower().rstrip("/")
    found = [each for each in explained.items if wanted in (each.source.key, _name(each))]
    if found:
        return found
    near = get_close_matches(wanted, [_name(each) for each in explained.items], 1)
    hint = f"Is it {near[0]}?" if near else "`diskguard explain` without --vm shows all there are."
    raise NothingMatched(f"no VM and no loose disk is named {name}", hint=hint)


def _name(item: Explanation) -> str:
    return item.source.name.lower()
