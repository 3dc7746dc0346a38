"""`status --check`: the one command that never ends but with a line for Nagios."""

from dataclasses import replace
from pathlib import Path

from diskguard.cli.render.nagios import UNKNOWN, judge, nagios_line
from diskguard.cli.render.page import Lines, Page
from diskguard.cli.render.trouble import show_bug
from diskguard.cli.session import Session
from diskguard.cli.steps.policies import find_policy
from diskguard.cli.steps.survey import survey
from diskguard.errors import DiskguardError
from diskguard.policy.load import examine_file


def check(session: Session, named: tuple[Path | None, Path | None], *, warn_at: int | None) -> int:
    """Say in one line, whatever -o says, how the policy stands; give 0, 1, 2 or 3, come what may."""
    session.view = replace(session.view, output="table")
    try:
        line, status = _checked(session, find_policy(session, *named), warn_at)
    except DiskguardError as error:
        line, status = nagios_line(UNKNOWN, f"{error.code}: {error}"), UNKNOWN
    except Exception as bug:  # noqa: BLE001 - a monitor must never take a bug for a verdict
        show_bug(bug)
        line, status = nagios_line(UNKNOWN, "a bug in diskguard, see stderr"), UNKNOWN
    return session.show(
        Page(schema="status", items=(), blocks=(Lines(lines=(line,)),), exit_code=status)
    )


def _checked(session: Session, path: Path, warn_at: int | None) -> tuple[str, int]:
    """The line and the status. Raises whatever keeps us from knowing."""
    policy = examine_file(path).accepted()
    found = survey(session, policy)
    unseen = tuple(
        f"subscription {each.subscription} could not be read: {each.error}"
        for each in found.seen.unseen
    )
    verdict = judge(found.status, unseen=unseen, warn_at=warn_at)
    return verdict.line(policy.name), verdict.status
