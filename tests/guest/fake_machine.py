"""A machine that is a table: files, disks, mounts, locks, processes in virtual time; no mock."""

import errno
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from diskguard_helper.kernel import Kernel
from diskguard_helper.main import LEGS

HELPER = "/staged/helper.pyz"
EPOCH = 1_800_000_000.0  # what the wall clock shows at boot


@dataclass
class FakeProcess:
    """One leg: its generator, its kernel, and whether it is there."""

    number: int
    kernel: "FakeKernel"
    leg: Iterator[float]
    lives: bool = True
    stopped: bool = False
    unit: str = ""


@dataclass
class FakeMachine:
    """What every process of the machine shares. Instants are of the boot clock."""

    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    at: dict[str, str] = field(default_factory=dict)  # what lies on top at a path: a device
    fsids: dict[str, str] = field(default_factory=dict)
    boot: float = 100.0
    wall_ahead: float = EPOCH
    synchronised: bool = True
    host_ahead: float | None = EPOCH
    systemd: bool = True
    old_systemd: bool = False
    units_refused: bool = False
    legs_silent: bool = False
    sync_takes: float = 0.0
    freeze_takes: dict[str, float] = field(default_factory=dict)
    freeze_says: dict[str, int] = field(default_factory=dict)
    thaw_says: dict[str, int] = field(default_factory=dict)
    thaw_takes: dict[str, float] = field(default_factory=dict)
    unopenable: set[str] = field(default_factory=set)
    frozen: set[str] = field(default_factory=set)
    frozen_since: dict[str, float] = field(default_factory=dict)
    longest_freeze: float = 0.0
    history: list[str] = field(default_factory=list)
    processes: list[FakeProcess] = field(default_factory=list)
    units: dict[str, dict[str, str]] = field(default_factory=dict)
    locks: list[tuple[str, int, int, bool]] = field(default_factory=list)
    record_locked: bool = False
    _due: list[tuple[float, int, FakeProcess]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(2))

    def number(self) -> int:
        """One nobody has had."""
        return next(self._numbers)

    def start(self, arguments: Sequence[str], unit: str = "") -> None:
        """A leg runs up to its first wait."""
        verb, directory = arguments
        number = self.number()
        kernel = FakeKernel(self, number)
        process = FakeProcess(number=number, kernel=kernel, leg=LEGS[verb](directory, kernel))
        process.unit = unit
        self.processes.append(process)
        self._step(process)

    def schedule(self, arguments: Sequence[str], after: float) -> None:
        """A leg will start then."""
        number = self.number()
        starts = FakeProcess(
            number=number, kernel=FakeKernel(self, number), leg=self._later(arguments)
        )
        heapq.heappush(self._due, (self.boot + after, number, starts))

    def _later(self, arguments: Sequence[str]) -> Iterator[float]:
        self.start(arguments)
        yield from ()

    def _step(self, process: FakeProcess) -> None:
        instant = next(process.leg, None)
        if instant is None:
            self.end(process)
        else:
            heapq.heappush(self._due, (max(instant, self.boot + 1e-6), self.number(), process))

    def end(self, process: FakeProcess) -> None:
        """The process is gone, its locks with it."""
        process.lives = False
        self.locks = [lock for lock in self.locks if lock[1] != process.number]

    def kill(self, verb_up: str) -> None:
        """SIGKILL for the leg that wrote this file."""
        number = int(self.files[verb_up].split(":")[1].strip(" }"))
        for process in self.processes:
            if process.number == number:
                self.end(process)

    def run_until(self, boot: float) -> None:
        """Every process lived on to that instant."""
        while self._due and self._due[0][0] <= boot:
            instant, _, process = heapq.heappop(self._due)
            self.boot = max(self.boot, instant)
            if process.lives and not process.stopped:
                self._step(process)
        self.boot = max(self.boot, boot)

    def freeze(self, device: str) -> int:
        """FIFREEZE."""
        if device in self.freeze_says:
            return self.freeze_says[device]
        if device in self.frozen:
            return errno.EBUSY
        self.frozen.add(device)
        self.frozen_since[device] = self.boot
        self.history.append(f"freeze {device}")
        return 0

    def thaw(self, device: str) -> int:
        """FITHAW."""
        if device in self.thaw_says:
            return self.thaw_says[device]
        if device not in self.frozen:
            return errno.EINVAL
        self.frozen.discard(device)
        self.longest_freeze = max(
            self.longest_freeze, self.boot - self.frozen_since.get(device, self.boot)
        )
        self.history.append(f"thaw {device}")
        return 0


class FakeKernel(Kernel):
    """One process's view of a FakeMachine."""

    def __init__(self, machine: FakeMachine, number: int = 1) -> None:
        self.machine = machine
        self.number = number
        self.handles: dict[int, str] = {}
        self.children: dict[int, tuple[float, str, str]] = {}
        self.asked = False
        self.host_open = False

    def read_text(self, path: str) -> str:
        if path not in self.machine.files:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return self.machine.files[path]

    def list_directory(self, path: str) -> list[str]:
        prefix = path.rstrip("/") + "/"
        every = [*self.machine.files, *self.machine.links]
        return sorted(
            {name[len(prefix) :].split("/")[0] for name in every if name.startswith(prefix)}
        )

    def real_path(self, path: str) -> str:
        return self.machine.links.get(path, path)

    def read_link(self, path: str) -> str:
        return self.machine.links.get(path, "")

    def exists(self, path: str) -> bool:
        known = path in self.machine.files or path in self.machine.links
        return known or bool(self.list_directory(path))

    def make_directory(self, path: str) -> None:
        self.machine.history.append(f"mkdir {path}")

    def write_text(self, path: str, text: str) -> None:
        assert path.startswith(self.run), f"{path} may lie on a frozen file system"
        self.machine.files[path] = text

    def install_helper(self, directory: str) -> str:
        self.machine.files[directory + "/helper.pyz"] = "archive"
        return directory + "/helper.pyz"

    def remove_tree(self, path: str) -> None:
        for name in [name for name in self.machine.files if name.startswith(path + "/")]:
            del self.machine.files[name]

    def open_mount(self, path: str) -> int:
        if path not in self.machine.at or path in self.machine.unopenable:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        handle = self.machine.number()
        self.handles[handle] = self.machine.at[path]
        return handle

    def device_of(self, handle: int) -> str:
        return self.handles[handle]

    def btrfs_fsid(self, handle: int) -> str:
        fsid = self.machine.fsids.get(self.handles[handle])
        if fsid is None:
            raise OSError(errno.ENOTTY, "not a btrfs")
        return fsid

    def syncfs(self, handle: int) -> None:
        self.machine.boot += self.machine.sync_takes

    def start_sync(self, handle: int) -> int:
        return self._start_child("sync", self.handles[handle], self.machine.sync_takes)

    def start_freeze(self, handle: int, not_after: float) -> int:
        device = self.handles[handle]
        act = "freeze" if self.machine.boot <= not_after else "late"
        return self._start_child(act, device, self.machine.freeze_takes.get(device, 0.0))

    def start_thaw(self, handle: int) -> int:
        device = self.handles[handle]
        return self._start_child("thaw", device, self.machine.thaw_takes.get(device, 0.0))

    def _start_child(self, act: str, device: str, takes: float) -> int:
        child = self.machine.number()
        self.children[child] = (self.machine.boot + takes, act, device)
        return child

    def outcome(self, child: int) -> int | None:
        ends, act, device = self.children[child]
        if self.machine.boot < ends:
            return None
        del self.children[child]
        if act == "freeze":
            return self.machine.freeze(device)
        if act == "thaw":
            return self.machine.thaw(device)
        return errno.ETIME if act == "late" else 0

    def close(self, handle: int) -> None:
        self.handles.pop(handle, None)
        self.machine.locks = [lock for lock in self.machine.locks if lock[2] != handle]

    def boot_clock(self) -> float:
        return self.machine.boot

    def wall_clock(self) -> float:
        return self.machine.boot + self.machine.wall_ahead

    def clock_status(self) -> tuple[bool, float]:
        return self.machine.synchronised, 0.02

    def open_host_clock(self) -> bool:
        self.host_open = self.machine.host_ahead is not None
        return self.host_open

    def host_clock(self) -> tuple[float, float] | None:
        if not self.host_open or self.machine.host_ahead is None:
            return None
        return self.machine.boot + self.machine.host_ahead, 0.00001

    def sleep_until(self, boot: float) -> None:
        self.machine.run_until(boot)

    def lock(self, path: str, *, exclusive: bool, children: bool) -> int | None:
        self.machine.files.setdefault(path, "")
        others = [lock for lock in self.machine.locks if lock[0] == path]
        if any(exclusive or lock[3] for lock in others):
            return None
        handle = self.machine.number()
        self.machine.locks.append((path, self.number, handle, exclusive))
        return handle

    def record_lock(self, path: str) -> int | None:
        if path not in self.machine.files:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return None if self.machine.record_locked else self.machine.number()

    def process_id(self) -> int:
        return self.number

    def settle(self) -> None:
        self.machine.history.append("settle")

    def asked_to_stop(self) -> bool:
        return self.asked

    def kill_group(self, process: int) -> None:
        for each in self.machine.processes:
            if each.number == process:
                self.machine.end(each)

    def has_systemd(self) -> bool:
        return self.machine.systemd

    def start_service(
        self, unit: str, helper: str, arguments: Sequence[str], options: dict[str, str]
    ) -> bool:
        if self.machine.units_refused or (self.machine.old_systemd and "ExecStopPost" in options):
            return False
        self.machine.units[unit] = options
        if not self.machine.legs_silent:
            self.machine.start(arguments, unit)
        return True

    def start_timer(self, unit: str, helper: str, arguments: Sequence[str], delay: float) -> bool:
        self.machine.units[unit + ".timer"] = {"after": str(delay)}
        self.machine.schedule(arguments, delay)
        return True

    def unit_is_active(self, unit: str) -> bool:
        return unit in self.machine.units

    def stop_unit(self, unit: str) -> None:
        self.machine.history.append(f"stop {unit}")
        for process in self.machine.processes:
            if f"{process.unit}.service" == unit:
                self.machine.end(process)

    def start_session(self, helper: str, arguments: Sequence[str]) -> bool:
        if self.machine.units_refused:
            return False
        self.machine.start(arguments)
        return True
