"""The shipped helper, killed and stopped on real file systems: nothing stays frozen past the limit."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.guest_linux.support.helper_guest import (
    LIMIT,
    HelperGuest,
    helper_guest,
    with_a_file_system_in_a_file,
    with_all,
    with_file_system,
    writing_to,
)
from tests.guest_linux.support.loops import only_freeze_test_here, why_no_real_disks
from tests.guest_linux.support.waiting import wait_for

from diskguard.errors import GuestReportMissing
from diskguard.model.guest import HoldOutcome

pytestmark = [
    pytest.mark.root,
    pytest.mark.real_time,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("freeze"),
    pytest.mark.skipif(why_no_real_disks() is not None, reason=str(why_no_real_disks())),
]

PROMISE = LIMIT.total_seconds() + 1.0
TWO = with_all(with_file_system("ext4", "/mnt/a", 0), with_file_system("btrfs", "/mnt/b", 1, 2))


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    with only_freeze_test_here():
        yield


def holder_killed(guest: HelperGuest) -> None:
    guest.signal_leg("hold", signal.SIGKILL)


def holder_stopped(guest: HelperGuest) -> None:
    guest.signal_leg("hold", signal.SIGSTOP)


def holder_terminated(guest: HelperGuest) -> None:
    guest.signal_leg("hold", signal.SIGTERM)


def watchdog_and_holder_killed(guest: HelperGuest) -> None:
    guest.signal_leg("watch", signal.SIGKILL)
    guest.signal_leg("hold", signal.SIGKILL)


def watchdog_and_holder_stopped(guest: HelperGuest) -> None:
    guest.signal_leg("watch", signal.SIGSTOP)
    guest.signal_leg("hold", signal.SIGSTOP)


def holder_and_timer_killed(guest: HelperGuest) -> None:
    guest.signal_leg("timer", signal.SIGKILL)
    guest.signal_leg("hold", signal.SIGKILL)


def freeze_stolen(guest: HelperGuest) -> None:
    assert guest.thaw_from_outside("/mnt/a") == 0


@pytest.mark.parametrize(
    "trouble",
    [
        holder_killed,
        holder_stopped,
        holder_terminated,
        watchdog_and_holder_killed,
        watchdog_and_holder_stopped,
        holder_and_timer_killed,
        freeze_stolen,
    ],
)
def test_nothing_is_frozen_past_the_limit_and_nothing_claims_to_have_held(
    trouble: Callable[[HelperGuest], None], tmp_path: Path
):
    with (
        helper_guest(tmp_path, 3, TWO, megabytes=128) as guest,
        writing_to(guest, "/mnt/a") as first,
        writing_to(guest, "/mnt/b") as second,
    ):
        armed = guest.arm(guest.request())
        wait_for(armed, 0.8)
        assert first.silent_for > 0.3
        trouble(guest)
        wait_for(armed, PROMISE)
        still_frozen = [path for path in guest.mounts if guest.thaw_from_outside(path) == 0]
        outcome = None
        with suppress(GuestReportMissing):
            outcome = guest.collect().outcome

    assert still_frozen == []
    assert max(first.longest_silence, second.longest_silence) < PROMISE
    assert outcome is not HoldOutcome.HELD


def test_a_dead_holder_is_noticed_at_once(tmp_path: Path):
    with (
        helper_guest(tmp_path, 3, TWO, megabytes=128) as guest,
        writing_to(guest, "/mnt/a") as writer,
    ):
        armed = guest.arm(guest.request())
        wait_for(armed, 0.3)
        holder_killed(guest)
        wait_for(armed, 1.3)

        assert writer.longest_silence < 1.0


@pytest.mark.parametrize("leg", ["hold", "watch"])
def test_a_leg_that_died_before_the_instant_means_that_nothing_freezes(leg: str, tmp_path: Path):
    with (
        helper_guest(tmp_path, 3, TWO, megabytes=128) as guest,
        writing_to(guest, "/mnt/a") as writer,
    ):
        armed = guest.arm(guest.request())
        guest.signal_leg(leg, signal.SIGKILL)
        wait_for(armed, 1.0)

        assert writer.longest_silence < 0.5


def test_a_holder_that_wakes_late_freezes_nothing(tmp_path: Path):
    with (
        helper_guest(tmp_path, 3, TWO, megabytes=128) as guest,
        writing_to(guest, "/mnt/a") as writer,
    ):
        armed = guest.arm(guest.request())
        holder = guest.leg("hold")
        guest.signal_leg("hold", signal.SIGSTOP)
        wait_for(armed, 1.0)
        signal.pidfd_send_signal(open_process(holder), signal.SIGCONT)
        wait_for(armed, 2.0)
        report = guest.collect()

    assert report.outcome is HoldOutcome.ABORTED
    assert "after the agreed instant" in str(report.reason)
    assert writer.longest_silence < 0.5


def test_a_freeze_that_hangs_is_named_and_undone_when_it_completes_late(tmp_path: Path):
    stack = with_all(
        with_file_system("ext4", "/mnt/lower", 0),
        with_a_file_system_in_a_file("/mnt/upper", "/mnt/lower/image"),
    )
    with helper_guest(tmp_path, 1, stack, megabytes=96) as guest:
        armed = guest.arm(guest.request())
        (guest.root / "mnt/upper/dirty").write_bytes(b"x" * (4 << 20))
        # What is dirty above cannot reach the frozen file below: FIFREEZE of the upper one hangs.
        guest.freeze_from_outside("/mnt/lower")
        wait_for(armed, PROMISE)
        still_frozen = [
            path for path in ("/mnt/upper", "/mnt/lower") if guest.thaw_from_outside(path) == 0
        ]
        report = guest.collect()

    assert still_frozen == []
    assert report.outcome is HoldOutcome.FAILED
    assert report.reason == "/mnt/upper: FIFREEZE hangs"


def open_process(number: int) -> int:
    """A descriptor on a process of ours."""
    return os.pidfd_open(number)
