"""`diskguard plan`: options only."""

from pathlib import Path

import click

from diskguard.cli.command import Command
from diskguard.cli.options import with_policy
from diskguard.cli.session import Session


@with_policy
@click.command(
    "plan",
    cls=Command,
    schema="backup-plan",
    examples=(
        "diskguard plan policy.yaml",
        "diskguard plan policy.yaml --out monday.plan && diskguard backup policy.yaml --plan monday.plan",
    ),
    exits=(3, 4, 5, 7, 8, 10),
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the plan, for `backup --plan FILE`.",
)
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 10 if there is something to back up."
)
@click.option("--due-only", is_flag=True, help="Only what a schedule makes due now.")
@click.pass_obj
def plan_command(
    session: Session,
    policy_argument: Path | None,
    policy_option: Path | None,
    out: Path | None,
    detailed_exitcode: bool,
    due_only: bool,
) -> int:
    """Show what a backup would do now, and why; only reads.

    A saved plan is executed as it is, or refused if the estate has changed.
    """
    from diskguard.cli.steps.plan import show_plan
    from diskguard.cli.steps.policies import find_policy

    path = find_policy(session, policy_argument, policy_option)
    return show_plan(session, path, out=out, detailed=detailed_exitcode, due_only=due_only)
