"""The kernel the helper finds in a plain guest: its own class, with file systems that are files.

Processes, locks and clocks are the machine's; /proc, /sys and /dev come from machine.json; a super block
is a gate file: writers hold its lock while they write, and `<gate>.frozen` beside it means frozen.
"""

import errno
import fcntl
import json
import os
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

LONGEST_NAP = 0.5
COMMAND_TIMEOUT = 40.0
HOST_CLOCK_BRACKET = 0.000_02


class Kernel:
    """The machine as one process of a plain guest sees it; each method as the helper's own says."""

    run = "/run/diskguard"
    guest = "/guest"

    def __init__(self) -> None:
        with open(self.guest + "/machine.json", encoding="utf-8") as file:
            self._machine: dict[str, Any] = json.load(file)
        self._mounts: dict[int, dict[str, Any]] = {}
        self._private_locks: list[int] = []
        self._host_clock = False
        self._stop = False

    # Files: our own below /run, all others as machine.json shows them.

    def read_text(self, path: str) -> str:
        if self._is_ours(path):
            with open(path, "rb") as file:
                return file.read().decode("utf-8", "surrogateescape")
        real = self.real_path(path)
        folder, _, name = real.rpartition("/")
        if folder in self._machine["counters"] and name in ("stat", "inflight"):
            return self._counters(self._machine["counters"][folder], name)
        if real not in self._machine["files"]:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return str(self._machine["files"][real])

    def list_directory(self, path: str) -> list[str]:
        if not self._is_ours(path):
            return list(self._machine["children"].get(self.real_path(path), []))
        try:
            return sorted(os.listdir(path))
        except OSError:
            return []

    def real_path(self, path: str) -> str:
        if self._is_ours(path):
            return os.path.realpath(path)
        done = ""
        for part in filter(None, path.split("/")):
            done += "/" + part
            if done in self._machine["links"]:
                done = self.real_path(self._machine["links"][done])
        return done or "/"

    def read_link(self, path: str) -> str:
        return str(self._machine["links"].get(path, ""))

    def exists(self, path: str) -> bool:
        if self._is_ours(path):
            return os.path.exists(path)
        real = self.real_path(path)
        return real in self._machine["files"] or real in self._machine["children"]

    def make_directory(self, path: str) -> None:
        os.makedirs(path, mode=0o700, exist_ok=True)

    def write_text(self, path: str, text: str) -> None:
        partial = f"{path}.{os.getpid()}.part"
        with open(partial, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.rename(partial, path)

    def install_helper(self, directory: str) -> str:
        target = os.path.join(directory, "helper.pyz")
        shutil.copyfile(os.path.realpath(sys.argv[0]), target)
        return target

    def remove_tree(self, path: str) -> None:
        shutil.rmtree(path, ignore_errors=True)

    def _is_ours(self, path: str) -> bool:
        return (path + "/").startswith(self.run + "/")

    def _counters(self, disk: str, name: str) -> str:
        if name == "inflight":
            return "       0        0\n"
        with open(disk, "rb") as file:
            (written,) = struct.unpack("<Q", file.read(8))
        return f"90 0 900 5 {written} 0 900 5 0 9 9 0 0 0 0 0 0\n"

    # Mounts. A handle is a descriptor of the gate.

    def open_mount(self, path: str) -> int:
        for mount in self._machine["mounts"]:
            if mount["path"] == path:
                handle = os.open(mount["gate"], os.O_RDWR | os.O_CLOEXEC)
                self._mounts[handle] = mount
                return handle
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    def device_of(self, handle: int) -> str:
        return str(self._mounts[handle]["number"])

    def btrfs_fsid(self, handle: int) -> str:
        fsid = self._mounts[handle]["fsid"]
        if fsid is None:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
        return str(fsid)

    def syncfs(self, handle: int) -> None:
        os.fsync(handle)

    def start_sync(self, handle: int) -> int:
        return self._child(handle, "sync", float("inf"))

    def start_freeze(self, handle: int, not_after: float) -> int:
        return self._child(handle, "freeze", not_after)

    def start_thaw(self, handle: int) -> int:
        return self._child(handle, "thaw", float("inf"))

    def outcome(self, child: int) -> int | None:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended == 0:
            return None
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else errno.EINTR

    def _child(self, handle: int, request: str, not_after: float) -> int:
        mount = self._mounts[handle]
        child = os.fork()
        if child:
            return child
        code = errno.EIO
        try:
            for lock in self._private_locks:
                os.close(lock)
            code = errno.ETIME if self.boot_clock() > not_after else self._act(mount, request)
        finally:
            os._exit(code)

    def _act(self, mount: dict[str, Any], request: str) -> int:
        """Answer as FIFREEZE and FITHAW do: 0 or an errno."""
        if request == "sync":
            return 0
        if not mount["can_freeze"]:
            return errno.EOPNOTSUPP
        mark = mount["gate"] + ".frozen"
        with open(mount["gate"], "ab") as door:
            fcntl.flock(door, fcntl.LOCK_EX)  # nobody is in the middle of a write from here on
            if request == "freeze":
                return self._mark(mark)
            return self._unmark(mark)

    def _mark(self, mark: str) -> int:
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return errno.EBUSY
        return 0

    def _unmark(self, mark: str) -> int:
        try:
            os.unlink(mark)
        except FileNotFoundError:
            return errno.EINVAL
        return 0

    def close(self, handle: int) -> None:
        self._mounts.pop(handle, None)
        if handle in self._private_locks:
            self._private_locks.remove(handle)
        os.close(handle)

    # Clocks: the machine's own, called synchronised because guest and cloud are one machine here.

    def boot_clock(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall_clock(self) -> float:
        return time.time()

    def clock_status(self) -> tuple[bool, float]:
        return bool(self._machine["synchronised"]), float(self._machine["clock_error"])

    def open_host_clock(self) -> bool:
        self._host_clock = bool(self._machine["host_clock"])
        return self._host_clock

    def host_clock(self) -> tuple[float, float] | None:
        return (time.time(), HOST_CLOCK_BRACKET) if self._host_clock else None

    def sleep_until(self, boot: float) -> None:
        while (left := boot - self.boot_clock()) > 0 and not self._stop:
            time.sleep(min(left, LONGEST_NAP))

    # Locks.

    def lock(self, path: str, *, exclusive: bool, children: bool) -> int | None:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
        if not children:
            self._private_locks.append(handle)
        return handle

    def is_locked(self, path: str) -> bool:
        handle = self.lock(path, exclusive=True, children=False)
        if handle is None:
            return True
        self.close(handle)
        return False

    def record_lock(self, path: str) -> int | None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    # Processes.

    def process_id(self) -> int:
        return os.getpid()

    def settle(self) -> None:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked)

    def _asked(self, *_: object) -> None:
        self._stop = True

    def asked_to_stop(self) -> bool:
        return self._stop

    def kill_group(self, process: int) -> None:
        kill_group(process)

    # Supervisors. A unit is a file whose lock its supervisor holds for as long as the unit is active.

    def has_systemd(self) -> bool:
        return bool(self._machine["systemd"])

    def start_service(
        self, unit: str, helper: str, arguments: Sequence[str], options: dict[str, str]
    ) -> bool:
        line = self.command_line(helper, arguments)
        return self._start_unit(unit + ".service", Service(line, options).live)

    def start_timer(self, unit: str, helper: str, arguments: Sequence[str], delay: float) -> bool:
        due = self.boot_clock() + delay

        def live() -> None:
            self.sleep_until(due)
            self.start_service(unit, helper, arguments, {})

        return self._start_unit(unit + ".timer", live)

    def _start_unit(self, unit: str, live: Any) -> bool:
        """A supervisor runs `live` on its own; SIGTERM ends a timer, a service ends its process first."""
        os.makedirs(self.guest + "/units", exist_ok=True)
        handle = self.lock(self._unit_file(unit), exclusive=True, children=True)
        if handle is None:
            return False
        supervisor = os.fork()
        if supervisor:
            os.ftruncate(handle, 0)
            os.pwrite(handle, b"%d" % supervisor, 0)
            os.close(handle)
            return True
        try:
            os.setsid()
            os.closerange(3, handle)
            os.closerange(handle + 1, 256)
            self._private_locks, self._mounts = [], {}
            live()
        finally:
            os._exit(0)

    def _unit_file(self, unit: str) -> str:
        return self.guest + "/units/" + unit

    def command_line(self, helper: str, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-I", "-S", "-B", helper, *arguments]

    def unit_is_active(self, unit: str) -> bool:
        path = self._unit_file(unit)
        return os.path.exists(path) and self.is_locked(path)

    def stop_unit(self, unit: str) -> None:
        if not self.unit_is_active(unit):
            return
        with open(self._unit_file(unit), encoding="utf-8") as file:
            os.kill(int(file.read()), signal.SIGTERM)
        patience = self.boot_clock() + COMMAND_TIMEOUT
        while self.unit_is_active(unit) and self.boot_clock() < patience:
            self.sleep_until(self.boot_clock() + 0.01)

    def start_session(self, helper: str, arguments: Sequence[str]) -> bool:
        process = start_process(self.command_line(helper, arguments))
        process.returncode = 0  # not ours to wait for: it outlives this process
        return True


class Service:
    """What systemd does for a transient service: limits its life, ends what is left, runs what follows."""

    def __init__(self, line: list[str], options: dict[str, str]) -> None:
        self.line = line
        self.longest = float(options["RuntimeMaxSec"]) if "RuntimeMaxSec" in options else None
        self.patience = float(options.get("TimeoutStopSec", "90"))
        self.after = shlex.split(options.get("ExecStopPost", ""))

    def live(self) -> None:
        """The process has run and ended, by itself or not, and so has what follows it."""
        process = start_process(self.line)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            process.wait(self.longest)
        except subprocess.TimeoutExpired:
            process.terminate()
            self.wait_or_kill(process)
        kill_group(process.pid)
        if self.after:
            start_process(self.after).wait()

    def wait_or_kill(self, process: "subprocess.Popen[bytes]") -> None:
        """It has ended; if not by itself in time, by SIGKILL."""
        try:
            process.wait(self.patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def start_process(line: list[str]) -> "subprocess.Popen[bytes]":
    """A process in a session of its own that says nothing."""
    null = subprocess.DEVNULL
    return subprocess.Popen(  # noqa: S603 - our own command line
        line, stdin=null, stdout=null, stderr=null, cwd="/", start_new_session=True
    )


def kill_group(process: int) -> None:
    """Every process of this group has been sent SIGKILL."""
    try:
        os.killpg(process, signal.SIGKILL)
    except OSError:
        return
