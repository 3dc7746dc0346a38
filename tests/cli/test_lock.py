"""One run of a policy at a time on this machine."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from diskguard.cli.lock import run_lock
from diskguard.cli.wiring import lock_folders
from diskguard.errors import AnotherRunHoldsTheLock, UsageInvalid

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from diskguard.cli.lock import run_lock
with run_lock([Path(sys.argv[1])], "erp", run_id="other", since=datetime(2026, 11, 22, tzinfo=UTC)):
    print("held", flush=True)
    sys.stdin.read()
"""


def lock(folder, policy="erp"):
    return run_lock([folder], policy, run_id="0011", since=NOW)


@pytest.fixture
def other_process(tmp_path):
    """Another process that holds the lock of the policy erp."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_refused_with_who_holds_the_lock(tmp_path, other_process):
    with pytest.raises(AnotherRunHoldsTheLock) as refused, lock(tmp_path):
        pass

    assert refused.value.exit_status == 6
    assert f"process {other_process.pid} on " in str(refused.value)
    assert "run other, since 2026-11-22T00:00:00.000Z" in str(refused.value)
    assert "nothing was done" in str(refused.value)


def test_a_holder_that_dies_leaves_no_lock_behind(tmp_path, other_process):
    other_process.kill()
    other_process.wait()

    with lock(tmp_path):
        held = (tmp_path / "diskguard-erp.lock").read_text()

    assert '"run_id": "0011"' in held


def test_another_policy_has_another_lock(tmp_path, other_process):
    with lock(tmp_path, "crm"):
        names = sorted(path.name for path in tmp_path.glob("*.lock"))

    assert names == ["diskguard-crm.lock", "diskguard-erp.lock"]


def test_afterwards_the_lock_is_free_and_names_nobody(tmp_path):
    for _ in range(2):
        with lock(tmp_path):
            pass

    assert (tmp_path / "diskguard-erp.lock").read_text() == ""


def test_a_holder_without_a_note_is_a_holder_all_the_same(tmp_path, other_process):
    (tmp_path / "diskguard-erp.lock").write_text("[]")

    with pytest.raises(AnotherRunHoldsTheLock, match="its holder left no note"), lock(tmp_path):
        pass


def test_the_first_folder_that_can_be_written_is_taken(tmp_path):
    with run_lock([tmp_path / "missing", tmp_path], "erp", run_id="r", since=NOW):
        assert (tmp_path / "diskguard-erp.lock").exists()


def test_no_folder_at_all_is_said_with_the_way_out(tmp_path):
    with pytest.raises(UsageInvalid) as refused, lock(tmp_path / "missing"):
        pass

    assert "DISKGUARD_LOCK_DIR" in str(refused.value.hint)


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "diskguard-erp.lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UsageInvalid, match="cannot lock"), lock(tmp_path):
        pass

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("environment", "user", "folders"),
    [
        ({}, 0, ["/run/lock"]),
        ({"XDG_RUNTIME_DIR": "/run/user/7"}, 0, ["/run/lock"]),
        ({"XDG_RUNTIME_DIR": "/run/mine"}, 1000, ["/run/mine"]),
        ({}, 1000, ["/run/user/1000", "/run/lock"]),
        ({"DISKGUARD_LOCK_DIR": "/locks", "XDG_RUNTIME_DIR": "/run/mine"}, 1000, ["/locks"]),
    ],
)
def test_the_lock_lies_where_only_its_user_can_hinder_it(environment, user, folders):
    assert [str(path) for path in lock_folders(environment, user=user)] == folders
