"""`diskguard thaw VM`: options only."""

from pathlib import Path

import click

from diskguard.cli.command import Command
from diskguard.cli.options import with_places, with_policy_option
from diskguard.cli.session import Session


@with_places
@with_policy_option
@click.command(
    "thaw",
    cls=Command,
    examples=(
        "diskguard thaw db01 --policy policy.yaml",
        "diskguard thaw db01 --subscription 11111111-2222-3333-4444-555555555555",
    ),
    exits=(4, 5, 7, 8),
)
@click.argument("vm")
@click.pass_obj
def thaw_command(
    session: Session,
    vm: str,
    policy_option: Path | None,
    subscriptions: tuple[str, ...],
    groups: tuple[str, ...],
) -> int:
    """Emergency: thaw whatever is frozen in VM (a name, or a resource id).

    Guests thaw by themselves; this is for the day when one did not. A resource id needs neither
    policy nor subscription.
    """
    from diskguard.cli.steps.sight import ByHand
    from diskguard.cli.steps.thaw import thaw

    by_hand = ByHand(policy=policy_option, subscriptions=subscriptions, groups=groups)
    return thaw(session, by_hand, vm)
