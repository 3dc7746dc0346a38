"""The machine the figures were measured on."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def machine_line() -> str:
    """Say date, cores, memory, Python and system in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({_processor()}), "
        f"{memory:.0f} GiB of memory, Python {platform.python_version()}, {platform.system()} "
        f"{platform.release()}, load {os.getloadavg()[0]:.1f} at the start"
    )


def peak_memory() -> float:
    """The most memory this process has held so far, in MiB.

    Not getrusage: its figure survives exec, so that a child would report its parent's.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kibibytes) / 1024


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
