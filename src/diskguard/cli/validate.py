"""`diskguard validate [POLICY...]`: options only."""

from pathlib import Path

import click

from diskguard.cli.command import Command
from diskguard.cli.session import Session


@click.command(
    "validate",
    cls=Command,
    schema="validation",
    examples=("diskguard validate", "diskguard validate policies/*.yaml"),
    exits=(4,),
    formats=("text",),
)
@click.argument(
    "policies", metavar="[POLICY]...", nargs=-1, type=click.Path(dir_okay=False, path_type=Path)
)
@click.option("--strict", is_flag=True, help="Warnings make a policy invalid too.")
@click.pass_obj
def validate_command(session: Session, policies: tuple[Path, ...], strict: bool) -> int:
    """Check policy files, offline; each problem as FILE:LINE:COLUMN: message.

    Without POLICY the one that a backup would take.
    """
    from diskguard.cli.steps.validate import validate

    return validate(session, policies, strict=strict)
