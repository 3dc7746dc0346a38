"""`diskguard simulate`: options only."""

from pathlib import Path

import click

from diskguard.cli.command import Command
from diskguard.cli.options import with_policy
from diskguard.cli.session import Session


@with_policy
@click.command(
    "simulate",
    cls=Command,
    schema="simulation",
    examples=(
        "diskguard simulate policy.yaml",
        "diskguard simulate policy.yaml --from 2026-11-22 --to 2029-11-22 --vm db01 -o json",
    ),
    exits=(4, 5),
)
@click.option(
    "--from",
    "start",
    envvar="DISKGUARD_SIMULATE_FROM",
    metavar="TIME",
    help="Default: today, 0:00.",
)
@click.option(
    "--to",
    "end",
    envvar="DISKGUARD_SIMULATE_TO",
    metavar="TIME",
    default="365d",
    show_default=True,
    help="Until before this instant, or for so long: 2027-11-22, 90d. At most 25 years.",
)
@click.option(
    "--vm", envvar="DISKGUARD_SIMULATE_VM", metavar="NAME", help="Only rules that could take it."
)
@click.pass_obj
def simulate_command(
    session: Session,
    policy_argument: Path | None,
    policy_option: Path | None,
    start: str | None,
    end: str,
    vm: str | None,
) -> int:
    """Reckon what schedules and retention make of the coming time; offline.

    Day by day and per location: points kept, the peak per disk against the 500 that Azure allows,
    and at the end every point with the keep rules it serves. `prune` is taken to run once a day.
    """
    from diskguard.cli.steps.policies import find_policy
    from diskguard.cli.steps.simulate import Span, simulate_policy

    path = find_policy(session, policy_argument, policy_option)
    return simulate_policy(
        session, path, Span.parse(start, end, now=session.around.clock.now()), vm
    )
