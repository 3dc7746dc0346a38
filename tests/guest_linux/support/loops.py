"""Disks that are files: loop devices with a file system, and the lock that keeps freeze tests apart."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = Path("/run/lock/diskguard-freeze-tests.lock")
MEMORY = Path("/dev/shm")  # noqa: S108 - the kernel's own, not a place to share
TOOLS = ("losetup", "unshare", "nsenter", "mount", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs")


def why_no_real_disks() -> str | None:
    """Why loop devices cannot be used here, None where they can."""
    if os.geteuid() != 0:
        return "needs root for loop devices, mounts and FIFREEZE"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    return None if Path("/dev/loop-control").exists() else "needs loop devices"


@contextmanager
def only_freeze_test_here() -> Iterator[None]:
    """No other test on this machine freezes meanwhile: every sync would wait for it."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(*command: str | Path) -> str:
    """What the command printed. Raises AssertionError with its words."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stderr or done.stdout}")
    return done.stdout


@contextmanager
def loop_disk(folder: Path, name: str, megabytes: int) -> Iterator[str]:
    """The kernel's name of a new loop device on a sparse file; gone afterwards."""
    memory = MEMORY if MEMORY.is_dir() else folder  # a busy disk would look like a freeze
    with tempfile.NamedTemporaryFile(prefix=f"diskguard-{name}-", dir=memory) as file:
        file.truncate(megabytes << 20)
        device = run("losetup", "--find", "--show", file.name).strip()
        try:
            yield device.removeprefix("/dev/")
        finally:
            run("losetup", "--detach", device)
