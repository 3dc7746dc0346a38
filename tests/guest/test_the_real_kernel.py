"""The helper's door to the machine, as far as any machine lets it be tried; nothing is frozen here."""

import errno
import fcntl
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from diskguard_helper import native
from diskguard_helper.kernel import Kernel

NOT_FREEZABLE = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EPERM, errno.EINVAL)

INSTALLING = """
import sys
from diskguard_helper.kernel import Kernel
Kernel().install_helper(sys.argv[1])
"""


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def handle() -> Iterator[int]:
    """A handle on a file system no kernel freezes."""
    handle = os.open("/proc", os.O_RDONLY)
    yield handle
    os.close(handle)


def outcome(kernel: Kernel, child: int) -> int:
    """What the child ended with, once it has."""
    while (found := kernel.outcome(child)) is None:
        kernel.sleep_until(kernel.boot_clock() + 0.001)
    return found


def test_files_are_read_listed_and_written_whole(kernel: Kernel, tmp_path: Path):
    kernel.make_directory(str(tmp_path / "ours"))
    kernel.write_text(str(tmp_path / "ours/a"), "text")

    assert kernel.read_text(str(tmp_path / "ours/a")) == "text"
    assert kernel.list_directory(str(tmp_path / "ours")) == ["a"]
    assert kernel.list_directory(str(tmp_path / "nowhere")) == []
    assert (tmp_path / "ours").stat().st_mode & 0o777 == 0o700
    kernel.remove_tree(str(tmp_path / "ours"))
    assert not kernel.exists(str(tmp_path / "ours"))


def test_a_folder_that_is_a_link_is_not_ours(kernel: Kernel, tmp_path: Path):
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(PermissionError):
        kernel.make_directory(str(tmp_path / "link"))


def test_links_are_followed_or_only_read(kernel: Kernel, tmp_path: Path):
    (tmp_path / "link").symlink_to("elsewhere")

    assert kernel.real_path(str(tmp_path / "link")) == str(tmp_path / "elsewhere")
    assert kernel.read_link(str(tmp_path / "link")) == "elsewhere"
    assert kernel.read_link(str(tmp_path)) == ""


def test_the_helper_is_copied_beside_the_plan(tmp_path: Path):
    running = tmp_path / "running.py"
    running.write_text(INSTALLING)
    folder = tmp_path / "attempt"
    folder.mkdir()

    subprocess.run([sys.executable, running, folder], check=True)

    assert (folder / "helper.pyz").read_text() == INSTALLING


def test_what_cannot_freeze_says_so(kernel: Kernel, handle: int):
    assert outcome(kernel, kernel.start_freeze(handle, float("inf"))) in NOT_FREEZABLE
    assert outcome(kernel, kernel.start_thaw(handle)) in NOT_FREEZABLE
    assert outcome(kernel, kernel.start_sync(handle)) == 0
    kernel.syncfs(handle)


def test_a_freezer_that_comes_late_does_not_try(kernel: Kernel, handle: int):
    child = kernel.start_freeze(handle, kernel.boot_clock() - 1)

    assert outcome(kernel, child) == errno.ETIME


def test_a_freezer_that_was_killed_is_told_from_one_that_failed(kernel: Kernel):
    child = os.fork()
    if child == 0:
        signal.pause()
    os.kill(child, signal.SIGKILL)

    assert outcome(kernel, child) == errno.EINTR


def test_without_memory_for_a_child_the_thaw_is_done_here(handle: int):
    class Exhausted(Kernel):
        def _child(self, handle: int, request: int | None, not_after: float) -> int:
            raise OSError(errno.ENOMEM, "no memory")

    kernel = Exhausted()

    assert kernel.outcome(kernel.start_thaw(handle)) in NOT_FREEZABLE


def test_a_handle_knows_its_device(kernel: Kernel, tmp_path: Path):
    device = tmp_path.stat().st_dev
    handle = os.open(tmp_path, os.O_RDONLY)

    assert kernel.device_of(handle) == f"{os.major(device)}:{os.minor(device)}"
    kernel.close(handle)


def test_what_is_no_btrfs_has_no_id(kernel: Kernel, handle: int):
    with pytest.raises(OSError):  # noqa: PT011 - which errno is the file system's choice
        kernel.btrfs_fsid(handle)


def test_the_boot_clock_goes_on_and_sleep_reaches_its_instant(kernel: Kernel):
    before = kernel.boot_clock()

    kernel.sleep_until(before + 0.02)

    assert kernel.boot_clock() >= before + 0.02
    assert kernel.wall_clock() > 1.6e9


def test_the_kernel_says_whether_the_clock_is_synchronised(kernel: Kernel):
    synchronised, error = kernel.clock_status()

    assert synchronised in (True, False)
    assert error >= 0


def test_a_machine_without_a_hypervisors_clock_has_none():
    class Bare(Kernel):
        def list_directory(self, path: str) -> list[str]:
            return ["ptp0", "ptp1"]

        def read_text(self, path: str) -> str:
            if "ptp0" in path:
                raise OSError(errno.ENOENT, "gone")
            return "hyperv\n"

    kernel = Bare()

    assert kernel.host_clock() is None
    assert kernel.open_host_clock() is (kernel.host_clock() is not None)


def test_a_device_that_is_no_clock_gives_no_time():
    class Wrong(Kernel):
        def list_directory(self, path: str) -> list[str]:
            return ["null"]

        def read_text(self, path: str) -> str:
            return "hyperv\n"

    kernel = Wrong()

    assert not kernel.open_host_clock()
    assert kernel.host_clock() is None


def test_a_sample_of_the_hosts_clock_is_read_between_two_of_ours():
    answer = native.ptp_request()
    for index, (seconds, nanoseconds) in enumerate([(10, 100), (50, 500_000_000), (10, 400)]):
        struct.pack_into("qI", answer, 16 + 16 * index, seconds, nanoseconds)

    device, bracket = native.ptp_sample(answer)

    assert device == 50.5
    assert bracket == pytest.approx(3e-7, abs=1e-8)


def test_without_ctypes_nothing_is_claimed(handle: int):
    class Minimal(Kernel):
        def __init__(self) -> None:
            super().__init__()
            self._library = None

    kernel = Minimal()

    assert kernel.clock_status() == (False, 0.0)
    kernel.syncfs(handle)


def test_a_lock_is_shared_or_not_and_seen_by_others(kernel: Kernel, tmp_path: Path):
    path = str(tmp_path / "lock")
    shared = kernel.lock(path, exclusive=False, children=True)
    again = kernel.lock(path, exclusive=False, children=False)
    assert shared is not None
    assert again is not None

    assert kernel.lock(path, exclusive=True, children=False) is None
    assert kernel.is_locked(path)
    kernel.close(shared)
    kernel.close(again)
    assert not kernel.is_locked(path)


def test_a_private_lock_is_not_held_by_a_child(kernel: Kernel, handle: int, tmp_path: Path):
    path = str(tmp_path / "lock")
    private = kernel.lock(path, exclusive=True, children=False)
    assert private is not None
    child = kernel.start_sync(handle)
    kernel.close(private)

    assert outcome(kernel, child) == 0
    assert not kernel.is_locked(path)


def test_azure_backups_lock_is_never_made_and_its_holder_seen(kernel: Kernel, tmp_path: Path):
    path = tmp_path / "SafeFreezeLockFile"
    with pytest.raises(FileNotFoundError):
        kernel.record_lock(str(path))
    path.write_text("")

    handle = kernel.record_lock(str(path))
    assert handle is not None
    child = os.fork()
    if child == 0:
        os._exit(0 if Kernel().record_lock(str(path)) is None else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    fcntl.lockf(handle, fcntl.LOCK_UN)
    kernel.close(handle)


def test_a_leg_is_silent_and_only_notes_that_it_should_stop():
    code = (
        "import os, sys\n"
        "from diskguard_helper.kernel import Kernel\n"
        "kernel = Kernel()\n"
        "said = os.dup(1)\n"
        "kernel.settle()\n"
        "print('a word', flush=True)\n"
        "os.kill(kernel.process_id(), 15)\n"
        "before = kernel.boot_clock()\n"
        "kernel.sleep_until(before + 60)\n"
        "quick = kernel.boot_clock() < before + 5\n"
        "kernel.sleep_until(kernel.boot_clock() + 0.01)\n"
        "os.write(said, repr([quick, kernel.asked_to_stop()]).encode())\n"
    )
    source = str(Path(native.__file__).parents[1])

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": source},
    )

    assert (done.stdout, done.stderr) == ("[True, True]", "")


def test_a_session_outlives_who_started_it_and_can_be_killed(kernel: Kernel, tmp_path: Path):
    script = tmp_path / "leg.py"
    script.write_text(
        "import os, sys, signal\nopen(sys.argv[1], 'w').write(str(os.getsid(0)))\nsignal.pause()\n"
    )

    assert kernel.start_session(str(script), [str(tmp_path / "up")])
    while not kernel.exists(str(tmp_path / "up")) or not (
        number := kernel.read_text(str(tmp_path / "up"))
    ):
        kernel.sleep_until(kernel.boot_clock() + 0.01)

    assert int(number) != os.getsid(0)
    kernel.kill_group(int(number))
    kernel.kill_group(2**22 - 1)
    assert os.waitstatus_to_exitcode(os.waitpid(int(number), 0)[1]) == -signal.SIGKILL


def test_what_cannot_be_started_is_not_started(tmp_path: Path):
    class NoPython(Kernel):
        def command_line(self, helper: str, arguments: object) -> list[str]:
            return [str(tmp_path / "no-such-python")]

    assert not NoPython().start_session("helper.pyz", ["hold", "/x"])


def test_systemd_is_asked_for_services_timers_and_their_state(tmp_path: Path):
    lines: list[list[str]] = []

    class Asked(Kernel):
        def _command(self, line: list[str]) -> int | None:
            lines.append(line)
            return 0

    kernel = Asked()

    assert kernel.start_service("u", "h.pyz", ["hold", "/d"], {"Slice": "s", "A": "b"})
    assert kernel.start_timer("t", "h.pyz", ["passes", "/d"], 12.3456)
    assert kernel.unit_is_active("t.timer")
    kernel.stop_unit("t.timer")
    leg = [sys.executable, "-I", "-S", "-B", "h.pyz"]
    assert lines == [
        [
            "systemd-run",
            "--quiet",
            "--no-ask-password",
            "--unit=u",
            "--property=A=b",
            "--property=Slice=s",
            "--",
            *leg,
            "hold",
            "/d",
        ],
        [
            "systemd-run",
            "--quiet",
            "--no-ask-password",
            "--unit=t",
            "--on-active=12.346s",
            "--timer-property=AccuracySec=100ms",
            "--",
            *leg,
            "passes",
            "/d",
        ],
        ["systemctl", "is-active", "--quiet", "t.timer"],
        ["systemctl", "stop", "--quiet", "t.timer"],
        ["systemctl", "reset-failed", "--quiet", "t.timer"],
    ]


def test_a_command_that_fails_or_is_not_there_is_not_a_success(kernel: Kernel, tmp_path: Path):
    assert kernel._command(["false"]) == 1
    assert kernel._command([str(tmp_path / "nothing")]) is None
    assert kernel.has_systemd() is Path("/run/systemd/system").is_dir()


def test_a_mount_is_opened_whether_or_not_pid_1_lets_us_look(kernel: Kernel, tmp_path: Path):
    handle = kernel.open_mount(str(tmp_path))

    assert os.fstat(handle).st_ino == tmp_path.stat().st_ino
    kernel.close(handle)
