"""How a policy stands, shown."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from diskguard.cli.render.status import status_page
from diskguard.cli.render.trouble import error_lines
from diskguard.cli.session import Session
from diskguard.cli.steps.check import check
from diskguard.cli.steps.lost_region import show_loss
from diskguard.cli.steps.policies import find_policy, read_policy
from diskguard.cli.steps.status_html import write_status_html
from diskguard.cli.steps.survey import Survey, complain_of_unseen, shortage_of, survey
from diskguard.errors import NothingMatched, UsageInvalid

PARTIAL: Final = 3
LATE: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What of the status is wanted, and how."""

    check: bool = False
    warn_at: int | None = None
    region_lost: str | None = None
    html: Path | None = None


def show_status(session: Session, named: tuple[Path | None, Path | None], wish: Wish) -> int:
    """Show it as wished; `named` are the two ways a policy can be. Raises UsageInvalid."""
    if wish.region_lost is not None and wish.check:
        raise UsageInvalid("--check and --region-lost exclude each other")
    if wish.html is not None and (wish.check or wish.region_lost is not None):
        raise UsageInvalid("--html goes with neither --check nor --region-lost")
    if wish.check:
        return check(session, named, warn_at=wish.warn_at)
    if wish.warn_at is not None:
        raise UsageInvalid("--warn-at needs --check")
    policy = read_policy(session, find_policy(session, *named))
    if wish.region_lost is not None:
        return show_loss(session, policy, wish.region_lost)
    found = survey(session, policy)
    return show_survey(session, found, html=wish.html)


def show_survey(session: Session, found: Survey, *, html: Path | None) -> int:
    """Show it, and write the page; 3 where not all could be read, 5 where a rule takes too little, 9 for what is late."""
    complain_of_unseen(session, found.seen.unseen)
    for shortage in shortage_of(found):
        session.complain(error_lines(shortage))
    if html is not None:
        write_status_html(found, html)
        session.say(f"the page is in {html}")
    page = replace(status_page(found.status), exit_code=exit_status_of(found))
    return session.show(page, silent_on_success=html is not None)


def exit_status_of(found: Survey) -> int:
    """How `status` ends: what could not be seen comes first, for the rest may follow from it."""
    if found.seen.unseen:
        return PARTIAL
    if found.status.shortages:
        return NothingMatched.exit_status
    return LATE if found.status.late else 0
