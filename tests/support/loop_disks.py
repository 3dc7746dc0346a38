"""Copies of disks attached again: mounted as a machine that boots from restored disks would."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from diskguard_emulator.guests.linux_disks import BLOCK, LinuxImage


class CannotMount(Exception):
    """The copy does not mount, not even with the recovery that every mount does."""


def tool(*words: str | Path) -> str:
    """What a tool of the machine printed. Raises CannotMount with its words."""
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise CannotMount(done.stderr.strip() or f"{words[0]} ended with {done.returncode}")
    return done.stdout.strip()


@contextmanager
def attached(image: LinuxImage) -> Iterator[str]:
    """The image on a new loop device."""
    device = tool(
        *("losetup", "--find", "--show", "--direct-io=on", "--sector-size", BLOCK), image.file
    )
    try:
        yield device
    finally:
        tool("losetup", "--detach", device)


@contextmanager
def mounted(images: Sequence[LinuxImage], place: Path, file_system: str) -> Iterator[Path]:
    """The images, as one file system, mounted at a new folder. Raises CannotMount."""
    with ExitStack() as stack:
        devices = [stack.enter_context(attached(image)) for image in images]
        options = [f"device={device}" for device in devices] if len(devices) > 1 else ["rw"]
        stack.callback(forget, file_system)
        place.mkdir()
        tool("mount", "-t", file_system, "-o", ",".join(options), devices[0], place)
        stack.callback(tool, "umount", place)
        yield place


def forget(file_system: str) -> None:
    """The kernel takes no old copy of a btrfs for a member of the next."""
    if file_system == "btrfs":
        tool("btrfs", "device", "scan", "--forget")


def scrub(place: Path) -> None:
    """Every block of a btrfs has its checksum. Raises CannotMount."""
    tool("btrfs", "scrub", "start", "-B", "-R", place)
