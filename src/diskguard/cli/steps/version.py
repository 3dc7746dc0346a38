"""Which diskguard this is, and on what it runs."""

import platform

from diskguard import __version__
from diskguard.cli.render.page import Lines, Page, Table


def version_page() -> Page:
    """Give the versions that a report of a bug needs."""
    python, system = platform.python_version(), platform.platform()
    return Page(
        schema="version",
        items=({"version": __version__, "python": python, "platform": system},),
        blocks=(Lines(lines=(f"diskguard {__version__}, Python {python}, {system}",)),),
        table=Table(
            headings=("version", "python", "platform"), rows=((__version__, python, system),)
        ),
    )
