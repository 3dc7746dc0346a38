"""`diskguard prune`: options only."""

from pathlib import Path
from typing import Any

import click

from diskguard.cli.command import Command
from diskguard.cli.options import with_policy
from diskguard.cli.session import Session


@with_policy
@click.command(
    "prune",
    cls=Command,
    examples=(
        "diskguard prune policy.yaml",
        "diskguard prune policy.yaml --yes",
        "diskguard prune policy.yaml --out monday.prune && "
        "diskguard prune policy.yaml --plan monday.prune",
    ),
    exits=(3, 4, 5, 6, 7, 8, 12),
)
@click.option("--yes", is_flag=True, help="Delete what the verdicts say.")
@click.option(
    "--plan",
    "saved",
    envvar="DISKGUARD_PRUNE_PLAN",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Delete what this plan of --out says and nothing else, or refuse if any of it must stay now.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the plan, for --plan FILE.",
)
@click.option(
    "--max-delete",
    type=click.IntRange(min=0),
    metavar="N",
    help="Delete at most N points, instead of 25 % of a VM's and 10 % of the policy's.",
)
@click.pass_obj
def prune_command(
    session: Session,
    /,
    policy_argument: Path | None,
    policy_option: Path | None,
    **said: Any,
) -> int:
    """Show which restore points go and which stay, each with its reasons; delete only when told to.

    A point is judged in each location by itself. Held, immutable and last points stay, and
    everything that is not ours; nothing at all goes while anything a verdict rests on is in doubt.
    """
    from diskguard.cli.steps.policies import find_policy
    from diskguard.cli.steps.prune import Choices, prune, show_verdicts

    path = find_policy(session, policy_argument, policy_option)
    choices = Choices(**said).checked()
    return (
        prune(session, path, choices) if choices.deletes else show_verdicts(session, path, choices)
    )
