"""How many requests a VM costs, by kind."""

import re
from collections import Counter

from tests.support.estates import a_vm, an_estate
from tests.support.runs import a_stage

from benchmarks.table import Table
from benchmarks.virtual import (
    POLICY_WITHOUT_COPIES,
    live_through,
    measure_backup,
    until_the_next_day,
)
from diskguard_emulator.log import Entry

DISKS = (1, 3, 8, 16, 64)
VMS = 20
KINDS = (
    ("snapshot PUT", "PUT", r"/snapshots/[^/]+$"),
    ("its status", "GET", r"/diskoperations/"),
    ("name free?", "GET", r"/snapshots(/[^/]+)?$"),
    ("Run Command", "POST", r"/runcommand$"),
    ("the script's status", "GET", r"/operations/"),
    ("seal", "PATCH", r"/tags/default$"),
    ("undone", "DELETE", r"/snapshots/"),
    ("the run's look", "GET", r""),
)
HEADINGS = ("disks", "all per VM", "aim", *(name for name, _, _ in KINDS))


def aim(disks: int) -> float:
    """The most requests a VM should cost, without copies."""
    return 2.4 * disks + 12


def measure(*, quick: bool) -> Table:
    """Back up some equal VMs a second time, for each number of disks; shares are per VM."""
    sizes, vms = (DISKS[:2], 2) if quick else (DISKS, VMS)
    counted = {disks: live_through(_count(disks, vms)) for disks in sizes}
    totals = {disks: sum(counts) / vms for disks, counts in counted.items()}
    return Table(
        title=f"Requests per VM, in a run over {vms} VMs, second backup, without copies",
        headings=HEADINGS,
        rows=tuple(
            (
                str(disks),
                f"{totals[disks]:.1f}",
                f"{aim(disks):.1f}",
                *(f"{count / vms:.1f}" for count in counts),
            )
            for disks, counts in counted.items()
        ),
        aim="at most 2.4 D + 12 requests for a VM with D disks",
        met=None if quick else all(total <= aim(disks) for disks, total in totals.items()),
    )


async def _count(disks: int, vms: int) -> list[int]:
    """Count the second backup's requests, one number for each of KINDS."""
    machines = [a_vm(f"vm{number:02}", disks - 1, guest="virtual") for number in range(vms)]
    async with a_stage(an_estate(*machines), POLICY_WITHOUT_COPIES) as stage:
        await measure_backup(stage)
        await until_the_next_day()
        measured = await measure_backup(stage)
    if measured.report.exit_status != 0:
        raise RuntimeError(f"the backup ended with {measured.report.exit_status}")
    counts = Counter(_kind(entry) for entry in measured.requests)
    return [counts[at] for at in range(len(KINDS))]


def _kind(entry: Entry) -> int:
    path = entry.path.lower()
    for at, (_, method, pattern) in enumerate(KINDS):
        if entry.method == method and re.search(pattern, path):
            return at
    raise RuntimeError(f"a request of no known kind: {entry.method} {entry.path}")
