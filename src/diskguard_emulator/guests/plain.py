"""A guest that needs no privileges: scripts run for real, in real time, in namespaces of their own.

Its disks are small files, its file systems gates before them (inside/file_kernel.py), its application a
writer that goes round the disks. What it is sent runs as it is, with one exception: in the helper a
script carries, kernel.py is replaced. Where the machine forbids unprivileged user namespaces, scripts are
refused, not run.
"""

import asyncio
import fcntl
import json
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from diskguard_emulator.clock import Clock
from diskguard_emulator.guests.plain_machine import NoNamespaces, PlainMachine, boot_machine
from diskguard_emulator.guests.port import GuestFacts, GuestStopped, ScriptOutcome
from diskguard_emulator.guests.swapping import with_kernel
from diskguard_emulator.guests.tree import BlockDevice, Mount, Tree, plant_tree

INSIDE: Final = "diskguard_emulator.guests.inside"
BLOCK: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainImage:
    """A copy of one disk: the last number its writer had put there, and the file that holds it."""

    lun: int | None
    number: int
    file: Path

    async def drop(self) -> None:
        self.file.unlink(missing_ok=True)


def is_torn(images: list[PlainImage]) -> bool:
    """Whether these disks, in the writer's order, cannot stem from one instant.

    The writer puts number n on each disk in turn: at any instant the numbers never rise along the
    disks, and the first is at most one ahead of the last.
    """
    numbers = [image.number for image in images]
    return numbers != sorted(numbers, reverse=True) or numbers[0] - numbers[-1] > 1


class PlainGuest:
    """One VM's inside, below one folder; booted by the first script or copy that needs it."""

    def __init__(self, facts: GuestFacts, folder: Path) -> None:
        self.facts = facts
        self.folder = folder.resolve()
        self.refusal: str | None = None
        self._tree = plant_tree(facts)
        self._running = facts.running
        self._serial = 0
        self._booting = asyncio.Lock()
        self._machine: PlainMachine | None = None
        self._lay_out()

    @property
    def agent_answers(self) -> bool:
        return self._running

    @property
    def frozen_mounts(self) -> tuple[str, ...]:
        """The mounts that are frozen now."""
        return tuple(
            mount.path
            for mount in self._tree.mounts
            if Path(f"{self._gate(mount)}.frozen").exists()
        )

    async def run_script(self, script: str) -> ScriptOutcome:
        machine = await self._boot()
        if not self._running:
            raise GuestStopped(f"{self.facts.vm_name} is off")
        if machine is None:
            text = f"this emulated guest runs nothing: {self.refusal}\n"
            return ScriptOutcome(stdout=b"", stderr=text.encode(), exit_code=1)
        self._serial += 1
        number = self._serial
        place = self.folder / "machine" / "scripts" / str(number)
        place.write_text(with_kernel(script, _inside("file_kernel.py")))
        code = await machine.run(number)
        return ScriptOutcome(
            stdout=_read_if_there(place.with_suffix(".out")),
            stderr=_read_if_there(place.with_suffix(".err")),
            exit_code=code,
        )

    async def clone_disk(self, lun: int | None) -> PlainImage:
        await self._boot()
        self._serial += 1
        device = next(each for each in self._tree.devices if each.lun == lun and not each.resource)
        target = self.folder / "images" / f"{self._serial}-{device.name}"
        with self._disk(device).open("rb") as disk:
            fcntl.flock(disk, fcntl.LOCK_SH)  # the writer's writes are whole: one block at a time
            content = disk.read(BLOCK)
        target.write_bytes(content)
        (number,) = struct.unpack("<Q", content[:8])
        return PlainImage(lun=lun, number=number, file=target)

    async def start(self) -> None:
        self._running = True
        await self._boot()

    async def power_off(self) -> None:
        self._running = False
        await self._halt()
        for mark in (self.folder / "machine" / "gates").glob("*.frozen"):
            mark.unlink()
        shutil.rmtree(self.folder / "run")
        (self.folder / "run").mkdir()

    async def close(self) -> None:
        await self._halt()

    async def _boot(self) -> PlainMachine | None:
        async with self._booting:
            if self._machine is None and self.refusal is None and self._running:
                try:
                    self._machine = await boot_machine(self.folder)
                except NoNamespaces as refusal:
                    self.refusal = f"no namespaces for unprivileged users here ({refusal})"
        return self._machine

    async def _halt(self) -> None:
        machine, self._machine = self._machine, None
        if machine is not None:
            await machine.halt()

    # What lies in the folder.

    def _lay_out(self) -> None:
        for name in ("run", "root", "disks", "images", "machine/gates", "machine/scripts"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("boot.sh", "serve.sh", "writer.py"):
            (self.folder / "machine" / name).write_text(_inside(name))
        for device in self._tree.devices:
            self._disk(device).write_bytes(bytes(BLOCK))
        for mount in self._tree.mounts:
            self._gate(mount).touch()
        written = list(written_disks(self._tree))
        self._write("disks.json", written)
        self._write("machine.json", machine_facts(self._tree, self.facts.options))

    def _write(self, name: str, value: Any) -> None:
        (self.folder / "machine" / name).write_text(json.dumps(value))

    def _disk(self, device: BlockDevice) -> Path:
        return self.folder / "disks" / device.name

    def _gate(self, mount: Mount) -> Path:
        return self.folder / "machine" / "gates" / _gate_name(mount)


def _gate_name(mount: Mount) -> str:
    return mount.number.replace(":", "-")


def _inside(name: str) -> str:
    return (files(INSIDE) / name).read_text(encoding="utf-8")


def _read_if_there(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def written_disks(tree: Tree) -> Iterator[dict[str, str]]:
    """The disks of the VM that carry a file system which can freeze, as the guest's writer sees them."""
    for device in tree.devices:
        gates = [
            _gate_name(mount)
            for mount in tree.mounts
            if device.lun in mount.luns and mount.can_freeze and not mount.resource
        ]
        if gates and not device.resource:
            yield {"file": f"/disks/{device.name}", "gate": f"/guest/gates/{gates[0]}"}


def machine_facts(tree: Tree, options: Any) -> dict[str, Any]:
    """What the file-backed kernel reads; `systemd`, `host_clock`, `synchronised` may be options."""
    mounts = [
        {
            "path": mount.path,
            "number": mount.number,
            "fsid": mount.fsid,
            "can_freeze": mount.can_freeze,
            "gate": f"/guest/gates/{_gate_name(mount)}",
        }
        for mount in tree.mounts
    ]
    return {
        "files": dict(tree.files),
        "links": dict(tree.links),
        "children": dict(tree.children),
        "counters": {device.home: f"/disks/{device.name}" for device in tree.devices},
        "mounts": mounts,
        "systemd": options.get("systemd", True),
        "host_clock": options.get("host_clock", True),
        "synchronised": options.get("synchronised", True),
        "clock_error": 0.01,
    }


def make_guest(facts: GuestFacts, clock: Clock, folder: Path) -> PlainGuest:
    """A plain guest; it lives in real time, whatever the clock."""
    _ = clock
    return PlainGuest(facts, folder)


__all__ = ["PlainGuest", "PlainImage", "is_torn", "make_guest"]
