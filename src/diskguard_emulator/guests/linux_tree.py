"""The files of a Debian guest with systemd and Python, made once by debootstrap and kept as one archive.

`python -m diskguard_emulator.guests.linux_tree` makes it where it is missing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

PACKAGES: Final = "systemd,systemd-sysv,dbus,python3,util-linux,procps"
SUITE: Final = "bookworm"
LEFT_AWAY: Final = (
    "./usr/share/doc/*",
    "./usr/share/man/*",
    "./usr/share/locale/*",
    "./var/cache/apt/*",
)
TOOLS: Final = (
    *("debootstrap", "tar", "unshare", "nsenter", "mount", "losetup"),
    *("mkfs.ext4", "mkfs.xfs", "mkfs.btrfs"),
)


def archive() -> Path:
    """Where the tree is kept: below the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "diskguard" / "guest-root.tar"


def why_no_linux_guest(tree: Path | None = None) -> str | None:
    """Why no Linux guest can be booted here from that archive (None: the usual one), None where it can."""
    tree = tree or archive()
    if os.geteuid() != 0:
        return "Linux guests need root, for loop devices and mounts"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"Linux guests need {', '.join(missing)} (make system-packages)"
    if not Path("/dev/loop-control").exists():
        return "Linux guests need loop devices"
    if not tree.exists():
        return f"{tree} is missing: python -m diskguard_emulator.guests.linux_tree makes it"
    return None


def make_tree(
    target: Path,
) -> None:  # pragma: no cover - a minute and the network; `make system-packages` does it
    """The archive exists, whole or not at all; takes about a minute. Raises CalledProcessError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="diskguard-tree-", dir="/var/tmp") as folder:
        tree, packed = f"{folder}/tree", f"{folder}/tree.tar"
        _run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, tree)
        excluded = [f"--exclude={pattern}" for pattern in LEFT_AWAY]
        _run("tar", "-C", tree, *excluded, "-cf", packed, ".")
        shutil.move(packed, f"{target}.part")
    Path(f"{target}.part").rename(target)


def _run(*command: str) -> None:  # pragma: no cover - as above
    subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603 - our own command lines


if __name__ == "__main__":  # pragma: no cover - as above
    if not archive().exists():
        make_tree(archive())
