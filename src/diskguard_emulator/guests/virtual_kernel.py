"""The kernel the helper finds in a virtual guest: the same class as its own, over values in memory."""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from diskguard_emulator.guests.machine_clock import MachineClock
from diskguard_emulator.guests.tree import Tree
from diskguard_emulator.guests.troubles import Troubles
from diskguard_emulator.guests.virtual_disks import SuperBlock, VirtualDisks
from diskguard_emulator.guests.virtual_processes import (
    Child,
    Killed,
    Leg,
    Lock,
    Process,
    ProcessTable,
)

AZURE_BACKUP_LOCK: Final = "/etc/azure/MicrosoftRecoverySvcsSafeFreezeLock/SafeFreezeLockFile"
RUN: Final = "/run/diskguard"
HOST_CLOCK_BRACKET: Final = 0.000_02
LATE_COMPLETION: Final = 0.03


class LegMaker(Protocol):
    """Makes the leg of a helper: its verb and folder, as on its command line."""

    def __call__(self, verb: str, directory: str) -> Leg: ...


@dataclass
class VirtualMachine:
    """What all processes of one virtual guest share."""

    tree: Tree
    clock: MachineClock
    disks: VirtualDisks
    table: ProcessTable
    troubles: Troubles
    leg: LegMaker
    files: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {"/run"})
    hanging: list[tuple[Child, SuperBlock]] = field(default_factory=list)

    def text(self, path: str) -> str:
        """What a file says now. Raises OSError."""
        real = self.tree.real_path(path)
        device = self.tree.device_of_counters(real)
        if device is not None and real.endswith("/stat"):
            return f"90 0 900 5 {self.disks.writes(device)} 0 900 5 0 9 9 0 0 0 0 0 0\n"
        if device is not None and real.endswith("/inflight"):
            return "       0        0\n"
        for known in (self.files, self.tree.files):
            if real in known:
                return known[real]
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    def loosen(self) -> None:
        """Something was thawed: freezes that hung behind it complete a little later."""
        hung, self.hanging = self.hanging, []
        for child, block in hung:
            self.table.later(LATE_COMPLETION, partial(self.complete, child, block))

    def complete(self, child: Child, block: SuperBlock) -> None:
        """One FIFREEZE has come to its end."""
        child.outcome = self.disks.freeze(block, child.parent.verb)


class VirtualKernel:
    """The machine as one process of a virtual guest sees it; each method as the helper's own says."""

    run = RUN

    def __init__(self, machine: VirtualMachine, process: Process) -> None:
        self.__machine = machine
        self._process = process
        self._handles: dict[int, SuperBlock | Lock] = {}
        self._children: dict[int, Child] = {}
        self._host_clock = False
        self._serial = 2

    @property
    def _machine(self) -> VirtualMachine:
        if not self._process.alive:
            raise Killed
        return self.__machine

    # Files.

    def read_text(self, path: str) -> str:
        return self._machine.text(path)

    def list_directory(self, path: str) -> list[str]:
        machine = self._machine
        prefix = machine.tree.real_path(path).rstrip("/") + "/"
        ours = [each for each in (*machine.files, *machine.folders) if each.startswith(prefix)]
        names = {each.removeprefix(prefix).partition("/")[0] for each in ours}
        return sorted(names | set(machine.tree.names_in(path)))

    def real_path(self, path: str) -> str:
        return self._machine.tree.real_path(path)

    def read_link(self, path: str) -> str:
        return self._machine.tree.links.get(path, "")

    def exists(self, path: str) -> bool:
        machine = self._machine
        known = path in machine.files or path in machine.folders
        return known or machine.tree.exists(path)

    def make_directory(self, path: str) -> None:
        self._machine.folders.add(path)

    def write_text(self, path: str, text: str) -> None:
        if path.rpartition("/")[0] not in self._machine.folders:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        self._machine.files[path] = text

    def install_helper(self, directory: str) -> str:
        self.write_text(f"{directory}/helper.pyz", "")
        return f"{directory}/helper.pyz"

    def remove_tree(self, path: str) -> None:
        machine = self._machine
        for each in [each for each in machine.files if f"{each}/".startswith(f"{path}/")]:
            del machine.files[each]
        machine.folders -= {each for each in machine.folders if f"{each}/".startswith(f"{path}/")}

    # Mounts.

    def open_mount(self, path: str) -> int:
        block = self._machine.disks.at(path)
        if path in self._machine.troubles.unopenable:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return self._handle(block)

    def device_of(self, handle: int) -> str:
        return self._block(handle).mount.number

    def btrfs_fsid(self, handle: int) -> str:
        fsid = self._block(handle).mount.fsid
        if fsid is None:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
        return fsid

    def syncfs(self, handle: int) -> None:
        self._block(handle)

    def start_sync(self, handle: int) -> int:
        self._block(handle)
        return self._child(0)[0]

    def start_freeze(self, handle: int, not_after: float) -> int:
        machine, block = self._machine, self._block(handle)
        if self.boot_clock() > not_after:
            return self._child(errno.ETIME)[0]
        if block.mount.path in machine.troubles.frozen_by_others:
            return self._child(errno.EBUSY)[0]
        if block.mount.path in machine.troubles.freeze_fails:
            return self._child(errno.EIO)[0]
        number, child = self._child(None)
        if block.mount.path in machine.troubles.freeze_hangs:
            machine.hanging.append((child, block))
        else:
            takes = machine.troubles.freeze_takes.total_seconds()
            machine.table.later(takes, partial(machine.complete, child, block))
        return number

    def start_thaw(self, handle: int) -> int:
        machine, block = self._machine, self._block(handle)
        answer = machine.disks.thaw(block, self._process.verb)
        if answer == 0:
            machine.loosen()
        return self._child(answer)[0]

    def outcome(self, child: int) -> int | None:
        _ = self._machine
        if child not in self._children:
            raise ChildProcessError(errno.ECHILD, os.strerror(errno.ECHILD))
        answer = self._children[child].outcome
        if answer is not None:
            del self._children[child]
        return answer

    def _child(self, outcome: int | None) -> tuple[int, Child]:
        self._serial += 1
        child = Child(self._process, outcome)
        self._children[self._serial] = child
        self._process.children.append(child)
        return self._serial, child

    def _handle(self, what: SuperBlock | Lock) -> int:
        self._serial += 1
        self._handles[self._serial] = what
        return self._serial

    def _block(self, handle: int) -> SuperBlock:
        _ = self._machine
        found = self._handles.get(handle)
        if not isinstance(found, SuperBlock):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return found

    def close(self, handle: int) -> None:
        _ = self._machine
        found = self._handles.pop(handle, None)
        if isinstance(found, Lock):
            found.closed = True

    # Clocks.

    def boot_clock(self) -> float:
        return self._machine.clock.boot()

    def wall_clock(self) -> float:
        offset = self._machine.troubles.clock_offset.total_seconds()
        return self._machine.clock.wall() + offset

    def clock_status(self) -> tuple[bool, float]:
        troubles = self._machine.troubles
        return not troubles.unsynchronised, troubles.clock_error.total_seconds()

    def open_host_clock(self) -> bool:
        self._host_clock = self._machine.troubles.host_clock
        return self._host_clock

    def host_clock(self) -> tuple[float, float] | None:
        true = self._machine.clock.true()
        return (true, HOST_CLOCK_BRACKET) if self._host_clock else None

    def sleep_until(self, boot: float) -> None:
        if self._process.sleep_until is None:
            raise RuntimeError("a leg yields its instants, it does not sleep")
        if boot > self.boot_clock():
            self._process.sleep_until(boot)

    # Locks.

    def lock(self, path: str, *, exclusive: bool, children: bool) -> int | None:
        machine = self._machine
        if machine.troubles.lock_taken and path == f"{RUN}/lock":
            return None
        machine.files.setdefault(path, "")
        lock = machine.table.lock(path, self._process, exclusive=exclusive, children=children)
        return None if lock is None else self._handle(lock)

    def is_locked(self, path: str) -> bool:
        handle = self.lock(path, exclusive=True, children=False)
        if handle is not None:
            self.close(handle)
        return handle is None

    def record_lock(self, path: str) -> int | None:
        state = self._machine.troubles.azure_backup
        if path != AZURE_BACKUP_LOCK or state is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if state == "busy":
            return None
        return self._handle(Lock(path, True, self._process, False))  # noqa: FBT003 - a record, not a call

    # Processes.

    def process_id(self) -> int:
        return self._process.number

    def settle(self) -> None:
        _ = self._machine

    def asked_to_stop(self) -> bool:
        _ = self._machine
        return self._process.stopping

    def kill_group(self, process: int) -> None:
        table = self._machine.table
        for each in [each for each in table.processes if each.number == process]:
            table.end(each)

    # Supervisors.

    def has_systemd(self) -> bool:
        return not self._machine.troubles.no_systemd

    def start_service(
        self, unit: str, helper: str, arguments: Sequence[str], options: dict[str, str]
    ) -> bool:
        machine = self._machine
        if machine.troubles.units_refused or not self.exists(helper):
            return False
        after = options.get("ExecStopPost")
        legs = () if after is None else (self._leg(after.split()[-2:]),)
        process = machine.table.born(arguments[0], f"{unit}.service", legs)
        machine.table.start(process, self._leg(arguments))
        if "RuntimeMaxSec" in options:
            limit = float(options["RuntimeMaxSec"].rstrip("s"))
            machine.table.later(limit, lambda: machine.table.terminate(process))
        return True

    def start_timer(self, unit: str, helper: str, arguments: Sequence[str], delay: float) -> bool:
        machine = self._machine
        if machine.troubles.units_refused or not self.exists(helper):
            return False
        leg, table = self._leg(arguments), machine.table
        service = f"{unit}.service"
        table.set_timer(
            f"{unit}.timer", delay, lambda: table.start(table.born(arguments[0], service), leg)
        )
        return True

    def command_line(self, helper: str, arguments: Sequence[str]) -> list[str]:
        return ["/usr/bin/python3", "-I", "-S", "-B", helper, *arguments]

    def unit_is_active(self, unit: str) -> bool:
        table = self._machine.table
        return unit in table.timers or table.find(unit=unit) is not None

    def stop_unit(self, unit: str) -> None:
        table = self._machine.table
        table.stop_timer(unit)
        process = table.find(unit=unit)
        if process is not None:
            table.terminate(process)

    def start_session(self, helper: str, arguments: Sequence[str]) -> bool:
        machine = self._machine
        if not self.exists(helper):
            return False
        machine.table.start(machine.table.born(arguments[0]), self._leg(arguments))
        return True

    def _leg(self, arguments: Sequence[str]) -> Leg:
        verb, directory = arguments
        return self._machine.leg(verb, directory)
