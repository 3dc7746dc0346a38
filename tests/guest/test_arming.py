"""What a guest refuses before anything freezes, and what it leaves behind when it does."""

import json

import pytest
from tests.guest.asking import LEAD, LIMIT, OS_DISK, a_request, armed, data_disk
from tests.guest.azure_shapes import generation_two
from tests.guest.fake_machine import FakeKernel, FakeMachine

from diskguard_helper.arm import arm
from diskguard_helper.nouns import Refused

PLAN = (OS_DISK, data_disk(0))


def reason(machine: FakeMachine, **changes: object) -> str:
    with pytest.raises(Refused) as refusal:
        armed(machine, *PLAN, **changes)
    assert machine.frozen == set()
    return refusal.value.reason


def test_the_promise_counts_from_the_agreed_instant():
    machine = generation_two().machine

    promise = armed(machine, *PLAN)

    assert promise["freeze_at"] - promise["armed_at"] == pytest.approx(LEAD)
    assert promise["thaw_by"] - promise["freeze_at"] == pytest.approx(LIMIT + 1)
    assert promise["supervisor"] == "systemd"
    assert promise["mount_count"] == 2


def test_deadlines_are_in_their_fixed_order():
    machine = generation_two().machine

    armed(machine, *PLAN)

    plan = json.loads(machine.files["/run/diskguard/a1/plan.json"])
    after = {name: plan[name] - plan["freeze_at"] for name in plan if name.endswith(("_at", "_by"))}
    assert after == pytest.approx(
        {"freeze_at": 0, "freeze_by": 4.5, "release_at": 9, "watch_at": 9.8, "timer_at": 10.3}
    )


@pytest.mark.parametrize(("hold", "freezing"), [(None, 4.5), (2.0, 7.0), (8.9, 2.25)])
def test_freezing_gets_what_a_learned_hold_leaves(hold: float | None, freezing: float):
    machine = generation_two().machine

    armed(machine, *PLAN, hold=hold)

    plan = json.loads(machine.files["/run/diskguard/a1/plan.json"])
    assert plan["freeze_by"] - plan["freeze_at"] == pytest.approx(freezing)


def test_the_timer_lives_in_another_slice_than_holder_and_watchdog():
    machine = generation_two().machine

    armed(machine, *PLAN)

    units = machine.units
    assert units["diskguard-hold-a1"]["Slice"] == units["diskguard-watch-a1"]["Slice"]
    assert "Slice" not in units["diskguard-timer-a1.timer"]
    assert "passes /run/diskguard/a1" in units["diskguard-hold-a1"]["ExecStopPost"]
    assert float(units["diskguard-timer-a1.timer"]["after"]) == pytest.approx(LEAD + LIMIT + 0.3)


def test_an_old_systemd_arms_without_the_step_after_a_unit():
    machine = generation_two().machine
    machine.old_systemd = True

    promise = armed(machine, *PLAN)

    assert "this systemd runs nothing after the hold unit" in promise["warnings"]


def test_without_systemd_there_is_no_freeze():
    machine = generation_two().machine
    machine.systemd = False

    assert reason(machine) == "no-systemd"


def test_without_systemd_there_are_three_sessions_where_the_policy_allows_it():
    machine = generation_two().machine
    machine.systemd = False

    promise = armed(machine, *PLAN, allow_without_systemd=True)

    assert promise["supervisor"] == "session"
    assert len(machine.processes) == 3
    assert any("without systemd" in warning for warning in promise["warnings"])


@pytest.mark.parametrize("systemd", [True, False])
def test_legs_that_cannot_be_started_are_a_refusal(systemd: bool):
    machine = generation_two().machine
    machine.systemd, machine.units_refused = systemd, True

    assert reason(machine, allow_without_systemd=True) == "legs-not-up"


def test_a_leg_that_does_not_come_up_is_a_refusal_that_leaves_nothing():
    machine = generation_two().machine
    machine.legs_silent = True

    assert reason(machine, lead=30) == "legs-not-up"
    assert not [name for name in machine.files if name.startswith("/run/diskguard/a1")]
    assert "stop diskguard-hold-a1.service" in machine.history


def test_a_timer_that_is_not_active_is_a_refusal():
    machine = generation_two().machine

    class WithoutTimers(FakeKernel):
        def unit_is_active(self, unit: str) -> bool:
            return False

    with pytest.raises(Refused, match="did not take the timer"):
        arm(a_request(*PLAN), WithoutTimers(machine))

    assert [process for process in machine.processes if process.lives] == []


def test_a_lead_too_short_for_the_legs_is_a_refusal():
    machine = generation_two().machine

    assert reason(machine, lead=0.1) == "arming-too-slow"


def test_a_run_folder_on_a_disk_is_refused():
    shape = generation_two()
    shape.mountinfo = [line for line in shape.mountinfo if " /run " not in line]
    shape.machine.files["/proc/1/mountinfo"] = "\n".join(shape.mountinfo)

    assert reason(shape.machine) == "run-not-in-memory"


@pytest.mark.parametrize(
    "change",
    [
        {"attempt": "../etc"},
        {"attempt": 7},
        {"limit": 2},
        {"limit": 61},
        {"limit": "much"},
        {"lead": 0},
        {"lead": 601},
        {"mounts": 5},
        {"disks": []},
        {"disks": [["os", None]]},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(change: dict[str, object]):
    with pytest.raises(Refused) as refusal:
        arm({**a_request(*PLAN), **change}, FakeKernel(generation_two().machine))

    assert refusal.value.reason == "request-invalid"


@pytest.mark.parametrize(
    ("panic", "timeout", "refused"), [("1", "5", True), ("1", "120", False), ("0", "5", False)]
)
def test_a_kernel_that_panics_over_hung_tasks_is_left_alone(
    panic: str, timeout: str, refused: bool
):
    machine = generation_two().machine
    machine.files["/proc/sys/kernel/hung_task_panic"] = panic
    machine.files["/proc/sys/kernel/hung_task_timeout_secs"] = timeout

    if refused:
        assert reason(machine) == "hung-task-panic"
    else:
        assert armed(machine, *PLAN)["kind"] == "armed"


def test_somebody_who_decides_about_file_access_is_named():
    machine = generation_two().machine
    machine.files["/proc/41/comm"] = "fapolicyd\n"
    machine.links["/proc/41/fd/3"] = "anon_inode:[fanotify]"
    machine.files["/proc/41/fdinfo/3"] = (
        "fanotify flags:0\nfanotify ino:1 mask:odd\nfanotify mnt_id:1 mask:50000\n"
    )
    machine.links["/proc/42/fd/3"] = "anon_inode:[fanotify]"
    machine.files["/proc/42/fdinfo/3"] = "fanotify mnt_id:1 mask:3b\n"
    machine.links["/proc/42/fd/4"] = "/dev/null"

    warnings = armed(machine, *PLAN)["warnings"]

    assert warnings == [
        "fapolicyd decides about file access (fanotify): a freeze may hang and be given up"
    ]


def test_an_external_journal_inside_the_plan_is_no_trouble():
    machine = generation_two().machine
    machine.files["/proc/fs/jbd2/sdc/info"] = ""

    assert armed(machine, *PLAN)["mount_count"] == 2


def test_a_busy_file_system_is_flushed_four_times_and_remarked_on():
    machine = generation_two().machine
    machine.sync_takes = 0.5

    promise = armed(machine, *PLAN)

    assert machine.boot == pytest.approx(100 + 2 * 4 * 0.5)
    assert "/ is written to fast: the last flush took 0.5 s" in promise["warnings"]


def test_flushing_ends_after_a_minute():
    machine = generation_two().machine
    machine.sync_takes = 50

    armed(machine, data_disk(0))

    assert machine.boot == pytest.approx(200)


def test_a_second_run_is_refused_with_the_name_of_the_first():
    machine = generation_two().machine
    armed(machine, *PLAN)

    with pytest.raises(Refused, match="attempt a1 is at work") as refusal:
        armed(machine, *PLAN, attempt="a2")

    assert refusal.value.reason == "busy"


def test_two_that_arm_at_once_are_told_apart():
    machine = generation_two().machine
    FakeKernel(machine).lock("/run/diskguard/arming.lock", exclusive=True, children=False)

    assert reason(machine) == "busy"


def test_azure_backups_freeze_is_respected_and_its_lock_never_made():
    machine = generation_two().machine
    lock = "/etc/azure/MicrosoftRecoverySvcsSafeFreezeLock/SafeFreezeLockFile"

    assert armed(machine, *PLAN)["kind"] == "armed"
    assert lock not in machine.files

    other = generation_two().machine
    other.files[lock] = ""
    other.record_locked = True
    assert reason(other) == "azure-backup-freezes"


def test_a_clock_nobody_disciplines_is_remarked_on():
    machine = generation_two().machine
    machine.host_ahead, machine.synchronised = None, False

    promise = armed(machine, *PLAN)

    assert promise["clock"] == "unsynchronised"
    assert "this guest's clock is not synchronised" in promise["warnings"]


def test_the_hosts_clock_is_preferred_to_the_guests():
    machine = generation_two().machine
    machine.wall_ahead += 5

    promise = armed(machine, *PLAN)

    assert promise["clock"] == "host"
    assert promise["armed_at"] == pytest.approx(machine.boot + (machine.host_ahead or 0))
    assert promise["clock_error"] == pytest.approx(0.05, abs=0.001)
