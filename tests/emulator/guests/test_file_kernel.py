"""The file-backed kernel, in this very process: every door, over a folder of the test's own."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.emulator.guests.asking import the_facts

from diskguard_emulator.guests.inside import writer
from diskguard_emulator.guests.inside.file_kernel import Kernel, Service
from diskguard_emulator.guests.plain import machine_facts
from diskguard_emulator.guests.tree import plant_tree

pytestmark = pytest.mark.real_time
SAY = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('said')"
SLEEP = "import time; time.sleep(60)"
BTRFS = {"path": "/srv", "file_system": "btrfs", "luns": [0, 1]}


class KernelHere(Kernel):
    """The kernel of a guest whose folder is the test's."""

    def __init__(self, folder: Path) -> None:
        self.run = str(folder / "run")
        self.guest = str(folder)
        super().__init__()


def a_folder(folder: Path, **options: object) -> Path:
    """What a plain guest would lay out for its kernel."""
    options.setdefault("mounts", [BTRFS])
    facts = json.dumps(machine_facts(plant_tree(the_facts(**options)), options))
    facts = facts.replace('"/guest/gates', f'"{folder}/gates').replace(
        '"/disks', f'"{folder}/disks'
    )
    (folder / "machine.json").write_text(facts)
    for name in ("run", "gates", "disks"):
        (folder / name).mkdir()
    for mount in json.loads(facts)["mounts"]:
        Path(mount["gate"]).touch()
    for disk in json.loads(facts)["counters"].values():
        Path(disk).write_bytes(bytes(writer.BLOCK))
    return folder


@pytest.fixture
def kernel(tmp_path):
    return KernelHere(a_folder(tmp_path))


def answer(kernel: KernelHere, child: int) -> int:
    """What a child ends with."""
    while (code := kernel.outcome(child)) is None:
        time.sleep(0.001)  # noqa: TID251 - a real process is waited for
    return code


def eventually(holds: Callable[[], bool], patience: float = 10.0) -> bool:
    until = time.monotonic() + patience
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)  # noqa: TID251 - a real process is waited for
    return bool(holds())


def a_program(folder: Path, text: str) -> str:
    path = folder / "program.py"
    path.write_text(text)
    return str(path)


def test_a_freeze_lasts_until_a_thaw_and_comes_once(kernel):
    root = kernel.open_mount("/")

    codes = [
        answer(kernel, kernel.start_freeze(root, float("inf"))),
        answer(kernel, kernel.start_freeze(root, float("inf"))),
        answer(kernel, kernel.start_thaw(root)),
        answer(kernel, kernel.start_thaw(root)),
    ]

    assert codes == [0, errno.EBUSY, 0, errno.EINVAL]


def test_a_late_freeze_does_not_happen(kernel):
    root = kernel.open_mount("/")

    assert answer(kernel, kernel.start_freeze(root, kernel.boot_clock() - 1)) == errno.ETIME
    assert answer(kernel, kernel.start_thaw(root)) == errno.EINVAL


def test_what_cannot_freeze_says_so(kernel):
    efi = kernel.open_mount("/boot/efi")

    assert answer(kernel, kernel.start_freeze(efi, float("inf"))) == errno.EOPNOTSUPP


def test_a_child_is_answered_for_once(kernel):
    child = kernel.start_sync(kernel.open_mount("/"))

    assert answer(kernel, child) == 0
    with pytest.raises(ChildProcessError):
        kernel.outcome(child)


def test_a_killed_child_says_so(kernel):
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    os.kill(child, signal.SIGKILL)

    assert answer(kernel, child) == errno.EINTR


def test_a_frozen_disk_takes_no_write(kernel, tmp_path):
    root = kernel.open_mount("/")
    disk = {"file": str(tmp_path / "disks/sda"), "gate": str(tmp_path / "gates/8-1")}
    rounds = writer.write_rounds([disk], 41)
    next(rounds)
    assert answer(kernel, kernel.start_freeze(root, float("inf"))) == 0

    before = writer.read_number(disk["file"])
    for _ in range(3):
        next(rounds)

    assert before == writer.read_number(disk["file"]) == 42
    assert kernel.read_text("/sys/block/sda/stat").split()[4] == "42"
    assert kernel.read_text("/sys/block/sda/inflight").split() == ["0", "0"]


def test_the_writer_goes_on_from_where_its_disks_are(tmp_path):
    folder = a_folder(tmp_path)
    disk = {"file": str(folder / "disks/sda"), "gate": str(folder / "gates/8-1")}
    (folder / "disks.json").write_text(json.dumps([disk]))
    writer.write_one(disk["file"], disk["gate"], 1000)

    process = subprocess.Popen([sys.executable, writer.__file__, str(folder / "disks.json")])

    assert eventually(lambda: writer.read_number(disk["file"]) > 1000)
    process.kill()
    process.wait()


def test_mounts_are_told_apart(kernel):
    root, srv = kernel.open_mount("/"), kernel.open_mount("/srv")

    assert kernel.device_of(root) == "8:1"
    assert len(kernel.btrfs_fsid(srv)) == 36
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        kernel.btrfs_fsid(root)
    with pytest.raises(FileNotFoundError):
        kernel.open_mount("/nowhere")
    kernel.syncfs(root)
    kernel.close(root)
    kernel.close(srv)


def test_the_machine_is_shown_from_the_tree(kernel):
    assert " / rw" in kernel.read_text("/proc/1/mountinfo")
    assert kernel.list_directory("/sys/block") == ["sda", "sdb", "sdc", "sdd"]
    assert kernel.real_path("/dev/disk/azure/scsi1/lun1") == "/dev/sdd"
    assert kernel.read_link("/dev/disk/azure/root") == "/dev/sda"
    assert kernel.exists("/sys/block/sda/size")
    assert not kernel.exists("/sys/block/sdz")
    assert kernel.list_directory("/sys/block/sdz") == []
    with pytest.raises(FileNotFoundError):
        kernel.read_text("/etc/shadow")


def test_its_own_files_are_real(kernel, monkeypatch):
    folder = f"{kernel.run}/a1"
    kernel.make_directory(folder)
    kernel.write_text(f"{folder}/plan.json", "{}")
    monkeypatch.setattr(sys, "argv", [__file__])

    target = kernel.install_helper(folder)

    assert kernel.read_text(f"{folder}/plan.json") == "{}"
    assert kernel.exists(target)
    assert kernel.real_path(target) == target
    assert kernel.list_directory(folder) == ["helper.pyz", "plan.json"]
    kernel.remove_tree(folder)
    assert kernel.list_directory(folder) == []


def test_a_lock_is_given_once(kernel):
    path = f"{kernel.run}/lock"

    handle = kernel.lock(path, exclusive=True, children=False)

    assert kernel.is_locked(path)
    kernel.close(handle)
    assert not kernel.is_locked(path)


def test_a_private_lock_is_not_kept_by_children(kernel):
    handle = kernel.lock(f"{kernel.run}/lock", exclusive=True, children=False)

    assert answer(kernel, kernel.start_sync(kernel.open_mount("/"))) == 0
    kernel.close(handle)


def test_azure_backup_has_no_lock_here(kernel):
    with pytest.raises(FileNotFoundError):
        kernel.record_lock("/etc/azure/lock")


def test_the_clocks_are_the_machines(kernel):
    before = kernel.boot_clock()

    kernel.sleep_until(before + 0.02)

    assert kernel.boot_clock() >= before + 0.02
    assert abs(kernel.wall_clock() - time.time()) < 1
    assert kernel.clock_status() == (True, 0.01)
    assert kernel.host_clock() is None
    assert kernel.open_host_clock()
    assert abs(kernel.host_clock()[0] - time.time()) < 1


def test_systemd_is_there_unless_the_estate_says_otherwise(tmp_path):
    assert not KernelHere(a_folder(tmp_path, systemd=False)).has_systemd()


def test_a_process_may_be_asked_to_stop(kernel):
    assert kernel.process_id() == os.getpid()
    assert not kernel.asked_to_stop()
    child = os.fork()
    if child == 0:
        kernel.settle()
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(0 if kernel.asked_to_stop() else 1)

    assert answer(kernel, child) == 0


def test_a_service_runs_and_what_follows_it_too(kernel, tmp_path):
    program = a_program(tmp_path, SAY)
    options = {"ExecStopPost": f"{sys.executable} {program} {tmp_path}/after"}

    started = kernel.start_service("one", program, [f"{tmp_path}/said"], options)

    assert started
    assert eventually((tmp_path / "after").exists)
    assert (tmp_path / "said").exists()
    assert eventually(lambda: not kernel.unit_is_active("one.service"))


def test_a_unit_has_its_name_once_and_can_be_stopped(kernel, tmp_path):
    program = a_program(tmp_path, SLEEP)
    assert kernel.start_service("one", program, [], {})

    again = kernel.start_service("one", program, [], {})
    kernel.stop_unit("one.service")

    assert not again
    assert not kernel.unit_is_active("one.service")
    kernel.stop_unit("one.service")
    kernel.stop_unit("never-heard-of.service")


def test_a_timer_runs_when_it_is_due_and_not_when_stopped(kernel, tmp_path):
    program = a_program(tmp_path, SAY)

    kernel.start_timer("soon", program, [f"{tmp_path}/soon"], 0.05)
    kernel.start_timer("never", program, [f"{tmp_path}/never"], 0.3)
    assert kernel.unit_is_active("never.timer")
    kernel.stop_unit("never.timer")

    assert eventually((tmp_path / "soon").exists)
    assert not kernel.unit_is_active("never.timer")
    assert not (tmp_path / "never").exists()


def test_a_session_outlives_who_started_it(kernel, tmp_path):
    program = a_program(tmp_path, SAY)

    assert kernel.start_session(program, [f"{tmp_path}/said"])

    assert eventually((tmp_path / "said").exists)


@pytest.mark.parametrize("deaf", [False, True])
def test_a_service_that_outlives_its_time_is_ended(tmp_path, deaf):
    ignoring = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if deaf else ""
    program = a_program(tmp_path, ignoring + SLEEP)
    options = {"RuntimeMaxSec": "0.3", "TimeoutStopSec": "0.2"}
    began, before = time.monotonic(), signal.getsignal(signal.SIGTERM)

    Service([sys.executable, program], options).live()

    signal.signal(signal.SIGTERM, before)
    assert time.monotonic() - began < 10


def test_killing_a_group_that_is_gone_is_fine(kernel):
    process = subprocess.Popen(["true"], start_new_session=True)
    process.wait()

    kernel.kill_group(process.pid)
