"""`diskguard metrics`: options only."""

from pathlib import Path

import click

from diskguard.cli.command import Command
from diskguard.cli.options import with_policy
from diskguard.cli.session import Session


@with_policy
@click.command(
    "metrics",
    cls=Command,
    schema="metrics",
    formats=("text", "json"),
    examples=(
        "diskguard metrics policy.yaml",
        "diskguard metrics policy.yaml -q --textfile /var/lib/node_exporter/diskguard.prom",
    ),
    exits=(3, 4, 7, 8),
)
@click.option(
    "--textfile",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write them here, all at once, for node_exporter's textfile collector.",
)
@click.pass_obj
def metrics_command(
    session: Session,
    policy_argument: Path | None,
    policy_option: Path | None,
    textfile: Path | None,
) -> int:
    """Show how a policy stands as Prometheus text: ages, RPOs, points, quota; only reads.

    Where nothing could be read, FILE stays as it was: alert on diskguard_generated_timestamp_seconds.
    """
    from diskguard.cli.steps.metrics import show_metrics
    from diskguard.cli.steps.policies import find_policy

    path = find_policy(session, policy_argument, policy_option)
    return show_metrics(session, path, textfile=textfile)
