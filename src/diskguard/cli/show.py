"""`diskguard show POINT`: options only."""

from pathlib import Path

import click

from diskguard.cli.command import Command
from diskguard.cli.options import with_places, with_policy_option
from diskguard.cli.session import Session


@with_places
@with_policy_option
@click.command(
    "show",
    cls=Command,
    schema="restore-points",
    examples=(
        "diskguard show db01-3f9a2c-20261122T120000Z --policy policy.yaml",
        "diskguard show db01-3f9a2c-20261122T120000Z "
        "--subscription 11111111-2222-3333-4444-555555555555",
    ),
    exits=(3, 4, 5, 7, 8),
)
@click.argument("point")
@click.pass_obj
def show_command(
    session: Session,
    point: str,
    policy_option: Path | None,
    subscriptions: tuple[str, ...],
    groups: tuple[str, ...],
) -> int:
    """Show one restore point: its disks, its copies, its proof of consistency."""
    from diskguard.cli.steps.points import show_point
    from diskguard.cli.steps.sight import ByHand

    by_hand = ByHand(policy=policy_option, subscriptions=subscriptions, groups=groups)
    return show_point(session, by_hand, point)
