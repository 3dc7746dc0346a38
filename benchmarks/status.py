"""How long judging a large estate takes: CPU time, because nothing waits."""

import gc
import time
from collections.abc import Iterator
from datetime import timedelta

from tests.plan.builders import NOON, a_point, a_policy, a_vm, an_estate, copies_of

from benchmarks.table import Table
from diskguard.model.estate import Snapshot, Vm
from diskguard.plan.points import assemble_for
from diskguard.plan.status import survey_status

VMS, POINTS = 10_000, 4
AIM_RATIO = 2  # linear but for caches and noise; what is quadratic would be at 10
PROMISES = """
objectives: {rpo: {primary: 2h, dr: 6h}}
schedules: [{name: hourly, cron: "15 * * * *"}]
"""


def measure(*, quick: bool) -> Table:
    """Judge many VMs with few points and few VMs with many: as many snapshots, as much time."""
    vms = 40 if quick else VMS
    rows = [_judging(number, points) for number, points in _shapes(vms)]
    spent = [assembling + judging for _, _, assembling, judging in rows]
    return Table(
        title="Status",
        headings=("VMs", "snapshots", "points put together", "judged"),
        rows=tuple(
            (f"{number:,}", f"{snapshots:,}", f"{assembling:.1f} s", f"{judging:.2f} s")
            for number, snapshots, assembling, judging in rows
        ),
        aim=f"ten times the VMs in less than {AIM_RATIO * 10} times the time, whatever their points",
        met=None
        if quick
        else spent[1] <= AIM_RATIO * 10 * spent[0] and spent[2] <= AIM_RATIO * spent[1],
    )


def _shapes(vms: int) -> Iterator[tuple[int, int]]:
    yield vms // 10, POINTS
    yield vms, POINTS
    yield vms // 10, POINTS * 10


def _judging(vms: int, points: int) -> tuple[int, int, float, float]:
    """Give the VMs, their snapshots in both regions, and the CPU seconds of the two steps."""
    policy = a_policy(PROMISES)
    machines = [a_vm(f"vm{number:05}", data_disks=0) for number in range(vms)]
    snapshots = [each for vm in machines for each in _history(vm, points)]
    estate = an_estate(*machines, snapshots=snapshots)
    gc.freeze()  # or the collector's looks through what the builders made are measured too
    started = time.process_time()
    assembly = assemble_for(policy, estate, now=NOON)
    assembled = time.process_time()
    survey_status(policy, estate, assembly, now=NOON)
    return vms, len(snapshots), assembled - started, time.process_time() - assembled


def _history(vm: Vm, points: int) -> Iterator[Snapshot]:
    for number in range(points):
        point = a_point(vm, slot=NOON - timedelta(hours=number))
        yield from point
        yield from copies_of(point)
