"""A guest with a systemd of its own: this machine's tree under an overlay, booted in a container."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.guest_linux.support.helper_guest import child_of
from tests.guest_linux.support.waiting import until

# Services that need hardware or the network; a container boots quicker without them.
_MASKED = (
    "systemd-udevd",
    "systemd-resolved",
    "systemd-networkd",
    "systemd-timesyncd",
    "postgresql",
)
_BOOT = """
set -e
place=$1
keep_unit=$2
if [ -n "$3" ]; then mkfs.ext4 -q -F "$3"; mount "$3" "$place"; else mount -t tmpfs overlay "$place"; fi
mkdir "$place/upper" "$place/work" "$place/root"
mount -t overlay -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" overlay "$place/root"
rm -rf "$place/root/etc/fstab" "$place/root"/etc/systemd/system/*.wants
shift 3
for unit in "$@"; do ln -sf /dev/null "$place/root/etc/systemd/system/$unit.service"; done
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0
exec systemd-nspawn --quiet --directory="$place/root" --machine="diskguard-test-$$" --register=no \\
  $keep_unit --private-network --capability=all --link-journal=no --console=pipe --boot
"""


def why_no_systemd_guest() -> str | None:
    """Why no container with systemd can be booted here, None where one can."""
    missing = [tool for tool in ("systemd-nspawn", "systemctl") if shutil.which(tool) is None]
    return f"needs {', '.join(missing)}" if missing else None


@contextmanager
def with_systemd(folder: Path, devices: dict[int, str]) -> Iterator[int]:
    """The number, outside, of a booted systemd."""
    with _container(folder, "") as init:
        yield init


@contextmanager
def with_systemd_written_to_lun_0(folder: Path, devices: dict[int, str]) -> Iterator[int]:
    """The same, but all that is written to its root file system lies on an ext4 on LUN 0.

    Freeze that and every write to the root hangs, as where the root itself is frozen.
    """
    with _container(folder, f"/dev/{devices[0]}") as init:
        yield init


@contextmanager
def _container(folder: Path, device: str) -> Iterator[int]:
    place = folder / "machine"
    place.mkdir()
    keep_unit = "" if Path("/run/systemd/system").is_dir() else "--keep-unit"
    line = ["unshare", "--mount", "sh", "-c", _BOOT, "boot", str(place), keep_unit, device]
    line += _MASKED
    with (folder / "console").open("wb") as console:
        outer = subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
        )
        init = 0
        try:
            init = _booted(outer.pid)
            yield init
        finally:
            if init:
                os.kill(init, 9)
            outer.kill()
            outer.wait()


def _booted(nspawn: int) -> int:
    init = 0

    def has_booted() -> bool:
        nonlocal init
        init = child_of(nspawn)
        asked = ["nsenter", "-t", str(init), "--all", "systemctl", "is-system-running"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        return said.strip() in ("running", "degraded")

    until(has_booted, "systemd did not boot", patience=60)
    return init
