"""The helper runs in guests whose newest Python is 3.6 (RHEL 8's platform-python, SLES 15, Ubuntu 18.04)."""

import subprocess
import sys
from pathlib import Path

HELPER = Path(__file__).parents[2] / "src/diskguard_helper"


def test_the_helper_needs_nothing_newer_than_python_36():
    vermin = Path(sys.executable).with_name("vermin")
    command = [str(vermin), "-t=3.6-", "--no-tips", "--violations", str(HELPER)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
