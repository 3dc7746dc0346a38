"""`diskguard list`: options only."""

from pathlib import Path
from typing import Any

import click

from diskguard.cli.command import Command
from diskguard.cli.options import with_places, with_policy
from diskguard.cli.session import Session

STATES = ("pending", "copying", "complete", "incomplete", "missing", "failed")


@with_places
@with_policy
@click.command(
    "list",
    cls=Command,
    schema="restore-points",
    examples=(
        "diskguard list --vm db01 --state complete --since 7d",
        "diskguard list --subscription 11111111-2222-3333-4444-555555555555 -o json",
    ),
    exits=(3, 4, 5, 7, 8),
)
@click.option(
    "--vm",
    "vms",
    envvar="DISKGUARD_LIST_VM",
    multiple=True,
    metavar="NAME",
    help="Only this VM (repeatable).",
)
@click.option(
    "--location", type=click.Choice(("primary", "dr")), help="Only points that lie there."
)
@click.option(
    "--state",
    "states",
    envvar="DISKGUARD_LIST_STATE",
    multiple=True,
    type=click.Choice(STATES),
    help="Only points in this state, in --location where one is given (repeatable).",
)
@click.option("--since", metavar="TIME", help="Taken at or after: 2026-11-22T12:00Z, or 7d ago.")
@click.option("--until", metavar="TIME", help="Taken at or before that.")
@click.pass_obj
def list_command(
    session: Session,
    /,
    policy_argument: Path | None,
    policy_option: Path | None,
    subscriptions: tuple[str, ...],
    groups: tuple[str, ...],
    **filters: Any,
) -> int:
    """List restore points, newest first, with what may be done with each."""
    from diskguard.cli.steps.points import Wanted, list_points
    from diskguard.cli.steps.sight import ByHand

    by_hand = ByHand(
        argument=policy_argument, policy=policy_option, subscriptions=subscriptions, groups=groups
    )
    return list_points(session, by_hand, Wanted(**filters))
