"""The kernel of a Linux guest: the helper's own, but for the host's clock and one refusal."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real_time

# As in the swapped archive, where the helper's own kernel is called real_kernel.
PROGRAM = """
import os, sys, time
import diskguard_helper.kernel
sys.modules["diskguard_helper.real_kernel"] = diskguard_helper.kernel
from diskguard_emulator.guests.inside.linux_kernel import Kernel

class KernelHere(Kernel):
    forbidden = sys.argv[1]

kernel = KernelHere()
assert kernel.open_host_clock()
assert abs(kernel.host_clock()[0] - time.time()) < 1
handle = os.open(sys.argv[2], os.O_RDONLY)
child = kernel.start_freeze(handle, kernel.boot_clock() - 1)
while (code := kernel.outcome(child)) is None:
    time.sleep(0.001)
print("a freeze too late ends with", code)
"""


def run_with(forbidden: int, folder: Path) -> "subprocess.CompletedProcess[str]":
    """The program, on a folder whose device may be forbidden."""
    (folder / "forbidden").write_text(str(forbidden))
    words = [sys.executable, "-c", PROGRAM, str(folder / "forbidden"), str(folder)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_all_else_is_the_helpers_own(tmp_path):
    done = run_with(tmp_path.stat().st_dev + 1, tmp_path)

    assert done.stdout == "a freeze too late ends with 62\n", done.stderr  # ETIME


def test_the_machine_it_runs_on_is_never_frozen(tmp_path):
    done = run_with(tmp_path.stat().st_dev, tmp_path)

    assert done.returncode != 0
    assert "would have frozen the machine" in done.stderr
