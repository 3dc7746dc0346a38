"""The shipped helper on real file systems: what it promises when nothing goes wrong, and refuses."""

from collections.abc import Iterator
from datetime import timedelta
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

from diskguard.errors import GuestRefused
from diskguard.model.guest import GuestReport, HoldOutcome

pytestmark = [
    pytest.mark.root,
    pytest.mark.real_time,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("freeze"),
    pytest.mark.skipif(why_no_real_disks() is not None, reason=str(why_no_real_disks())),
]

EVERY_KIND = with_all(
    with_file_system("ext4", "/mnt/log", 0),
    with_file_system("xfs", "/mnt/data", 1),
    with_file_system("btrfs", "/mnt/wide", 2, 3),
)


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    with only_freeze_test_here():
        yield


def test_every_kind_of_file_system_stands_still_for_the_window_and_no_longer(tmp_path: Path):
    with (
        helper_guest(tmp_path, 4, EVERY_KIND, megabytes=320) as guest,
        writing_to(guest, "/mnt/log") as log,
        writing_to(guest, "/mnt/data") as data,
        writing_to(guest, "/mnt/wide") as wide,
    ):
        armed = guest.arm(guest.request())
        wait_for(armed, LIMIT.total_seconds())
        report = guest.collect()

    assert {mount.path: mount.luns for mount in armed.mounts} == {
        "/mnt/log": (0,),
        "/mnt/data": (1,),
        "/mnt/wide": (2, 3),
    }
    assert report.outcome is HoldOutcome.HELD
    assert [disk.before for disk in report.disks] == [disk.after for disk in report.disks]
    window = length(report).total_seconds()
    for writer in (log, data, wide):
        assert window <= writer.longest_silence < LIMIT.total_seconds()


def test_a_learned_hold_ends_early(tmp_path: Path):
    with helper_guest(tmp_path, 1, with_file_system("ext4", "/mnt/a", 0)) as guest:
        hold = timedelta(seconds=0.4)
        armed = guest.arm(guest.request(hold=hold))
        wait_for(armed, 1.5)
        report = guest.collect()

    assert report.outcome is HoldOutcome.HELD
    assert hold <= length(report) < 2 * hold


def test_a_file_system_in_a_file_freezes_before_the_one_that_holds_the_file(tmp_path: Path):
    stack = with_all(
        with_file_system("ext4", "/mnt/lower", 0),
        with_a_file_system_in_a_file("/mnt/upper", "/mnt/lower/image"),
    )
    with (
        helper_guest(tmp_path, 1, stack, megabytes=96) as guest,
        writing_to(guest, "/mnt/upper") as upper,
        writing_to(guest, "/mnt/lower") as lower,
    ):
        armed = guest.arm(guest.request())
        wait_for(armed, LIMIT.total_seconds())
        report = guest.collect()

    assert [mount.path for mount in armed.mounts] == ["/mnt/upper", "/mnt/lower"]
    assert report.outcome is HoldOutcome.HELD
    assert max(upper.longest_silence, lower.longest_silence) < LIMIT.total_seconds()


def test_a_second_run_is_refused_and_told_who_is_at_work(tmp_path: Path):
    with helper_guest(tmp_path, 1, with_file_system("ext4", "/mnt/a", 0)) as guest:
        first = guest.arm(guest.request("first"))

        with pytest.raises(GuestRefused, match="attempt first is at work") as refusal:
            guest.arm(guest.request("second"))
        wait_for(first, LIMIT.total_seconds())

        assert refusal.value.reason == "busy"
        assert guest.collect("first").outcome is HoldOutcome.HELD


def test_the_next_run_finds_the_lock_free_and_removes_what_was_left(tmp_path: Path):
    with helper_guest(tmp_path, 1, with_file_system("ext4", "/mnt/a", 0)) as guest:
        wait_for(guest.arm(guest.request("first")), LIMIT.total_seconds())
        wait_for(guest.arm(guest.request("second")), LIMIT.total_seconds())

        assert guest.collect("second").outcome is HoldOutcome.HELD
        assert folders_left(guest) == ["second"]


def test_the_freeze_of_somebody_else_is_respected(tmp_path: Path):
    two = with_all(with_file_system("ext4", "/mnt/a", 0), with_file_system("ext4", "/mnt/b", 1))
    with helper_guest(tmp_path, 2, two) as guest, writing_to(guest, "/mnt/b") as other:
        armed = guest.arm(guest.request())
        guest.freeze_from_outside("/mnt/a")
        wait_for(armed, LIMIT.total_seconds() + 0.5)
        report = guest.collect()
        still_frozen = guest.thaw_from_outside("/mnt/a") == 0

    assert report.outcome is HoldOutcome.FAILED
    assert report.reason == "/mnt/a: somebody else has frozen it"
    assert still_frozen
    assert other.longest_silence < 1.0


def test_the_emergency_thaws_what_anybody_froze(tmp_path: Path):
    with helper_guest(tmp_path, 1, with_file_system("ext4", "/mnt/a", 0)) as guest:
        guest.freeze_from_outside("/mnt/a")

        first, second = guest.thaw(), guest.thaw()

    assert first.thawed == ("/mnt/a",)
    assert second.thawed == ()


def test_the_emergency_calls_off_an_armed_freeze(tmp_path: Path):
    with (
        helper_guest(tmp_path, 1, with_file_system("ext4", "/mnt/a", 0)) as guest,
        writing_to(guest, "/mnt/a") as writer,
    ):
        armed = guest.arm(guest.request())
        guest.thaw()
        wait_for(armed, 1.0)

        assert writer.longest_silence < 0.5


def length(report: GuestReport) -> timedelta:
    """How long everything was frozen."""
    assert report.frozen_at is not None
    assert report.thawed_at is not None
    return report.thawed_at - report.frozen_at


def folders_left(guest: HelperGuest) -> list[str]:
    """The folders under the guest's /run/diskguard."""
    return sorted(path.name for path in (guest.root / "run/diskguard").iterdir() if path.is_dir())
