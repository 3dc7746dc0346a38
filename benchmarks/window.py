"""How long a VM stands still, against the slowest snapshot of the same set."""

from datetime import timedelta

from tests.support.estates import a_vm, an_estate
from tests.support.runs import Stage, a_stage

from benchmarks.table import Table
from benchmarks.virtual import (
    POLICY_WITHOUT_COPIES,
    live_through,
    measure_backup,
    until_the_next_day,
)
from diskguard.model.restore_point import Grade

DISKS = (1, 4, 16, 64)
BACKUPS = 3
AIM = timedelta(seconds=6)


def measure(*, quick: bool) -> Table:
    """Back up one VM a few times, for each number of disks."""
    sizes = DISKS[:2] if quick else DISKS
    rows = [row for disks in sizes for row in live_through(_backups(disks))]
    windows = [window for disks, number, window, _ in rows if number > 1]
    return Table(
        title="Frozen window",
        headings=("disks", "backup", "frozen for", "slowest snapshot"),
        rows=tuple(
            (str(disks), str(number), _seconds(window), _seconds(slowest))
            for disks, number, window, slowest in rows
        ),
        aim=f"from the second backup on at most {_seconds(AIM)}, also with 64 disks",
        met=None if quick else max(windows) <= AIM,
    )


async def _backups(disks: int) -> list[tuple[int, int, timedelta, timedelta]]:
    """Give disks, number of the backup, window, slowest snapshot's operation."""
    vm = a_vm("db01", disks - 1, guest="virtual")
    async with a_stage(an_estate(vm), POLICY_WITHOUT_COPIES) as stage:
        rows = []
        for number in range(1, BACKUPS + 1):
            rows.append((disks, number, await _window(stage), await _slowest(stage)))
            await until_the_next_day()
        return rows


async def _window(stage: Stage) -> timedelta:
    (outcome,) = (await measure_backup(stage)).report.vms
    proof = outcome.consistency
    if proof is None or proof.achieved is not Grade.FILESYSTEM or proof.window is None:
        raise RuntimeError(f"no frozen point to measure: {outcome}")
    return proof.window


async def _slowest(stage: Stage) -> timedelta:
    newest = (await stage.points())[0]
    took = None if newest.seal is None else newest.seal.learned.completion
    if took is None:
        raise RuntimeError(f"{newest.id} does not say how long its snapshots took")
    return took


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.2f} s"
