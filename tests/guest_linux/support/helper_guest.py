"""A guest in namespaces of its own: real file systems on loop devices, the real helper, its own /run."""

import base64
import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tests.guest_linux.support.loops import loop_disk, run
from tests.guest_linux.support.waiting import until
from tests.guest_linux.support.writers import Writer

from diskguard.guest import dialogue
from diskguard.guest.archive import helper_archive
from diskguard.model.guest import Armed, FreezeRequest, GuestDisk, GuestReport, ThawReport

FIFREEZE = 0xC0045877
FITHAW = 0xC0045878
SENTINEL = "5e471e1e5e471e1e"
LIMIT = timedelta(seconds=3)
_INIT = "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True: signal.pause()\n"
# Refuses by device number to freeze a file system of this machine, whatever the test did wrong.
_GUARDED_KERNEL = """
import os
from diskguard_helper import real_kernel

FORBIDDEN = {forbidden!r}


class Kernel(real_kernel.Kernel):
    def start_freeze(self, handle, not_after):
        if os.fstat(handle).st_dev in FORBIDDEN:
            raise SystemExit("a test would have frozen its own machine")
        return super().start_freeze(handle, not_after)
"""


@dataclass
class HelperGuest:
    """What a test sees of the guest."""

    init: int
    sizes: dict[int, int]
    devices: dict[int, str]
    mounts: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """The guest's own tree of files."""
        return Path(f"/proc/{self.init}/root")

    def inside(self, *command: str) -> str:
        """What the command printed, run inside."""
        return run("nsenter", "--target", str(self.init), "--all", *command)

    def request(self, attempt: str = "a1", **changes: Any) -> FreezeRequest:
        """A request over every disk; frozen 2 s from now for at most 3 s."""
        disks = tuple(
            GuestDisk(name=f"disk{lun}", lun=lun, size_bytes=size)
            for lun, size in self.sizes.items()
        )
        wish: dict[str, Any] = {
            "attempt": attempt,
            "disks": disks,
            "lead": timedelta(seconds=2),
            "limit": LIMIT,
            "allow_without_systemd": True,
        }
        return FreezeRequest(**{**wish, **changes})

    def say(self, script: tuple[str, ...]) -> str:
        """What a script of ours printed, run as Run Command would."""
        text = "\n".join(guarded(script))
        shell = ["nsenter", "--target", str(self.init), "--all", "sh"]
        done = subprocess.run(
            shell, input=text, capture_output=True, text=True, timeout=25, check=False
        )
        assert done.stderr == ""
        return done.stdout

    def arm(self, request: FreezeRequest) -> Armed:
        """ARM."""
        output = self.say(dialogue.render_arm(request, sentinel=SENTINEL))
        return dialogue.parse_armed(output, sentinel=SENTINEL, request=request)

    def collect(self, attempt: str = "a1") -> GuestReport:
        """COLLECT."""
        output = self.say(dialogue.render_collect(attempt, sentinel=SENTINEL))
        return dialogue.parse_report(output, sentinel=SENTINEL, attempt=attempt)

    def thaw(self) -> ThawReport:
        """The emergency."""
        output = self.say(dialogue.render_thaw(sentinel=SENTINEL))
        return dialogue.parse_thawed(output, sentinel=SENTINEL)

    def leg(self, name: str, attempt: str = "a1") -> int:
        """The number, outside, of a leg's process."""
        said = json.loads((self.root / f"run/diskguard/{attempt}/{name}.up.json").read_text())
        for status in Path("/proc").glob("[0-9]*/status"):
            if _is_process(status, said["process"], self.init):
                return int(status.parent.name)
        raise AssertionError(f"the {name} leg does not live")

    def signal_leg(self, name: str, number: signal.Signals) -> None:
        """A signal has been sent to a leg and its children."""
        os.killpg(self.leg(name), number)

    def freeze_from_outside(self, path: str) -> None:
        """Somebody else has frozen the file system there. Never one of this machine's own."""
        handle = os.open(self.root / path.lstrip("/"), os.O_RDONLY)
        try:
            assert os.fstat(handle).st_dev not in own_devices()
            fcntl.ioctl(handle, FIFREEZE, 0)
        finally:
            os.close(handle)

    def thaw_from_outside(self, path: str) -> int:
        """The errno of a FITHAW of somebody else's."""
        handle = os.open(self.root / path.lstrip("/"), os.O_RDONLY)
        try:
            fcntl.ioctl(handle, FITHAW, 0)
        except OSError as error:
            return error.errno or -1
        finally:
            os.close(handle)
        return 0


def _is_process(status: Path, number: int, init: int) -> bool:
    try:
        lines = dict(
            line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line
        )
        same = (status.parent / "ns/pid").readlink() == Path(f"/proc/{init}/ns/pid").readlink()
    except OSError:
        return False
    return same and lines["NSpid"].split()[-1] == str(number) and not lines["State"].startswith("Z")


def guarded(script: tuple[str, ...]) -> list[str]:
    """The script with the guarded kernel inside its helper."""
    start = next(at for at, line in enumerate(script) if "<<'DISKGUARD_HELPER'" in line)
    end = script.index("DISKGUARD_HELPER", start)
    return [*script[: start + 1], base64.b64encode(guarded_archive()).decode(), *script[end:]]


def own_devices() -> set[int]:
    """The file systems this machine itself stands on."""
    return {Path(path).stat().st_dev for path in ("/", tempfile.gettempdir(), "/var", "/run")}


def guarded_archive() -> bytes:
    """The shipped helper, its kernel behind one that refuses this machine's own file systems."""
    forbidden = own_devices()
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(helper_archive())) as shipped,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in shipped.namelist():
            kept = name.replace("/kernel.py", "/real_kernel.py")
            archive.writestr(kept, shipped.read(name))
        archive.writestr("diskguard_helper/kernel.py", _GUARDED_KERNEL.format(forbidden=forbidden))
    return packed.getvalue()


Dress = Callable[[HelperGuest], None]
House = Callable[[Path, dict[int, str]], AbstractContextManager[int]]


@contextmanager
def namespaces(folder: Path, devices: dict[int, str]) -> Iterator[int]:
    """The first process of namespaces of their own, without systemd."""
    line = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    outer = subprocess.Popen([*line, sys.executable, "-I", "-S", "-c", _INIT])
    try:
        init = child_of(outer.pid)
        ours, theirs = Path("/proc/1/comm"), Path(f"/proc/{init}", "root", "proc/1/comm")
        until(lambda: theirs.read_text() != ours.read_text(), "it has no /proc of its own")
        run("nsenter", "-t", str(init), "-m", "mount", "-t", "tmpfs", "run", "/run")
        run("nsenter", "-t", str(init), "-m", "mount", "-t", "tmpfs", "dev", "/dev")
        run("nsenter", "-t", str(init), "-m", "mknod", "/dev/null", "c", "1", "3")
        yield init
    finally:
        outer.kill()
        outer.wait()


@contextmanager
def helper_guest(
    folder: Path, luns: int, dress: Dress, megabytes: int = 64, house: House = namespaces
) -> Iterator[HelperGuest]:
    """A guest with that many data disks, dressed with file systems; thawed and gone afterwards."""
    with ExitStack() as stack:
        devices = {
            lun: stack.enter_context(loop_disk(folder, f"lun{lun}", megabytes))
            for lun in range(luns)
        }
        stack.callback(_wait_until_unused, devices)
        init = stack.enter_context(house(folder, devices))
        sizes = dict.fromkeys(devices, megabytes << 20)
        guest = HelperGuest(init=init, sizes=sizes, devices=devices)
        stack.callback(_thaw_everything, guest)
        _furnish(guest)
        dress(guest)
        yield guest


def _thaw_everything(guest: HelperGuest) -> None:
    """Whatever a test left frozen would keep its device for ever."""
    for path in guest.mounts:
        while guest.thaw_from_outside(path) == 0:
            continue


def _wait_until_unused(devices: dict[int, str]) -> None:
    """The mounts go with the last process of the namespace, a moment after its end."""
    for device in devices.values():
        until(partial(_is_unused, device), f"{device} is still mounted")


def _is_unused(device: str) -> bool:
    try:
        os.close(os.open(f"/dev/{device}", os.O_RDONLY | os.O_EXCL))
    except OSError:
        return False
    return True


def child_of(process: int) -> int:
    """The first child of a process, once it has one."""
    children = Path(f"/proc/{process}/task/{process}/children")
    until(lambda: bool(children.read_text()), "the namespace did not come up")
    return int(children.read_text().split()[0])


def _furnish(guest: HelperGuest) -> None:
    """Links that name the loop devices as Azure's udev rules would."""
    guest.inside("mount", "-t", "tmpfs", "mnt", "/mnt")
    guest.inside("mkdir", "-p", "/dev/disk/azure/scsi1")
    for lun, device in guest.devices.items():
        guest.inside("mknod", f"/dev/{device}", "b", "7", device.removeprefix("loop"))
        guest.inside("ln", "-s", f"../../../{device}", f"/dev/disk/azure/scsi1/lun{lun}")


def with_file_system(kind: str, path: str, *luns: int) -> Dress:
    """One file system over these disks, mounted at `path`."""

    def dress(guest: HelperGuest) -> None:
        devices = [f"/dev/{guest.devices[lun]}" for lun in luns]
        options = {"ext4": ["-q", "-F"], "xfs": ["-q", "-f"], "btrfs": ["-q", "-f"]}[kind]
        if len(luns) > 1:
            options += ["-d", "raid0", "-m", "raid0"]
        guest.inside(f"mkfs.{kind}", *options, *devices)
        guest.inside("mkdir", "-p", path)
        members = [f"-odevice={device}" for device in devices] if kind == "btrfs" else []
        guest.inside("mount", *members, devices[0], path)
        guest.mounts.append(path)

    return dress


def with_the_mount(path: str, lun: int) -> Dress:
    """What already lies on this disk, mounted at `path`."""

    def dress(guest: HelperGuest) -> None:
        guest.inside("mkdir", "-p", path)
        guest.inside("mount", f"/dev/{guest.devices[lun]}", path)
        guest.mounts.append(path)

    return dress


def with_a_file_system_in_a_file(path: str, file: str, megabytes: int = 32) -> Dress:
    """An ext4 in a file on a mount below, by a loop device of its own."""

    def dress(guest: HelperGuest) -> None:
        with (guest.root / file.lstrip("/")).open("wb") as image:
            image.truncate(megabytes << 20)
        device = run("losetup", "--find", "--show", guest.root / file.lstrip("/")).strip()
        guest.inside("mknod", device, "b", "7", device.removeprefix("/dev/loop"))
        guest.inside("mkfs.ext4", "-q", "-F", device)
        guest.inside("mkdir", "-p", path)
        guest.inside("mount", device, path)
        run("losetup", "--detach", device)  # it goes with the last mount
        guest.mounts.append(path)

    return dress


def with_all(*dresses: Dress) -> Dress:
    """Several of them, in order."""

    def dress(guest: HelperGuest) -> None:
        for each in dresses:
            each(guest)

    return dress


@contextmanager
def writing_to(guest: HelperGuest, path: str) -> Iterator[Writer]:
    """A writer on that mount."""
    writer = Writer(guest.root / path.lstrip("/") / "written")
    try:
        yield writer
    finally:
        writer.close()
