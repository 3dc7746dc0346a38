"""Every system call that needs privileges or looks at the machine; the only door of the helper.

The rest of the helper takes a `kernel` and decides; an emulated guest ships another file with the
same class in place of this one. Instants are floats: seconds of CLOCK_BOOTTIME, or since the epoch.
"""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import Dict, List, Optional, Sequence, Tuple

from diskguard_helper import native

LONGEST_NAP = 0.1  # a host pause must not stretch a nap: look at the boot clock again
COMMAND_TIMEOUT = 20.0


class Kernel:
    """The machine this process runs on."""

    run = "/run/diskguard"  # everything we write lies below this folder

    def __init__(self) -> None:
        self._library = native.c_library()
        self._host_clock: Optional[int] = None
        self._private_locks: List[int] = []
        self._done_here: Dict[int, int] = {}
        self._stop = self._rouse = False

    # Files of the machine, and our own under /run.

    def read_text(self, path: str) -> str:
        """The whole text of a small file. Raises OSError."""
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")

    def list_directory(self, path: str) -> List[str]:
        """The sorted names in a folder; empty where there is none."""
        try:
            return sorted(os.listdir(path))
        except OSError:
            return []

    def real_path(self, path: str) -> str:
        """The path with every symbolic link followed."""
        return os.path.realpath(path)

    def read_link(self, path: str) -> str:
        """Where one symbolic link points, without looking there; empty if it is none."""
        try:
            return os.readlink(path)
        except OSError:
            return ""

    def exists(self, path: str) -> bool:
        """Whether something is there."""
        return os.path.exists(path)

    def make_directory(self, path: str) -> None:
        """A folder of ours exists, closed to everybody else. Raises OSError."""
        os.makedirs(path, mode=0o700, exist_ok=True)
        if os.lstat(path).st_uid != os.geteuid() or os.path.islink(path):
            raise PermissionError(errno.EPERM, "not our folder", path)
        os.chmod(path, 0o700)

    def write_text(self, path: str, text: str) -> None:
        """The file holds `text`, whole or not at all. Only for paths below `run`."""
        partial = "%s.%d.part" % (path, os.getpid())
        with open(partial, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.rename(partial, path)

    def install_helper(self, directory: str) -> str:
        """A copy of the running helper lies in `directory`; the legs run from there."""
        target = os.path.join(directory, "helper.pyz")
        shutil.copyfile(os.path.realpath(sys.argv[0]), target)
        return target

    def remove_tree(self, path: str) -> None:
        """Gone, whether or not it was there."""
        shutil.rmtree(path, ignore_errors=True)

    # Mounts. A handle is a descriptor; a child is the number of a process of ours.

    def open_mount(self, path: str) -> int:
        """A handle on the mount that pid 1 sees at `path`. Raises OSError.

        Where pid 1 is closed to us, the one we see: whoever opens checks what it got.
        """
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            return os.open("/proc/1/root" + path, flags)
        except PermissionError:
            return os.open(path, flags)

    def device_of(self, handle: int) -> str:
        """The `major:minor` of what the handle lies on (of btrfs: the subvolume's own)."""
        device = os.fstat(handle).st_dev
        return "%d:%d" % (os.major(device), os.minor(device))

    def btrfs_fsid(self, handle: int) -> str:
        """The id of a btrfs, as /sys/fs/btrfs spells it. Raises OSError."""
        answer = bytearray(native.BTRFS_FS_INFO_SIZE)
        fcntl.ioctl(handle, native.BTRFS_FS_INFO, answer)
        digits = "".join("%02x" % byte for byte in answer[16:32])
        parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        return "-".join(parts)

    def syncfs(self, handle: int) -> None:
        """What was dirty on this file system is on its disks."""
        if self._library is None:
            os.sync()
        else:
            self._library.syncfs(handle)

    def start_sync(self, handle: int) -> int:
        """A child is flushing what is dirty on this file system."""
        return self._child(handle, None, float("inf"))

    def start_freeze(self, handle: int, not_after: float) -> int:
        """A child is freezing this file system, unless the boot clock already passed `not_after`."""
        return self._child(handle, native.FIFREEZE, not_after)

    def start_thaw(self, handle: int) -> int:
        """A child is thawing this file system; without memory for one, it was done here and now."""
        try:
            return self._child(handle, native.FITHAW, float("inf"))
        except OSError:
            name = -1 - len(self._done_here)
            self._done_here[name] = self._act(handle, native.FITHAW)
            return name

    def outcome(self, child: int) -> Optional[int]:
        """The errno a child ended with (0: done; EINTR: it was killed), None while it is at it.

        Asked once more after an answer, it raises ChildProcessError.
        """
        if child in self._done_here:
            return self._done_here[child]
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended == 0:
            return None
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else errno.EINTR

    def _child(self, handle: int, request: Optional[int], not_after: float) -> int:
        child = os.fork()
        if child:
            return child
        code = errno.EIO
        try:
            for lock in self._private_locks:
                os.close(lock)
            in_time = self.boot_clock() <= not_after
            code = self._act(handle, request) if in_time else errno.ETIME
        finally:
            os._exit(code & 0xFF)

    def _act(self, handle: int, request: Optional[int]) -> int:
        try:
            if request is None:
                self.syncfs(handle)
            else:
                fcntl.ioctl(handle, request, 0)
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def close(self, handle: int) -> None:
        """The handle of a mount or lock is let go; a lock with it."""
        if handle in self._private_locks:
            self._private_locks.remove(handle)
        os.close(handle)

    # Clocks.

    def boot_clock(self) -> float:
        """Seconds since boot; never set, never slewed."""
        return time.clock_gettime(native.CLOCK_BOOTTIME)

    def wall_clock(self) -> float:
        """The guest's own idea of the time, in seconds since the epoch."""
        return time.time()

    def clock_status(self) -> Tuple[bool, float]:
        """Whether the wall clock is synchronised, and its greatest error in seconds."""
        if self._library is None:
            return False, 0.0
        return native.clock_status(self._library)

    def open_host_clock(self) -> bool:
        """Whether the hypervisor's clock can be read; opened once, before anything freezes."""
        candidates = ["/dev/ptp_hyperv"]
        for name in self.list_directory("/sys/class/ptp"):
            try:
                if self.read_text("/sys/class/ptp/%s/clock_name" % name).strip() == "hyperv":
                    candidates.append("/dev/" + name)
            except OSError:
                continue
        for path in candidates:
            try:
                self._host_clock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue
            if self.host_clock() is not None:
                return True
        return False

    def host_clock(self) -> Optional[Tuple[float, float]]:
        """The hypervisor's time in seconds since the epoch with the width of its bracket."""
        if self._host_clock is None:
            return None
        answer = native.ptp_request()
        try:
            fcntl.ioctl(self._host_clock, native.PTP_SYS_OFFSET, answer)
        except OSError:
            return None
        return native.ptp_sample(answer)

    def sleep_until(self, boot: float) -> None:
        """It is that instant of the boot clock, or a signal has just asked us to stop."""
        while not self._rouse:
            left = boot - self.boot_clock()
            if left <= 0:
                return
            time.sleep(min(left, LONGEST_NAP))
        self._rouse = False

    # Locks. A lock ends with its last process, even one that hangs in the kernel.

    def lock(self, path: str, *, exclusive: bool, children: bool) -> Optional[int]:
        """A handle on the file's lock, None if somebody's hold forbids it; made where missing.

        With `children` every child started later holds it too, for as long as it lives.
        """
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
        """Whether any process holds the file's lock."""
        handle = self.lock(path, exclusive=True, children=False)
        if handle is None:
            return True
        self.close(handle)
        return False

    def record_lock(self, path: str) -> Optional[int]:
        """A handle on a POSIX record lock of an existing file, None if another process holds it.

        Raises FileNotFoundError: a lock file of others is never made.
        """
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
        return handle

    # Processes.

    def process_id(self) -> int:
        """Our own number, which is that of our process group too."""
        return os.getpid()

    def settle(self) -> None:
        """This process has nothing to say, stays in memory, runs first and is killed last.

        SIGTERM and its like only make `asked_to_stop` true. Each part is a wish: a kernel that
        refuses one changes nothing about the deadlines.
        """
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked)
        if self._library is not None:
            self._library.mlockall(native.MLOCK_CURRENT_AND_FUTURE)
        try:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("-1000")
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        except OSError:
            return

    def _asked(self, *_: object) -> None:
        self._stop = self._rouse = True

    def asked_to_stop(self) -> bool:
        """Whether somebody asked this process to end."""
        return self._stop

    def kill_group(self, process: int) -> None:
        """Every process of this group has been sent SIGKILL; one in the kernel dies later."""
        try:
            os.killpg(process, signal.SIGKILL)
        except OSError:
            return

    # Supervisors: where the legs live.

    def has_systemd(self) -> bool:
        """Whether systemd runs this machine."""
        return os.path.isdir("/run/systemd/system")

    def start_service(
        self, unit: str, helper: str, arguments: Sequence[str], options: Dict[str, str]
    ) -> bool:
        """Whether systemd took a transient service that runs the helper with these arguments."""
        return self._systemd_run(["--unit=" + unit], helper, arguments, options)

    def start_timer(self, unit: str, helper: str, arguments: Sequence[str], delay: float) -> bool:
        """Whether systemd will run the helper with these arguments, `delay` seconds from now."""
        when = ["--unit=" + unit, "--on-active=%.3fs" % delay]
        accurate = ["--timer-property=AccuracySec=100ms"]
        return self._systemd_run(when + accurate, helper, arguments, {})

    def _systemd_run(
        self, head: List[str], helper: str, arguments: Sequence[str], options: Dict[str, str]
    ) -> bool:
        wishes = ["--property=%s=%s" % pair for pair in sorted(options.items())]
        line = ["systemd-run", "--quiet", "--no-ask-password"] + head + wishes + ["--"]
        return self._command(line + self.command_line(helper, arguments)) == 0

    def command_line(self, helper: str, arguments: Sequence[str]) -> List[str]:
        """What runs the helper in a process of its own: no site, no bytecode, no environment."""
        return [sys.executable, "-I", "-S", "-B", helper] + list(arguments)

    def unit_is_active(self, unit: str) -> bool:
        """Whether systemd calls this unit active."""
        return self._command(["systemctl", "is-active", "--quiet", unit]) == 0

    def stop_unit(self, unit: str) -> None:
        """The unit is not active and not remembered as failed; what ran in it was killed.

        A process that somebody has stopped (SIGSTOP) would hold up a mere stop for its whole timeout.
        """
        if unit.endswith(".service"):
            self._command(["systemctl", "kill", "--quiet", "--signal=KILL", unit])
        self._command(["systemctl", "stop", "--quiet", unit])
        self._command(["systemctl", "reset-failed", "--quiet", unit])

    def start_session(self, helper: str, arguments: Sequence[str]) -> bool:
        """Whether the helper runs in a session and, where it can, a root cgroup of its own."""
        try:
            process = subprocess.Popen(
                self.command_line(helper, arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            return False
        self._leave_cgroups(process.pid)
        process.returncode = 0  # not ours to wait for: it outlives this process
        return True

    def _leave_cgroups(self, process: int) -> None:
        for group in [""] + self.list_directory("/sys/fs/cgroup"):
            path = os.path.join("/sys/fs/cgroup", group, "cgroup.procs")
            try:
                if group in ("", "unified") or os.path.exists(
                    os.path.join("/sys/fs/cgroup", group, "release_agent")
                ):
                    with open(path, "w") as file:
                        file.write(str(process))
            except OSError:
                continue

    def _command(self, line: List[str]) -> Optional[int]:
        try:
            process = subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            return process.wait(COMMAND_TIMEOUT)
        except (OSError, subprocess.TimeoutExpired):
            return None
