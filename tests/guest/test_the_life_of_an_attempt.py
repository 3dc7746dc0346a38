"""Holder, watchdog and timer in virtual time: what each does when the others cannot."""

import errno
import json
from collections.abc import Callable

import pytest
from tests.guest.asking import (
    LIMIT,
    OS_DISK,
    after_the_window,
    armed,
    collected,
    data_disk,
    freeze_at,
)
from tests.guest.azure_shapes import DATA_CONTROLLER, Shape, generation_two
from tests.guest.fake_machine import FakeKernel, FakeMachine

from diskguard_helper.nouns import Refused
from diskguard_helper.thaw import thaw_all

PLAN = (OS_DISK, data_disk(0))
FOLDER = "/run/diskguard/a1"


def a_machine() -> tuple[FakeMachine, str, str]:
    """A machine with the devices of its data mount and of its root."""
    shape = generation_two()
    return shape.machine, shape.numbers["sdc"], shape.numbers["sda1"]


def test_what_freezes_first_thaws_last_and_the_window_is_what_the_limit_allows():
    machine, data, root = a_machine()

    report = after_the_window(machine, armed(machine, *PLAN))

    acts = [act for act in machine.history if act.startswith(("freeze", "thaw"))]
    assert acts == [f"freeze {data}", f"freeze {root}", f"thaw {root}", f"thaw {data}"]
    assert report["outcome"] == "held"
    assert report["thawed_at"] - report["frozen_at"] == pytest.approx(LIMIT - 1, abs=0.01)
    assert machine.longest_freeze < LIMIT


def test_a_learned_hold_counts_from_the_last_freeze():
    machine, data, _ = a_machine()
    machine.freeze_takes[data] = 0.5

    report = after_the_window(machine, armed(machine, *PLAN, hold=2.0))

    assert report["thawed_at"] - report["frozen_at"] == pytest.approx(2.0, abs=0.01)
    assert report["freezing_took"] == pytest.approx(0.5, abs=0.01)


def test_the_counters_of_every_disk_are_read_inside_the_window():
    machine, _, _ = a_machine()
    promise = armed(machine, *PLAN)
    machine.run_until(freeze_at(machine, promise) + 2)
    machine.files["/sys/block/sdc/stat"] = "1 0 8 0 9 0 56 0 0 0 0 2 0 0 0 0 0\n"

    report = after_the_window(machine, promise)

    assert report["disks"] == [[None, [7, 2, 0], [7, 2, 0]], [0, [7, 2, 0], [9, 2, 0]]]


def test_a_kernel_that_counts_no_discards_has_none():
    machine, _, _ = a_machine()
    machine.files["/sys/block/sda/stat"] = "1 0 8 0 7 0 56 0 0 0 0\n"
    del machine.files["/sys/block/sdc/inflight"]

    assert after_the_window(machine, armed(machine, *PLAN))["disks"] == [
        [None, [7, 0, 0], [7, 0, 0]]
    ]


def test_the_attempt_leaves_no_process_and_after_two_hours_no_file():
    machine, _, _ = a_machine()
    after_the_window(machine, armed(machine, *PLAN))

    assert [process for process in machine.processes if process.lives] == []
    assert "stop diskguard-timer-a1.timer" in machine.history
    machine.run_until(machine.boot + 7300)
    assert not [name for name in machine.files if name.startswith(FOLDER)]


def test_the_next_arm_removes_what_the_last_attempt_left():
    machine, _, _ = a_machine()
    after_the_window(machine, armed(machine, *PLAN))

    armed(machine, *PLAN, attempt="a2")

    assert not [name for name in machine.files if name.startswith(FOLDER)]
    assert collected_kind(machine, "a1") == "missing"


def collected_kind(machine: FakeMachine, attempt: str) -> str:
    return str(collected(machine, attempt)["kind"])


def test_a_watchdog_stopped_for_good_does_not_keep_the_next_run_out():
    machine, _, _ = a_machine()
    promise = armed(machine, *PLAN)
    machine.run_until(freeze_at(machine, promise) + 1)
    machine.processes[1].stopped = True
    machine._due = [due for due in machine._due if due[2] in machine.processes]
    machine.run_until(freeze_at(machine, promise) + LIMIT + 2)

    assert armed(machine, *PLAN, attempt="a2")["kind"] == "armed"


def test_a_mount_that_somebody_else_thawed_means_the_window_was_lost():
    machine, data, _ = a_machine()
    promise = armed(machine, *PLAN)
    machine.run_until(freeze_at(machine, promise) + 1)
    machine.thaw(data)

    report = after_the_window(machine, promise)

    assert (report["outcome"], report["reason"]) == ("stolen", "somebody else thawed /data")


def test_a_mount_that_somebody_else_froze_is_not_thawed_by_us():
    machine, data, root = a_machine()
    promise = armed(machine, *PLAN)
    machine.freeze(data)

    report = after_the_window(machine, promise)

    assert report["reason"] == "/data: somebody else has frozen it"
    assert machine.frozen == {data}
    assert f"freeze {root}" not in machine.history


def test_the_watchdog_leaves_the_freeze_of_others_alone():
    machine, data, root = a_machine()
    promise = armed(machine, *PLAN)
    machine.freeze(data)
    machine.thaw_says[root] = errno.EIO
    machine.run_until(freeze_at(machine, promise) + 0.01)
    machine.files[FOLDER + "/freezing"] = ""
    machine.files.pop(FOLDER + "/released", None)

    machine.run_until(machine.boot + LIMIT + 2)

    assert machine.frozen == {data}


def test_a_freeze_that_fails_undoes_the_others_and_is_named():
    machine, _, root = a_machine()
    machine.freeze_says[root] = errno.EIO

    report = after_the_window(machine, armed(machine, *PLAN))

    assert (report["outcome"], report["faulty"]) == (
        "failed",
        [["/", "FIFREEZE: Input/output error"]],
    )
    assert report["frozen_at"] is None
    assert machine.frozen == set()
    assert machine.longest_freeze < 0.1


def test_a_freeze_that_hangs_is_given_up_named_and_undone_when_it_completes():
    machine, data, _ = a_machine()
    machine.freeze_takes[data] = 6.0

    report = after_the_window(machine, armed(machine, *PLAN))

    assert report["reason"] == "/data: FIFREEZE hangs"
    assert machine.frozen == set()


def test_a_freezer_that_was_killed_leaves_the_holder_unsure_so_it_makes_passes():
    machine, data, _ = a_machine()
    machine.freeze_says[data] = errno.EINTR

    report = after_the_window(machine, armed(machine, *PLAN))

    assert report["outcome"] == "failed"
    assert FOLDER + "/released" in machine.files


def test_a_freezer_that_came_too_late_froze_nothing():
    machine, data, _ = a_machine()
    machine.freeze_says[data] = errno.ETIME

    assert (
        after_the_window(machine, armed(machine, *PLAN))["reason"] == "/data: not reached in time"
    )


def test_a_thaw_that_fails_is_a_fault_and_the_passes_go_on():
    machine, data, _ = a_machine()
    machine.thaw_says[data] = errno.EIO

    report = after_the_window(machine, armed(machine, *PLAN))

    assert report["reason"] == "/data: FITHAW: Input/output error"
    assert FOLDER + "/released" not in machine.files
    del machine.thaw_says[data]
    machine.run_until(machine.boot + 1)
    assert machine.frozen == set()


def test_a_thaw_that_is_slow_on_a_busy_disk_takes_no_proof_away():
    machine, data, _ = a_machine()
    machine.thaw_takes[data] = 0.5

    report = after_the_window(machine, armed(machine, *PLAN))

    assert report["outcome"] == "held"
    assert machine.frozen == set()


def test_a_thaw_that_hangs_is_a_fault_and_is_waited_for():
    machine, data, root = a_machine()
    machine.thaw_takes[data] = 1.2

    report = after_the_window(machine, armed(machine, *PLAN))

    assert report["reason"] == "/data: FITHAW hangs"
    assert root not in machine.frozen
    machine.run_until(machine.boot + 1)
    assert machine.frozen == set()


def holder_killed(machine: FakeMachine) -> None:
    machine.kill(FOLDER + "/hold.up.json")


def watchdog_killed(machine: FakeMachine) -> None:
    machine.kill(FOLDER + "/watch.up.json")


def both_killed(machine: FakeMachine) -> None:
    watchdog_killed(machine)
    holder_killed(machine)


def holder_stopped(machine: FakeMachine) -> None:
    machine.processes[0].stopped = True


def both_stopped(machine: FakeMachine) -> None:
    machine.processes[0].stopped = machine.processes[1].stopped = True


def holder_asked_to_stop(machine: FakeMachine) -> None:
    machine.processes[0].kernel.asked = True


def watchdog_asked_to_stop(machine: FakeMachine) -> None:
    machine.processes[1].kernel.asked = True


TROUBLES = [
    holder_killed,
    watchdog_killed,
    both_killed,
    holder_stopped,
    both_stopped,
    holder_asked_to_stop,
    watchdog_asked_to_stop,
]


@pytest.mark.parametrize("systemd", [True, False])
@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("after", [-5.0, 0.001, 1.0, 8.9])
def test_nothing_is_frozen_past_the_limit_whoever_dies(
    trouble: Callable[[FakeMachine], None], after: float, systemd: bool
):
    machine, _, _ = a_machine()
    machine.systemd = systemd
    promise = armed(machine, *PLAN, allow_without_systemd=True)
    machine.run_until(freeze_at(machine, promise) + after)
    trouble(machine)

    machine.run_until(freeze_at(machine, promise) + LIMIT + 1)

    assert machine.frozen == set()
    assert machine.longest_freeze <= LIMIT + 1


def test_a_dead_holder_is_missed_and_the_watchdog_says_what_it_thawed():
    machine, _, _ = a_machine()
    promise = armed(machine, *PLAN)
    machine.run_until(freeze_at(machine, promise) + 1)
    holder_killed(machine)

    report = after_the_window(machine, promise)

    assert report == {"kind": "missing", "why": "the holder died; thawed in its place: /, /data"}


def test_a_holder_whose_watchdog_died_before_the_instant_freezes_nothing():
    machine, _, _ = a_machine()
    promise = armed(machine, *PLAN)
    watchdog_killed(machine)

    report = after_the_window(machine, promise)

    assert (report["outcome"], report["reason"]) == ("aborted", "the watchdog is gone")
    assert machine.longest_freeze == 0


def test_a_holder_that_wakes_late_freezes_nothing():
    machine, _, _ = a_machine()
    promise = armed(machine, *PLAN)
    machine.boot = freeze_at(machine, promise) + 0.8

    report = after_the_window(machine, promise)

    assert (report["outcome"], report["reason"]) == (
        "aborted",
        "woke 0.8 s after the agreed instant",
    )


def test_a_holder_asked_to_stop_before_the_instant_freezes_nothing():
    machine, _, _ = a_machine()
    promise = armed(machine, *PLAN)
    holder_asked_to_stop(machine)

    assert after_the_window(machine, promise)["reason"] == "asked to stop before the agreed instant"


def test_a_holder_without_its_go_freezes_nothing():
    machine, _, _ = a_machine()
    promise = armed(machine, *PLAN)
    del machine.files[FOLDER + "/go"]

    assert after_the_window(machine, promise)["reason"] == "arming was not finished"


def test_a_holder_asked_to_stop_while_it_waits_for_a_freeze_gives_up():
    machine, data, _ = a_machine()
    machine.freeze_takes[data] = 3.0
    promise = armed(machine, *PLAN)
    machine.run_until(freeze_at(machine, promise) + 0.5)
    holder_asked_to_stop(machine)

    assert after_the_window(machine, promise)["outcome"] == "failed"
    assert machine.frozen == set()


def test_what_the_watchdog_had_to_thaw_is_no_success():
    machine, _, _ = a_machine()
    after_the_window(machine, armed(machine, *PLAN))
    machine.files[FOLDER + "/watched.json"] = json.dumps(
        {"thawed": ["/data"], "resisted": [["/", "odd"]]}
    )

    report = collected(machine)

    assert report["outcome"] == "failed"
    assert report["faulty"] == [["/data", "thawed by the watchdog"], ["/", "odd"]]


def test_a_holder_still_at_work_is_not_a_missing_report():
    machine, _, _ = a_machine()
    promise = armed(machine, *PLAN, lead=30.0)

    with pytest.raises(Refused) as refusal:
        collected(machine)

    assert refusal.value.reason == "not-finished"
    assert after_the_window(machine, promise)["outcome"] == "held"


def test_a_report_is_read_although_a_flush_still_hangs():
    machine, _, _ = a_machine()
    after_the_window(machine, armed(machine, *PLAN))
    FakeKernel(machine, 77).lock(FOLDER + "/freezers.lock", exclusive=False, children=True)

    assert collected(machine)["outcome"] == "held"


def test_a_second_holder_beside_one_that_arms_is_refused():
    machine, _, _ = a_machine()
    FakeKernel(machine).lock("/run/diskguard/lock.arming", exclusive=True, children=False)
    promise = armed(machine, *PLAN)
    machine.run_until(freeze_at(machine, promise) + LIMIT + 2)
    FakeKernel(machine, 99).lock("/run/diskguard/lock", exclusive=True, children=False)

    machine.start(["hold", FOLDER])

    assert "busy" in machine.files[FOLDER + "/hold.up.json"]


@pytest.mark.parametrize(
    ("host", "wall", "clock"), [(True, 0.0, "host"), (False, 0.0, "synchronised")]
)
def test_the_report_uses_the_best_clock_that_was_there_all_along(
    host: bool, wall: float, clock: str
):
    machine, _, _ = a_machine()
    if not host:
        machine.host_ahead = None

    report = after_the_window(machine, armed(machine, *PLAN))

    assert report["clock"] == clock
    assert len(report["wall_minus_boot"]) == 4
    assert len(set(report["wall_minus_boot"])) == 1


def test_a_clock_that_was_set_inside_the_window_shows():
    machine, _, _ = a_machine()
    promise = armed(machine, *PLAN)
    machine.run_until(freeze_at(machine, promise) + 2)
    instant = freeze_at(machine, promise)
    machine.wall_ahead += 3.0
    machine.run_until(instant + LIMIT + 2)

    readings = collected(machine)["wall_minus_boot"]

    assert [round(one - readings[0]) for one in readings] == [0, 0, 3, 3]


def test_a_clock_that_lost_its_discipline_is_not_called_synchronised():
    machine, _, _ = a_machine()
    machine.host_ahead = None
    promise = armed(machine, *PLAN)
    machine.run_until(freeze_at(machine, promise) + LIMIT + 2)
    machine.synchronised = False

    assert collected(machine)["clock"] == "unsynchronised"


def test_the_emergency_thaws_everybodys_freeze_and_ends_the_holder():
    machine, data, root = a_machine()
    promise = armed(machine, *PLAN)
    machine.run_until(freeze_at(machine, promise) + 1)

    answer = thaw_all({}, FakeKernel(machine, 50))

    assert answer["thawed"] == ["/", "/data"]
    assert answer["mount_count"] == 3
    assert machine.frozen == set()
    assert {data, root} & machine.frozen == set()


def test_the_emergency_names_what_resists():
    shape = Shape().scsi("sdc", DATA_CONTROLLER, 0).scsi("sdd", DATA_CONTROLLER, 1)
    shape.scsi("sde", DATA_CONTROLLER, 2)
    shape.on("ext4", "/a", "sdc").on("ext4", "/b", "sdd").on("ext4", "/c", "sde")
    shape.machine.unopenable.add("/a")
    shape.machine.thaw_takes[shape.numbers["sdd"]] = 1000.0
    shape.machine.thaw_says[shape.numbers["sde"]] = errno.EIO

    answer = thaw_all({}, FakeKernel(shape.machine))

    assert answer["resisted"] == [
        ["/a", "Permission denied"],
        ["/b", "FITHAW hangs"],
        ["/c", "Input/output error"],
    ]


def test_an_attempt_at_work_is_not_tidied_away():
    machine, _, _ = a_machine()
    armed(machine, *PLAN)

    machine.start(["clean", FOLDER])

    assert FOLDER + "/plan.json" in machine.files


def test_a_btrfs_that_is_no_longer_what_it_was_is_not_taken_for_it():
    shape = Shape().scsi("sdc", DATA_CONTROLLER, 0)
    shape.btrfs("/b", "0:50", "sdc")
    armed(shape.machine, data_disk(0))
    del shape.machine.fsids["0:50"]

    shape.machine.start(["watch", FOLDER])

    assert FOLDER + "/watch.up.json" in shape.machine.files
