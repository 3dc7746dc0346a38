"""`status --html`: the page, made and put where it is looked at."""

from pathlib import Path

from diskguard import __version__
from diskguard.cli.render.html_page import MOST_DRAWN, About, status_html
from diskguard.cli.steps.survey import Survey
from diskguard.cli.steps.whole_file import write_at_once
from diskguard.plan.timeline import draw_timeline
from diskguard.run.failure import failure_of


def write_status_html(found: Survey, path: Path) -> None:
    """Write the page, whole or not at all. Raises OutputLost; the old page is untouched then."""
    timeline = draw_timeline(found.policy, found.status, found.assembly, most=MOST_DRAWN)
    about = About(
        policy=found.policy.name,
        version=__version__,
        generated_at=found.status.at,
        unseen=tuple(
            f"subscription {each.subscription}: {failure_of(each.error).message}"
            for each in found.seen.unseen
        ),
    )
    write_at_once(status_html(timeline, about), path)
