"""`diskguard coverage [POLICY...]`: options only."""

from pathlib import Path

import click

from diskguard.cli.command import Command
from diskguard.cli.session import Session


@click.command(
    "coverage",
    cls=Command,
    schema="coverage",
    examples=(
        "diskguard coverage policies/",
        "diskguard coverage erp.yaml crm.yaml --subscription 11111111-2222-3333-4444-555555555555 "
        "--fail-uncovered",
    ),
    exits=(3, 4, 5, 7, 8, 9),
)
@click.argument("policies", metavar="[POLICY]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--subscription",
    "subscriptions",
    envvar="DISKGUARD_COVERAGE_SUBSCRIPTION",
    multiple=True,
    metavar="ID",
    help="Look into this subscription too, whether or not a policy names it (repeatable).",
)
@click.option(
    "--fail-uncovered",
    is_flag=True,
    help="Exit with 9 if something is in no policy and not in Azure Backup.",
)
@click.pass_obj
def coverage_command(
    session: Session,
    policies: tuple[Path, ...],
    subscriptions: tuple[str, ...],
    fail_uncovered: bool,
) -> int:
    """Say which VMs and disks no policy protects, and whose data is nowhere else; only reads.

    Also what Azure Backup protects already, and what two policies take. POLICY is a file, or a folder
    (every policy below it); without POLICY the one that a backup would take.
    """
    from diskguard.cli.steps.coverage import show_coverage

    return show_coverage(
        session, policies, subscriptions=subscriptions, fail_uncovered=fail_uncovered
    )
