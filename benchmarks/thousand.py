"""A run over 1,000 VMs with 3 disks each, held to what Azure's token buckets allow."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.estates import a_vm, an_estate
from tests.support.runs import Stage, a_stage

from benchmarks.machine import peak_memory
from benchmarks.table import Table
from benchmarks.virtual import (
    POLICY_WITHOUT_COPIES,
    Measured,
    live_through,
    measure_backup,
    until_the_next_day,
)
from diskguard.azure.charges import Call, charges_of
from diskguard.model.ids import Region
from diskguard.model.restore_point import Grade
from diskguard_emulator.log import Entry

if TYPE_CHECKING:
    from diskguard.azure.throttle import Bucket, Limit

ROOT = Path(__file__).parents[1]
VMS, DISKS, BACKUPS = 1000, 3, 2
PARALLEL = 256  # the default of 32 is gentle; a fleet of this size raises `limits.parallel_vms`
SLOWER, MEMORY = 1.2, 300


def measure(*, quick: bool) -> Table:
    """Run it in a child process, so that its memory is its own."""
    vms = 8 if quick else VMS
    command = [sys.executable, "-m", "benchmarks.thousand", str(vms)]
    child = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    runs: list[dict[str, Any]] = json.loads(child.stdout)
    slower = max(run["took"] / run["limit"] for run in runs) if not quick else 0.0
    return Table(
        title=f"{vms} VMs with {DISKS} disks, parallel_vms {PARALLEL}",
        headings=(
            *("backup", "frozen points", "requests", "refused (429)", "took", "buckets' limit"),
            *("times the limit", "peak memory", "real time"),
        ),
        rows=tuple(_row(number, run) for number, run in enumerate(runs, 1)),
        aim=f"at most {SLOWER} times the buckets' own limit, under {MEMORY} MiB",
        met=None if quick else slower <= SLOWER and max(run["memory"] for run in runs) < MEMORY,
    )


def _row(number: int, run: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(number),
        str(run["frozen"]),
        str(run["requests"]),
        str(run["refused"]),
        f"{run['took']:.0f} s",
        f"{run['limit']:.0f} s ({run['bucket']})",
        f"{run['took'] / run['limit']:.2f}" if run["limit"] else "-",
        f"{run['memory']:.0f} MiB",
        f"{run['real']:.0f} s",
    )


# -- in the child --------------------------------------------------------------------------------


async def _backups(vms: int) -> list[dict[str, Any]]:
    machines = [a_vm(f"vm{number:04}", DISKS - 1, guest="virtual") for number in range(vms)]
    async with a_stage(an_estate(*machines), POLICY_WITHOUT_COPIES) as stage:
        runs = []
        for _ in range(BACKUPS):
            runs.append(await _one_backup(stage))
            await until_the_next_day()
        return runs


async def _one_backup(stage: Stage) -> dict[str, Any]:
    """The figures only: sixteen thousand requests in a log are memory that no user has."""
    stage.ear.heard.clear()
    started = time.perf_counter()
    measured = await measure_backup(stage, parallel=PARALLEL)
    figures = _figures(measured, real=time.perf_counter() - started)
    stage.cloud.api.log.clear()
    return figures


def _figures(measured: Measured, *, real: float) -> dict[str, Any]:
    if measured.report.exit_status != 0:
        raise RuntimeError(f"the backup ended with {measured.report.exit_status}")
    bucket, limit = buckets_limit(measured.requests)
    grades = Counter(vm.consistency.achieved for vm in measured.report.vms if vm.consistency)
    return {
        "frozen": grades[Grade.FILESYSTEM],
        "requests": len(measured.requests),
        "refused": sum(entry.status == 429 for entry in measured.requests),
        "took": measured.took.total_seconds(),
        "bucket": bucket,
        "limit": limit,
        "memory": peak_memory(),
        "real": real,
    }


def buckets_limit(requests: Iterable[Entry]) -> tuple[str, float]:
    """The bucket that allows these requests last, and after how many seconds it does.

    Of a bucket, n requests need (n - capacity) / refill seconds at least, if it was full.
    """
    counts: Counter[Bucket] = Counter()
    limits: dict[Bucket, Limit] = {}
    for entry in requests:
        charges = charges_of(entry.method, entry.path, Call(region=Region("eastus")))
        limits.update(charges)
        counts.update(charges.keys())
    waits = {
        bucket: max(0.0, (counts[bucket] - limit.capacity) / limit.refill)
        for bucket, limit in limits.items()
    }
    slowest = max(waits, key=lambda bucket: (waits[bucket], bucket))
    return slowest.name, waits[slowest]


if __name__ == "__main__":
    print(json.dumps(live_through(_backups(int(sys.argv[1])))))
