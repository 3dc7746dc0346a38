"""`diskguard hold add|remove|list`: options only."""

from pathlib import Path
from typing import Any

import click

from diskguard.cli.command import Command
from diskguard.cli.options import with_places, with_policy_option
from diskguard.cli.session import Session


@with_places
@with_policy_option
@click.command(
    "hold",
    cls=Command,
    examples=(
        "diskguard hold add db01-3f9a2c-20261122T120000Z --reason 'case 4711' --policy policy.yaml",
        "diskguard hold list --subscription 11111111-2222-3333-4444-555555555555",
    ),
    exits=(3, 4, 5, 7, 8),
)
@click.argument("action", type=click.Choice(("add", "remove", "list")))
@click.argument("point", required=False)
@click.option("--reason", default="", metavar="TEXT", help="Why; written with the hold.")
@click.pass_obj
def hold_command(
    session: Session,
    /,
    policy_option: Path | None,
    subscriptions: tuple[str, ...],
    groups: tuple[str, ...],
    **said: Any,
) -> int:
    """Keep a restore point whatever any rule says (a legal hold), or end that, or list what is held.

    The hold is a tag on every snapshot of the point, in both locations; one of them is enough.
    """
    from diskguard.cli.steps.hold import Wish, change_hold, list_held
    from diskguard.cli.steps.sight import ByHand

    by_hand = ByHand(policy=policy_option, subscriptions=subscriptions, groups=groups)
    wish = Wish(**said).checked()
    return (
        list_held(session, by_hand)
        if wish.action == "list"
        else change_hold(session, by_hand, wish)
    )
