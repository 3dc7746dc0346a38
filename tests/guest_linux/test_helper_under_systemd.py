"""The shipped helper as systemd units: kill what you like, nothing stays frozen past the limit."""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from tests.guest_linux.support.helper_guest import (
    LIMIT,
    HelperGuest,
    helper_guest,
    with_all,
    with_file_system,
    with_the_mount,
    writing_to,
)
from tests.guest_linux.support.loops import only_freeze_test_here, why_no_real_disks
from tests.guest_linux.support.systemd_guest import (
    why_no_systemd_guest,
    with_systemd,
    with_systemd_written_to_lun_0,
)
from tests.guest_linux.support.waiting import until, wait_for

from diskguard.errors import GuestReportMissing
from diskguard.model.guest import HoldOutcome

_why_not = why_no_real_disks() or why_no_systemd_guest()
pytestmark = [
    pytest.mark.root,
    pytest.mark.real_time,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("freeze"),
    pytest.mark.skipif(_why_not is not None, reason=str(_why_not)),
]

PROMISE = LIMIT.total_seconds() + 1.0
TWO = with_all(with_file_system("ext4", "/mnt/a", 0), with_file_system("btrfs", "/mnt/b", 1, 2))
SEED = 20261122


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    with only_freeze_test_here():
        yield


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HelperGuest]:
    folder = tmp_path_factory.mktemp("systemd")
    with helper_guest(folder, 3, TWO, megabytes=128, house=with_systemd) as booted:
        yield booted


def systemctl(guest: HelperGuest, *words: str) -> None:
    with suppress(AssertionError):  # what is gone already cannot be killed
        guest.inside("systemctl", *words)


def units(attempt: str, *legs: str) -> list[str]:
    return [f"diskguard-{leg}-{attempt}.service" for leg in legs]


def nobody(guest: HelperGuest, attempt: str) -> None:
    systemctl(guest, "status", *units(attempt, "hold"))


def holder_killed(guest: HelperGuest, attempt: str) -> None:
    systemctl(guest, "kill", "--kill-who=main", "--signal=KILL", *units(attempt, "hold"))


def watchdog_killed(guest: HelperGuest, attempt: str) -> None:
    systemctl(guest, "kill", "--kill-who=main", "--signal=KILL", *units(attempt, "watch"))


def both_killed(guest: HelperGuest, attempt: str) -> None:
    systemctl(guest, "kill", "--signal=KILL", *units(attempt, "watch", "hold"))


def both_stopped(guest: HelperGuest, attempt: str) -> None:
    systemctl(guest, "kill", "--signal=STOP", *units(attempt, "watch", "hold"))


def both_units_stopped(guest: HelperGuest, attempt: str) -> None:
    systemctl(guest, "stop", "--no-block", *units(attempt, "watch", "hold"))


def slice_killed(guest: HelperGuest, attempt: str) -> None:
    systemctl(guest, "kill", "--signal=KILL", "diskguard.slice")


def slice_stopped(guest: HelperGuest, attempt: str) -> None:
    systemctl(guest, "stop", "--no-block", "diskguard.slice")


def timer_stopped_and_holder_killed(guest: HelperGuest, attempt: str) -> None:
    systemctl(guest, "stop", f"diskguard-timer-{attempt}.timer")
    holder_killed(guest, attempt)


def timer_and_watchdog_stopped(guest: HelperGuest, attempt: str) -> None:
    systemctl(guest, "stop", f"diskguard-timer-{attempt}.timer")
    systemctl(guest, "kill", "--signal=STOP", *units(attempt, "watch"))


Trouble = Callable[[HelperGuest, str], None]
TROUBLES: list[Trouble] = [
    holder_killed,
    watchdog_killed,
    both_killed,
    both_stopped,
    both_units_stopped,
    slice_killed,
    slice_stopped,
    timer_stopped_and_holder_killed,
    timer_and_watchdog_stopped,
]


def outcome_after(
    guest: HelperGuest,
    attempt: str,
    trouble: Trouble,
    after: float,
    places: tuple[str, str] = ("/mnt/a", "/mnt/b"),
) -> str:
    """How an attempt with that trouble ended; never frozen past the limit and its second."""
    with writing_to(guest, places[0]) as first, writing_to(guest, places[1]) as second:
        armed = guest.arm(guest.request(attempt, allow_without_systemd=False, lead=LEAD))
        wait_for(armed, after)
        trouble(guest, attempt)
        wait_for(armed, PROMISE)
        still_frozen = [path for path in guest.mounts if guest.thaw_from_outside(path) == 0]
        assert still_frozen == [], f"{trouble.__name__} after {after} s"
        assert max(first.longest_silence, second.longest_silence) < PROMISE
    try:
        return str(guest.collect(attempt).outcome)
    except GuestReportMissing:
        return "missing"


LEAD = timedelta(seconds=3)


def test_left_alone_it_holds_and_leaves_no_unit(guest: HelperGuest):
    outcome = outcome_after(guest, "alone", nobody, 1.0)

    assert outcome == HoldOutcome.HELD
    running = guest.inside("systemctl", "list-units", "--plain", "--no-legend", "diskguard-*")
    assert [line.split()[0] for line in running.splitlines()] == ["diskguard-clean-alone.timer"]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_whoever_dies_inside_the_window_nothing_stays_frozen(guest: HelperGuest, trouble: Trouble):
    attempt = trouble.__name__.replace("_", "-")

    outcome = outcome_after(guest, attempt, trouble, 0.8)

    assert outcome != HoldOutcome.HELD or trouble is timer_and_watchdog_stopped


@pytest.mark.parametrize("trouble", [holder_killed, watchdog_killed, slice_killed])
def test_who_dies_before_the_instant_keeps_everything_unfrozen(
    guest: HelperGuest, trouble: Trouble
):
    outcome = outcome_after(guest, "early-" + trouble.__name__.replace("_", "-"), trouble, -0.5)

    assert outcome in ("missing", HoldOutcome.ABORTED)


def test_a_leg_that_somebody_stopped_while_it_ended_holds_up_no_later_attempt(guest: HelperGuest):
    ending = ["--property=ExecStopPost=/bin/sleep 600", "--property=TimeoutStopSec=600"]
    guest.inside("mkdir", "-p", "/run/diskguard/stuck")
    guest.inside("systemd-run", "--quiet", "--unit=diskguard-hold-stuck", *ending, "/bin/true")
    show = ("systemctl", "show", "diskguard-hold-stuck.service")
    until(lambda: "stop-post" in guest.inside(*show), "the unit is running what it runs at its end")
    guest.inside("systemctl", "kill", "--signal=STOP", "diskguard-hold-stuck.service")

    outcome = outcome_after(guest, "after-stuck", nobody, 1.0)

    assert outcome == HoldOutcome.HELD


@pytest.fixture(scope="module")
def guest_with_its_root_on_lun_0(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[HelperGuest]:
    folder = tmp_path_factory.mktemp("root")
    dress = with_all(with_the_mount("/mnt/root", 0), with_file_system("xfs", "/mnt/data", 1))
    house = with_systemd_written_to_lun_0
    with helper_guest(folder, 2, dress, megabytes=512, house=house) as booted:
        yield booted


@pytest.mark.parametrize("trouble", [nobody, both_killed, both_stopped, slice_killed])
def test_it_thaws_itself_while_nothing_can_be_written_to_the_root_file_system(
    guest_with_its_root_on_lun_0: HelperGuest, trouble: Trouble
):
    guest = guest_with_its_root_on_lun_0
    attempt = "root-" + trouble.__name__.replace("_", "-")

    outcome = outcome_after(guest, attempt, trouble, 0.8, places=("/srv", "/mnt/data"))

    assert (outcome == HoldOutcome.HELD) is (trouble is nobody)
    assert guest.inside("systemctl", "is-active", "systemd-journald").strip() == "active"


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_at_random_instants_nothing_stays_frozen(guest: HelperGuest):
    chance = random.Random(SEED)  # noqa: S311 - a seed, so that a failure can be seen again

    for number in range(20):
        trouble, after = chance.choice(TROUBLES), chance.uniform(-1.0, LIMIT.total_seconds())
        outcome_after(guest, f"random-{number}", trouble, after)
