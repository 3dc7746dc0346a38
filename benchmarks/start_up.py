"""How long the quick commands take as whole processes, in real time."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.table import Table

ROOT = Path(__file__).parents[1]
COMMANDS = (
    ("--help",),
    ("validate", "examples/production.yaml"),
    ("simulate", "examples/production.yaml"),
)
TIMES = 15
AIM = 0.25


def measure(*, quick: bool) -> Table:
    """Start each command often enough to tell the machine's moods from the command's own time."""
    times = 2 if quick else TIMES
    found = {command: [_run(command) for _ in range(times)] for command in COMMANDS}
    medians = {
        command: statistics.median(wall for wall, _ in runs) for command, runs in found.items()
    }
    return Table(
        title=f"Start-up, {times} times each",
        headings=("command", "median", "best", "worst", "CPU time, median"),
        rows=tuple(
            (
                f"diskguard {' '.join(command)}",
                f"{medians[command]:.3f} s",
                f"{min(wall for wall, _ in runs):.3f} s",
                f"{max(wall for wall, _ in runs):.3f} s",
                f"{statistics.median(cpu for _, cpu in runs):.3f} s",
            )
            for command, runs in found.items()
        ),
        aim=f"a median of at most {AIM} s",
        met=None if quick else max(medians.values()) <= AIM,
    )


def _run(command: tuple[str, ...]) -> tuple[float, float]:
    """Give wall and CPU seconds of one process."""
    program = str(Path(sys.executable).with_name("diskguard"))
    before, started = os.times(), time.perf_counter()
    subprocess.run([program, *command], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - started, os.times()
    cpu = after.children_user - before.children_user
    return wall, cpu + after.children_system - before.children_system
