"""A guest with real file systems, for root only: loop devices, its own Debian, systemd as its first process.

Scripts run as Azure's agent runs them: script and output are files on the guest's own root. Freezing is
the kernel's. The links under /dev/disk/azure, which udev makes on Azure, are made by hand; nothing else
is pretended but the hypervisor's clock (inside/linux_kernel.py; option `host_clock: false` for none).
Needs the tree of linux_tree.py.
"""

import asyncio
import errno
import fcntl
import os
from contextlib import suppress
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from diskguard_emulator.clock import Clock
from diskguard_emulator.guests.linux_disks import (
    CommandFailed,
    LinuxImage,
    LoopDisk,
    Store,
    command,
    make_file_system,
)
from diskguard_emulator.guests.linux_tree import archive, why_no_linux_guest
from diskguard_emulator.guests.port import GuestFacts, GuestStopped, ScriptOutcome
from diskguard_emulator.guests.swapping import with_kernel
from diskguard_emulator.guests.tree import Mount, plant_tree

INSIDE: Final = "diskguard_emulator.guests.inside"
FITHAW: Final = 0xC0045878
CGROUPS: Final = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
FORBIDDEN: Final = "run/diskguard-forbidden-device"
AGENT: Final = "var/lib/waagent/run-command"
BOOT_PATIENCE: Final = 60.0
GLANCE: Final = 0.05
CGROUP_PATIENCE: Final = 40
WRITER: Final = """
import itertools, os, sys
files = [os.open(path + "/number", os.O_CREAT | os.O_WRONLY) for path in sys.argv[1:]]
for number in itertools.count(1):
    for file in files:
        os.pwrite(file, b"%020d" % number, 0)
        os.fsync(file)
"""


class NoLinuxGuest(Exception):
    """This machine cannot host one."""


class LinuxGuest:
    """One VM's inside; its devices exist from the first use until `close`."""

    def __init__(self, facts: GuestFacts, folder: Path) -> None:
        self.facts = facts
        self.folder = folder.resolve()
        self.disks: dict[int | None, LoopDisk] = {}
        self.mounts: tuple[Mount, ...] = _mounts(facts)
        self.first_process: int | None = None
        self._init = str(facts.options.get("init", "systemd"))
        self._writes = bool(facts.options.get("writer", True))
        self._store = Store(self.folder)
        self._running = facts.running
        self._serial = 0
        self._booting = asyncio.Lock()
        self._machine: asyncio.subprocess.Process | None = None
        self._writer: asyncio.subprocess.Process | None = None
        self._handles: list[int] = []

    # The emulator's port.

    @property
    def agent_answers(self) -> bool:
        return self._running

    async def run_script(self, script: str) -> ScriptOutcome:
        await self.boot()
        self._serial += 1
        place = f"{AGENT}/{self._serial}"
        folder = self.root / place
        folder.mkdir(parents=True)
        kernel = (files(INSIDE) / "linux_kernel.py").read_text(encoding="utf-8")
        wanted = self.facts.options.get("host_clock", True)
        (folder / "script.sh").write_text(with_kernel(script, kernel) if wanted else script)
        line = f"cd /{place} && exec setsid sh ./script.sh >stdout 2>stderr </dev/null"
        process = await self.enter("sh", "-c", line)
        code = await process.wait()
        if self.first_process is None:
            raise GuestStopped(f"{self.facts.vm_name} stopped while a script ran")
        stdout, stderr = (folder / name for name in ("stdout", "stderr"))
        return ScriptOutcome(stdout=stdout.read_bytes(), stderr=stderr.read_bytes(), exit_code=code)

    async def clone_disk(self, lun: int | None) -> LinuxImage:
        async with self._booting:
            await self.prepare()
        self._serial += 1
        target = self._store.place / f"clone-{self._serial}.img"
        return await asyncio.to_thread(self.disks[lun].clone, target, lun)

    async def start(self) -> None:
        self._running = True
        await self.boot()

    async def power_off(self) -> None:
        self._running = False
        await self._halt()

    async def close(self) -> None:
        await self._halt()
        await self._store.close()

    # More for tests.

    @property
    def root(self) -> Path:
        """The guest's files as seen from the machine. Raises GuestStopped."""
        if self.first_process is None:
            raise GuestStopped(f"{self.facts.vm_name} is off")
        return Path(f"/proc/{self.first_process}/root")

    async def enter(self, *words: str) -> asyncio.subprocess.Process:
        """A process inside; what it says goes nowhere. Raises GuestStopped."""
        _ = self.root
        return await asyncio.create_subprocess_exec(
            *("nsenter", "--target", str(self.first_process), *ENTERED, *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def ask(self, *words: str) -> str:
        """What a command printed inside. Raises CommandFailed, GuestStopped."""
        _ = self.root
        return await command("nsenter", "--target", str(self.first_process), *ENTERED, *words)

    async def prepare(self) -> None:
        """The disks exist, with their file systems and the guest's files. Raises CommandFailed."""
        if self.disks:
            return
        await self._store.open(sum(disk.size_bytes for disk in self.facts.disks))
        for disk in self.facts.disks:
            self.disks[disk.lun] = await self._store.add(disk.name, disk.size_bytes)
        for mount in self.mounts:
            await make_file_system(mount.file_system, self._devices(mount))
        await self._unpack()

    async def boot(self) -> None:
        """The guest runs. Raises GuestStopped where it is powered off, CommandFailed."""
        async with self._booting:
            if not self._running:
                raise GuestStopped(f"{self.facts.vm_name} is off")
            if self._machine is None:
                await self.prepare()
                await self._boot()

    # How it works.

    def _devices(self, mount: Mount) -> list[str]:
        return [self.disks[lun].device for lun in mount.luns]

    async def _unpack(self) -> None:
        place = self.folder / "unpacking"
        place.mkdir()
        await command("mount", self.disks[None].device, place)
        try:
            await command("tar", "-C", place, "-xf", archive())
        finally:
            await command("umount", place)
            place.rmdir()

    async def _boot(self) -> None:
        (self.folder / "root").mkdir(exist_ok=True)
        (self.folder / "mounts").write_text("".join(map(self._table_line, self.mounts)))
        (self.folder / "links").write_text("".join(map(self._link_line, self.facts.disks)))
        cgroup = _cgroup(self.facts.vm_name)
        cgroup.mkdir(exist_ok=True)
        with (
            as_file(files(INSIDE) / "boot_linux.sh") as boot,
            (self.folder / "console").open("ab") as console,
        ):
            self._machine = await asyncio.create_subprocess_exec(
                "sh",
                "-c",
                'echo $$ >"$1/cgroup.procs"; shift; exec "$@"',
                *("sh", str(cgroup), "unshare", *UNSHARED, "sh", str(boot)),
                *(str(self.folder / name) for name in ("root", "mounts", "links")),
                self._init,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=console,
            )
        await self._wait_until_up(self._machine)
        self._handles = [os.open(f"{self.root}{mount.path}", os.O_RDONLY) for mount in self.mounts]
        self._refuse_the_machines_own()
        if self._writes:
            self._writer = await self.enter("python3", "-c", WRITER, *self.written_paths)

    @property
    def written_paths(self) -> list[str]:
        """The mounts its application writes to in turn: the data disks', or the root where there is none."""
        data = [mount.path for mount in self.mounts if mount.path != "/"]
        return data or ["/var/tmp"]  # noqa: S108 - the guest's own

    def _table_line(self, mount: Mount) -> str:
        devices = self._devices(mount)
        members = [f"device={device}" for device in devices] if len(devices) > 1 else ["rw"]
        return f"{devices[0]} {mount.path} {','.join(members)}\n"

    def _link_line(self, disk: object) -> str:
        lun = getattr(disk, "lun", None)
        return f"{'root' if lun is None else f'scsi1/lun{lun}'} {self.disks[lun].device}\n"

    async def _wait_until_up(self, machine: asyncio.subprocess.Process) -> None:
        async with asyncio.timeout(BOOT_PATIENCE):
            while not await self._is_up(machine.pid):
                if machine.returncode is not None:
                    said = (self.folder / "console").read_text(errors="replace")
                    raise CommandFailed(f"the guest did not boot: {said}")
                await asyncio.sleep(GLANCE)

    async def _is_up(self, unshare: int) -> bool:
        self.first_process, name = _first_child(unshare)
        if name == "systemd" and self._init == "systemd":
            with suppress(CommandFailed):
                return await self.ask("systemctl", "is-system-running") == "running"
        return name == "sleep-on" and self._init != "systemd"

    def _refuse_the_machines_own(self) -> None:
        own = Path("/").stat().st_dev
        (self.root / FORBIDDEN).write_text(str(own))
        if any(os.fstat(handle).st_dev == own for handle in self._handles):
            raise CommandFailed("the guest would share a file system with this machine")

    async def _halt(self) -> None:
        machine, self._machine = self._machine, None
        self.first_process = None
        if machine is None:
            return
        with suppress(ProcessLookupError):
            machine.kill()
        await machine.wait()
        if self._writer is not None:
            await self._writer.wait()
        for handle in self._handles:
            await asyncio.to_thread(_thaw, handle)
            os.close(handle)
        self._handles = []
        await _remove_cgroup(_cgroup(self.facts.vm_name))


ENTERED: Final = ("--mount", "--pid", "--cgroup", "--ipc", "--uts", "--root", "--wd")
UNSHARED: Final = (
    *("--mount", "--pid", "--cgroup", "--ipc", "--uts"),
    *("--fork", "--kill-child"),
)


def _mounts(facts: GuestFacts) -> tuple[Mount, ...]:
    """The mounts, on whole disks: no partitions, no vfat, no resource disk."""
    options = {**facts.options, "resource_disk": False}
    planted = plant_tree(replace(facts, options=options)).mounts
    return tuple(mount for mount in planted if mount.can_freeze)


def _first_child(parent: int) -> tuple[int | None, str]:
    """The number and name of the first process below this one, None and empty while there is none."""
    try:
        child = int(Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])
        return child, Path(f"/proc/{child}/comm").read_text().strip()
    except (OSError, IndexError):
        return None, ""


def _cgroup(name: str) -> Path:
    home = next(each for each in CGROUPS if (each / "cgroup.procs").exists())
    return home / f"diskguard-{os.getpid()}-{name}"


async def _remove_cgroup(place: Path) -> None:
    """The cgroup is gone, once its last process is; one that never dies keeps it."""
    for _ in range(CGROUP_PATIENCE):
        for folder, _, _ in os.walk(place, topdown=False):
            with suppress(OSError):
                os.rmdir(folder)  # noqa: PTH106 - os.walk speaks in texts
        if not os.path.exists(place):  # noqa: ASYNC240, PTH110 - a folder of the kernel's own
            return
        await asyncio.sleep(GLANCE)


def _thaw(handle: int) -> None:
    """A frozen file system would pin its device for ever: no process of the guest is left to thaw it."""
    while True:
        try:
            fcntl.ioctl(handle, FITHAW, 0)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return
            raise


def make_guest(facts: GuestFacts, clock: Clock, folder: Path) -> LinuxGuest:
    """A Linux guest; it lives in real time, whatever the clock. Raises NoLinuxGuest with the reason."""
    _ = clock
    reason = why_no_linux_guest()
    if reason is not None:
        raise NoLinuxGuest(reason)
    return LinuxGuest(facts, folder)
