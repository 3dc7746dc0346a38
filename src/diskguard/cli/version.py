"""`diskguard version`: options only."""

import click

from diskguard.cli.command import Command
from diskguard.cli.session import Session


@click.command(
    "version",
    cls=Command,
    examples=("diskguard version", "diskguard version -o json"),
    exits=(),
)
@click.pass_obj
def version_command(session: Session) -> int:
    """Print diskguard's version."""
    from diskguard.cli.steps.version import version_page

    return session.show(version_page())
