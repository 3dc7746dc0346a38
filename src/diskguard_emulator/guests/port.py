"""What the emulator needs from a guest: run a script, hand over a disk's content, stop and start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from diskguard_emulator.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptOutcome:
    """What a script wrote and how it ended."""

    stdout: bytes
    stderr: bytes
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestDisk:
    """One disk as the VM model shows it; `lun` is None for the OS disk."""

    name: str
    lun: int | None
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestFacts:
    """All a guest is told about its VM; `options` is the estate's `guest_options`, unread by the core."""

    vm_id: str
    vm_name: str
    os_type: str
    disks: tuple[GuestDisk, ...]
    running: bool
    options: Mapping[str, Any] = field(default_factory=dict)


class GuestStopped(Exception):
    """The guest was stopped, or died, while a script ran: its result will never come."""


class DiskImage(Protocol):
    """The content of one disk at one instant; snapshots and their copies keep it."""

    async def drop(self) -> None:
        """Called once, when the last snapshot that keeps this image is deleted."""
        ...


class Guest(Protocol):
    """One emulated VM's inside."""

    @property
    def agent_answers(self) -> bool:
        """False: a run command is accepted by ARM and its result never comes."""
        ...

    async def run_script(self, script: str) -> ScriptOutcome:
        """Run `script` as root to its end; output is whole, the core cuts it as Azure does.

        Raises GuestStopped if the guest is powered off meanwhile. Cancelling it may leave the script running.
        """
        ...

    async def clone_disk(self, lun: int | None) -> DiskImage:
        """The disk's content now: called at the snapshot's instant, running or not."""
        ...

    async def start(self) -> None:
        """Power on; idempotent."""
        ...

    async def power_off(self) -> None:
        """Power off; scripts under way die, file systems are as a clean shutdown leaves them; idempotent."""
        ...

    async def close(self) -> None:
        """Give back whatever the guest holds of the machine; the world ends."""
        ...


class GuestModule(Protocol):
    """What each module `diskguard_emulator.guests.<kind>` offers."""

    def make_guest(self, facts: GuestFacts, clock: Clock, folder: Path) -> Guest:
        """A guest for this VM; `folder` need not exist and is its own to fill."""
        ...
