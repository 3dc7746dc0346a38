"""Disks of a Linux guest: loop devices over files that can be cloned in an instant."""

import asyncio
import fcntl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FICLONE: Final = 0x40049409  # linux/fs.h: _IOW(0x94, 9, int)
ROOM: Final = 4 * 2**30  # for what copies no longer share
BLOCK: Final = "4096"  # one size everywhere: XFS wants whole blocks for direct I/O on shared files
PATIENCE: Final = 100
GLANCE: Final = 0.1
MAKE: Final = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-b", BLOCK),
    "xfs": ("mkfs.xfs", "-q", "-f", "-s", f"size={BLOCK}"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
}
MAKE_RAID: Final = (*MAKE["btrfs"], "-d", "raid0", "-m", "raid0")


class CommandFailed(Exception):
    """A tool of the machine said no; the message has its own words."""


async def command(*words: str | Path) -> str:
    """What a tool printed. Raises CommandFailed."""
    process = await asyncio.create_subprocess_exec(
        *map(str, words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    if process.returncode != 0:
        raise CommandFailed(
            f"{' '.join(map(str, words))}: {stderr.decode(errors='replace').strip()}"
        )
    return stdout.decode().strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinuxImage:
    """A disk at one instant: a file that shares its blocks with the disk's until either is written."""

    lun: int | None
    file: Path

    async def drop(self) -> None:
        self.file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopDisk:
    """A file in the store, and the loop device on it."""

    file: Path
    device: str

    def clone(self, target: Path, lun: int | None) -> LinuxImage:
        """What is on the disk now; a write under way is in it whole or not at all."""
        with self.file.open("rb") as source, target.open("wb") as copy:
            fcntl.ioctl(copy, FICLONE, source.fileno())
        return LinuxImage(lun=lun, file=target)


class Store:
    """An XFS that can clone files, on a loop device of its own, and the disks in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.place = folder / "store"
        self._device: str | None = None
        self._disks: list[LoopDisk] = []

    async def open(self, size_bytes: int) -> None:
        """There is room for disks of so many bytes; only what is written takes any."""
        self.place.mkdir(parents=True, exist_ok=True)
        file = self._folder / "store.img"
        _make_file(file, size_bytes + ROOM)
        self._device = await command("losetup", "--find", "--show", "--direct-io=on", file)
        await command("mkfs.xfs", "-q", "-m", "reflink=1", self._device)
        await command("mount", self._device, self.place)

    async def add(self, name: str, size_bytes: int) -> LoopDisk:
        """A new empty disk."""
        file = self.place / f"{name}.img"
        _make_file(file, size_bytes)
        disk = LoopDisk(file=file, device=await attach(file))
        self._disks.append(disk)
        return disk

    async def close(self) -> None:
        """Nothing of it is left in the machine."""
        for disk in self._disks:
            await command("losetup", "--detach", disk.device)
        self._disks.clear()
        if self._device is not None:
            await _unmount(self.place)
            await command("losetup", "--detach", self._device)
            (self._folder / "store.img").unlink()
            self._device = None


async def attach(file: Path) -> str:
    """The loop device on which this file is a disk with blocks of 4 KB, past the page cache."""
    return await command(
        *("losetup", "--find", "--show", "--direct-io=on", "--sector-size", BLOCK), file
    )


async def _unmount(place: Path) -> None:
    """Not mounted any more: at once where nobody uses it, else with its last user, who may be dying."""
    for _ in range(PATIENCE):
        try:
            await command("umount", place)
        except CommandFailed:
            await asyncio.sleep(GLANCE)
        else:
            return
    await command("umount", "--lazy", place)


async def make_file_system(kind: str, devices: list[str]) -> None:
    """A fresh file system over these devices; over several only btrfs, striped."""
    await command(*(MAKE[kind] if len(devices) == 1 else MAKE_RAID), *devices)


def _make_file(file: Path, size_bytes: int) -> None:
    with file.open("wb") as opened:
        opened.truncate(size_bytes)
