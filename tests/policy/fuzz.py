"""`make fuzz`: ten thousand mutated policies, in a process that may not take more than 300 MB.

No traceback, no verdict without a place, none that takes two seconds. `python -m tests.policy.fuzz [NUMBER]`.
"""

import subprocess
import sys
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from tests.policy.test_fuzz import ANY_MUTATION, judge

MOST_MEMORY = 300_000  # KiB, of this whole process
IN_ONE_PROCESS = 1_000
LONGEST = 2.0  # seconds of the processor, for one policy


def fuzz(number: int) -> float:
    """Judge that many policies; give the seconds the slowest took. Raises AssertionError."""
    slowest = 0.0

    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(ANY_MUTATION)
    def each(text: str) -> None:
        nonlocal slowest
        begun = time.process_time()
        judge(text)
        slowest = max(slowest, time.process_time() - begun)
        assert slowest < LONGEST, f"{slowest:.1f} s for {len(text)} characters"

    each()
    return slowest


def most_memory() -> int:
    """KiB. Not getrusage: its figure survives exec, so that a child would report its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def fuzz_here(number: int) -> None:
    slowest = fuzz(number)
    memory = most_memory()
    assert memory < MOST_MEMORY, f"{memory} KiB"
    said = f"{number} policies, none above {slowest:.2f} s, {memory // 1024} MB in all"
    sys.stdout.write(f"{said}\n")


def main() -> None:
    """In several processes one after another: hypothesis remembers all that it has tried."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    if number <= IN_ONE_PROCESS:
        fuzz_here(number)
        return
    for begun in range(0, number, IN_ONE_PROCESS):
        share = min(IN_ONE_PROCESS, number - begun)
        command = [sys.executable, "-m", "tests.policy.fuzz", str(share)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
