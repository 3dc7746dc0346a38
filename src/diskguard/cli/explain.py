"""`diskguard explain`: options only."""

from pathlib import Path

import click

from diskguard.cli.command import Command
from diskguard.cli.options import with_policy
from diskguard.cli.session import Session


@with_policy
@click.command(
    "explain",
    cls=Command,
    schema="explanation",
    examples=("diskguard explain policy.yaml", "diskguard explain policy.yaml --vm db01"),
    exits=(3, 4, 5, 7, 8),
)
@click.option(
    "--vm",
    "names",
    envvar="DISKGUARD_EXPLAIN_VM",
    multiple=True,
    metavar="NAME",
    help="Only this VM or loose disk, by name or id, at length (repeatable).",
)
@click.pass_obj
def explain_command(
    session: Session,
    policy_argument: Path | None,
    policy_option: Path | None,
    names: tuple[str, ...],
) -> int:
    """Say of every VM and loose disk which rule takes it and why, or why none does; only reads.

    With near misses, disks in and out, what the next freeze learned, and every setting with who
    said so. Exits with 5 where a rule takes fewer than it expects.
    """
    from diskguard.cli.steps.explain import show_explanation
    from diskguard.cli.steps.policies import find_policy

    return show_explanation(session, find_policy(session, policy_argument, policy_option), names)
