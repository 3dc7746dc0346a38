"""`diskguard backup`: options only."""

from pathlib import Path
from typing import Any

import click

from diskguard.cli.command import Command
from diskguard.cli.options import with_policy
from diskguard.cli.session import Session


@with_policy
@click.command(
    "backup",
    cls=Command,
    examples=(
        "diskguard backup policy.yaml",
        "diskguard backup policy.yaml --vm db01 --no-copy",
        "diskguard backup --due-only -q --log-file /var/log/diskguard.log",
    ),
    exits=(3, 4, 5, 6, 7, 8, 11, 12),
)
@click.option(
    "--plan",
    "saved",
    envvar="DISKGUARD_BACKUP_PLAN",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Execute this plan of `plan --out`, or refuse if the estate has changed.",
)
@click.option(
    "--vm",
    "vms",
    envvar="DISKGUARD_BACKUP_VM",
    multiple=True,
    metavar="NAME",
    help="Only this VM (repeatable).",
)
@click.option(
    "--max-vms",
    type=click.IntRange(min=1),
    metavar="N",
    help="Refuse to back up more than so many.",
)
@click.option(
    "--due-only",
    is_flag=True,
    help="Only what a schedule makes due (for cron, every 5 to 15 minutes).",
)
@click.option(
    "--jitter",
    metavar="DURATION",
    help="Begin after a random part of this, so that many machines do not begin at once.",
)
@click.option("--no-copy", is_flag=True, help="Make no copies; `diskguard copy` can, later.")
@click.option("--no-wait", is_flag=True, help="Start copies and do not wait for them.")
@click.option(
    "--prune",
    is_flag=True,
    help="Afterwards prune, if the run was complete; see `diskguard prune`.",
)
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@click.pass_obj
def backup_command(
    session: Session,
    /,
    policy_argument: Path | None,
    policy_option: Path | None,
    dry_run: bool,
    **choices: Any,
) -> int:
    """Make a restore point of every VM the policy protects, and copy it to the other region.

    Per VM: freeze, flush, snapshot all disks at once, thaw, prove, seal. What fails stays with its
    VM. What a run that died left behind is put right first.

    With --due-only a slot's points are named by the slot, so two runs for one slot meet; of missed
    slots the newest is caught up. Where nothing is due nothing is done, and the exit code is 0.
    """
    from diskguard.cli.steps.backup import Choices, back_up, show_dry_run
    from diskguard.cli.steps.policies import find_policy

    path = find_policy(session, policy_argument, policy_option)
    chosen = Choices(**choices)
    return show_dry_run(session, path, chosen) if dry_run else back_up(session, path, chosen)
