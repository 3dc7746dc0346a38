"""`diskguard validate [POLICY...]`: options only."""

from pathlib import Path

import click

from diskguard.cli.command import Command
from diskguard.cli.options import FORMATS
from diskguard.cli.session import Session

# `text` is what others call `table`; the last three are for CI.
VALIDATION_FORMATS = ("text", *FORMATS, "sarif", "github", "junit")


@click.command(
    "validate",
    cls=Command,
    schema="validation",
    examples=(
        "diskguard validate",
        "diskguard validate policies/ --strict --output github",
        "diskguard validate policy.yaml --show-effective",
        "git show main:policy.yaml | diskguard validate - --stdin-filename policy.yaml",
    ),
    exits=(4, 5),
    formats=VALIDATION_FORMATS,
)
@click.argument("policies", metavar="[POLICY]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Warnings make a policy invalid too.")
@click.option(
    "--show-effective",
    is_flag=True,
    help="Show what applies to each rule, defaults and all, and which line says so.",
)
@click.option(
    "--stdin-filename", metavar="FILE", default="<stdin>", help="What problems of `-` call it."
)
@click.pass_obj
def validate_command(
    session: Session,
    policies: tuple[Path, ...],
    strict: bool,
    show_effective: bool,
    stdin_filename: str,
) -> int:
    """Check policy files, offline; each problem as FILE:LINE:COLUMN: message [id].

    POLICY is a file, a folder (every policy among the *.yaml and *.yml below it), or - for standard
    input. Without POLICY the one that a backup would take.
    """
    from diskguard.cli.steps.validate import Wish, validate

    wish = Wish(
        named=policies, strict=strict, show_effective=show_effective, stdin_filename=stdin_filename
    )
    return validate(session, wish)
