"""`diskguard status`: options only."""

from pathlib import Path
from typing import Any

import click

from diskguard.cli.command import Command
from diskguard.cli.options import with_policy
from diskguard.cli.session import Session


@with_policy
@click.command(
    "status",
    cls=Command,
    schema="status",
    examples=(
        "diskguard status policy.yaml",
        "diskguard status policy.yaml --check",
        "diskguard status policy.yaml --region-lost eastus",
        "diskguard status policy.yaml -q --html status.html",
    ),
    exits=(3, 4, 5, 7, 8, 9),
)
@click.option(
    "--check",
    is_flag=True,
    help="One line for Nagios, whatever -o; exit with 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN.",
)
@click.option(
    "--warn-at",
    type=click.IntRange(1, 100),
    metavar="PERCENT",
    help="With --check: WARNING from this share of the RPO on.",
)
@click.option(
    "--region-lost",
    metavar="REGION",
    help="What could be restored, and how old, if that region were gone now.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a page to look at, too: one file that needs no network, replaced at once.",
)
@click.pass_obj
def status_command(
    session: Session,
    /,
    policy_argument: Path | None,
    policy_option: Path | None,
    **wishes: Any,
) -> int:
    """Show how old the newest restorable point is, per VM and location, against its RPO.

    What should exist comes from the policy and its schedules: a VM that was never backed up is
    late. Exits with 9 if anything is; --check has exit codes of its own. Only reads, by lists.
    """
    from diskguard.cli.steps.status import Wish, show_status

    return show_status(session, (policy_argument, policy_option), Wish(**wishes))
