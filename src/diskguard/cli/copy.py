"""`diskguard copy`: options only."""

from pathlib import Path

import click

from diskguard.cli.command import Command
from diskguard.cli.options import with_policy
from diskguard.cli.session import Session


@with_policy
@click.command(
    "copy",
    cls=Command,
    examples=("diskguard copy policy.yaml", "diskguard copy policy.yaml --no-wait"),
    exits=(3, 4, 5, 6, 7, 8),
)
@click.option("--no-wait", is_flag=True, help="Start copies and do not wait for them.")
@click.pass_obj
def copy_command(
    session: Session, policy_argument: Path | None, policy_option: Path | None, no_wait: bool
) -> int:
    """Start and follow the outstanding copies of sealed restore points, from any machine."""
    from diskguard.cli.steps.copy import copy
    from diskguard.cli.steps.policies import find_policy

    path = find_policy(session, policy_argument, policy_option)
    return copy(session, path, wait=not no_wait)
