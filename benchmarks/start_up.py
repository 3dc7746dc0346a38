"""How long the quick commands take as whole processes, in real time."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import Table

ROOT = Path(__file__).parents[1]
COMMANDS = (
    ("--help",),
    ("validate", "examples/production.yaml"),
    ("validate", "hundred-rules.yaml"),
    ("schema",),
    ("simulate", "examples/production.yaml", "--to", "1d"),  # years are in `retention`
)
TIMES = 15
AIM = 0.25
HEAD = """version: 1
name: hundred-rules
azure: {subscriptions: ["11111111-1111-4111-8111-111111111111"]}
locations:
  primary: {resource_group: rg-diskguard-eus}
  dr: {region: paired, resource_group: rg-diskguard-wus}
consistency: {linux: fsfreeze, windows: crash, freeze_limit: 10s}
schedules:
  - {name: hourly, cron: "15 * * * *"}
  - {name: nightly, every: 24h, at: "01:30"}
objectives: {rpo: {primary: 3h, dr: 12h}}
retention:
  primary: {hourly: 24, daily: 7}
  dr: {daily: 14, weekly: 8, monthly: 12}
rules:
"""
RULE = """  - name: team-{number}
    select:
      include:
        - tags: {{backup: "gold", team: "{number}"}}
        - {{resource_groups: ["rg-{number}"], names: ["db-{number}-*"]}}
      exclude: [{{names: ["*-scratch"]}}]
    consistency: {{linux: offline, disks: {{exclude_luns: [9]}}}}
    schedules: [{{name: six, cron: "{minute} */6 * * *"}}]
    objectives: {{rpo: {{primary: 8h, dr: 24h}}}}
    retention: {{primary: {{hourly: 0, daily: 14}}}}
"""


def measure(*, quick: bool) -> Table:
    """Start each command often enough to tell the machine's moods from the command's own time."""
    times = 2 if quick else TIMES
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "examples").symlink_to(ROOT / "examples")
        (Path(folder) / "hundred-rules.yaml").write_text(hundred_rules(), encoding="utf-8")
        found = {command: [_run(command, folder) for _ in range(times)] for command in COMMANDS}
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


def hundred_rules() -> str:
    """Give a policy of a hundred rules, each with overrides; four schedules among them."""
    rules = (RULE.format(number=number, minute=number % 4 * 15) for number in range(100))
    return HEAD + "".join(rules)


def _run(command: tuple[str, ...], folder: str) -> tuple[float, float]:
    """Give wall and CPU seconds of one process."""
    program = str(Path(sys.executable).with_name("diskguard"))
    before, started = os.times(), time.perf_counter()
    subprocess.run([program, *command], cwd=folder, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - started, os.times()
    cpu = after.children_user - before.children_user
    return wall, cpu + after.children_system - before.children_system
