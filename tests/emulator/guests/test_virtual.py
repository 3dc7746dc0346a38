"""A guest in virtual time runs the helper it is sent, and can go wrong in every way we know."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.emulator.guests.asking import (
    A_FREEZE,
    SENTINEL,
    a_virtual_guest,
    arm,
    collect,
    thaw,
    the_facts,
)

from diskguard.errors import GuestRefused, GuestReportMissing
from diskguard.guest.dialogue import render_arm
from diskguard.model.guest import ClockSource, HoldOutcome
from diskguard_emulator.clock import RealClock
from diskguard_emulator.guests.port import GuestStopped
from diskguard_emulator.guests.script import ScriptNotUnderstood
from diskguard_emulator.guests.troubles import Happening, Incident, read_troubles
from diskguard_emulator.guests.virtual import VirtualGuest, make_guest
from diskguard_emulator.guests.virtual_disks import VirtualImage, is_torn

LIMIT = A_FREEZE.limit


async def clones(guest: VirtualGuest, apart: float = 0.5) -> list[VirtualImage]:
    """All three disks, one after the other."""
    images = []
    for lun in (1, 0, None):
        images.append(await guest.clone_disk(lun))
        await asyncio.sleep(apart)
    return images


async def into_the_window(guest: VirtualGuest, seconds: float = 0.5) -> None:
    """Arm, then wait until so long after the agreed instant."""
    armed = await arm(guest)
    lead = armed.freeze_at - armed.armed_at
    await asyncio.sleep(lead.total_seconds() + seconds)


def what_happens(what: Happening, after: float, amount: float = 0.0, **more: int) -> Incident:
    return Incident(
        what=what, after=timedelta(seconds=after), amount=timedelta(seconds=amount), **more
    )


async def test_disks_cloned_inside_the_window_belong_together():
    guest = a_virtual_guest()
    await into_the_window(guest)

    images = await clones(guest)

    assert not is_torn(images)
    await asyncio.sleep(12)
    assert not guest.is_frozen
    assert (await collect(guest)).outcome is HoldOutcome.HELD


async def test_disks_cloned_without_a_freeze_do_not_belong_together():
    guest = a_virtual_guest()

    images = await clones(guest, apart=0.3)

    assert is_torn(images)
    assert guest.images == images


async def test_a_vm_that_is_off_is_cloned_whole():
    guest = a_virtual_guest(running=False)

    images = await clones(guest, apart=30)

    assert not is_torn(images)
    assert guest.stopped
    assert not guest.agent_answers


async def test_an_armed_guest_says_what_it_will_freeze():
    guest = a_virtual_guest(mounts=[{"path": "/srv", "file_system": "btrfs", "luns": [0, 1]}])

    armed = await arm(guest)

    assert [(mount.path, mount.luns) for mount in armed.mounts] == [
        ("/srv", (0, 1)),
        ("/", (None,)),
    ]
    assert armed.clock is ClockSource.HOST
    assert {each.what for each in armed.left_out} >= {"/mnt", "/boot/efi"}
    assert guest.verbs == ["arm"]
    await guest.close()


@pytest.mark.parametrize(
    "options",
    [
        {"nvme": True},
        {"udev_links": False},
        {"root_file_system": "xfs"},
        {"root_file_system": "btrfs"},
    ],
)
async def test_the_disks_are_found_however_the_guest_shows_them(options):
    guest = a_virtual_guest(**options)

    armed = await arm(guest)

    assert sorted(mount.path for mount in armed.mounts) == ["/", "/data0", "/data1"]
    await guest.close()


@pytest.mark.parametrize(
    "what", [Happening.HOLDER_KILLED, Happening.WATCHDOG_KILLED, Happening.BOTH_KILLED]
)
@pytest.mark.parametrize("after", [0.0, 0.01, 1.0, 2.99])
async def test_whatever_is_killed_nothing_stays_frozen_past_the_limit(what, after):
    guest = a_virtual_guest()
    guest.have(incidents=(what_happens(what, after),))

    await into_the_window(guest, seconds=30)

    assert not guest.is_frozen
    assert guest.longest_freeze <= LIMIT + timedelta(seconds=1)


async def test_the_timer_thaws_where_both_legs_and_what_follows_them_are_gone():
    guest = a_virtual_guest()
    await into_the_window(guest)

    guest.befall(Happening.ALL_KILLED)
    await asyncio.sleep(60)

    assert guest.is_frozen
    assert guest.legs == ()
    assert sorted((await thaw(guest)).thawed) == ["/", "/data0", "/data1"]
    assert not guest.is_frozen


async def test_a_killed_holder_leaves_no_report():
    guest = a_virtual_guest()
    guest.have(incidents=(what_happens(Happening.HOLDER_KILLED, 1),))
    await into_the_window(guest, seconds=12)

    with pytest.raises(GuestReportMissing):
        await collect(guest)

    assert {each.thawed_by for each in guest.history} <= {"watch", "after-hold"}


async def test_a_stolen_thaw_is_reported():
    guest = a_virtual_guest()
    guest.have(incidents=(what_happens(Happening.STRANGER_THAWS, 1),))
    await into_the_window(guest, seconds=12)

    report = await collect(guest)

    assert report.outcome is HoldOutcome.STOLEN
    assert "stranger" in {each.thawed_by for each in guest.history}


async def test_an_incident_of_the_first_window_spares_the_second():
    guest = a_virtual_guest()
    guest.have(incidents=(what_happens(Happening.STRANGER_THAWS, 1, window=1),))
    await into_the_window(guest, seconds=12)
    first = await collect(guest)
    await into_the_window(guest, seconds=12)

    second = await collect(guest)

    assert (first.outcome, second.outcome) == (HoldOutcome.STOLEN, HoldOutcome.HELD)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ({"no_systemd": True}, "no-systemd"),
        ({"units_refused": True}, "legs-not-up"),
        ({"unopenable": ("/data0",)}, "mount-unopenable"),
        ({"lock_taken": True}, "busy"),
        ({"azure_backup": "busy"}, "azure-backup-freezes"),
    ],
)
async def test_a_guest_that_cannot_keep_the_promise_does_not_make_it(trouble, reason):
    guest = a_virtual_guest()
    guest.have(**trouble)

    with pytest.raises(GuestRefused) as refused:
        await arm(guest)

    assert refused.value.reason == reason
    await asyncio.sleep(60)
    assert guest.history == ()


async def test_azure_backup_that_rests_is_no_obstacle():
    guest = a_virtual_guest(troubles={"azure_backup": "idle"})

    await into_the_window(guest, seconds=12)

    assert (await collect(guest)).outcome is HoldOutcome.HELD


async def test_without_systemd_the_legs_run_in_sessions_where_allowed():
    guest = a_virtual_guest(troubles={"no_systemd": True})

    armed = await arm(guest, allow_without_systemd=True)
    await asyncio.sleep(20)

    assert armed.supervisor == "session"
    assert (await collect(guest)).outcome is HoldOutcome.HELD


@pytest.mark.parametrize("trouble", ["freeze_fails", "freeze_hangs", "frozen_by_others"])
async def test_a_freeze_that_does_not_come_off_is_undone_and_named(trouble):
    guest = a_virtual_guest()
    guest.have(**{trouble: ("/data0",)})

    await into_the_window(guest, seconds=30)

    report = await collect(guest)
    assert report.outcome is HoldOutcome.FAILED
    assert "/data0" in {each.what for each in report.faulty}
    assert not guest.is_frozen
    assert guest.longest_freeze <= LIMIT + timedelta(seconds=1)


async def test_a_freeze_that_hangs_completes_late_and_is_thawed_all_the_same():
    guest = a_virtual_guest(troubles={"freeze_hangs": ["/data0"]})

    await into_the_window(guest, seconds=30)

    assert "/data0" in {each.mount for each in guest.history}
    assert not guest.is_frozen


async def test_writes_past_the_file_systems_move_the_counters():
    guest = a_virtual_guest(troubles={"raw_writes": [1]})
    await into_the_window(guest)

    images = await clones(guest)
    await asyncio.sleep(12)

    moved = {disk.lun for disk in (await collect(guest)).disks if disk.before != disk.after}
    assert moved == {1}
    assert is_torn(images)


async def test_a_pause_shows_in_wall_minus_boot():
    guest = a_virtual_guest(troubles={"host_clock": False})
    guest.have(incidents=(what_happens(Happening.PAUSED, 1, 20),))
    await into_the_window(guest, seconds=60)

    report = await collect(guest)

    assert max(report.wall_minus_boot) - min(report.wall_minus_boot) == pytest.approx(20, abs=0.1)
    assert guest.longest_freeze <= timedelta(seconds=4)


async def test_a_pause_nobody_notices_leaves_the_clock_behind():
    guest = a_virtual_guest(troubles={"host_clock": False})

    guest.befall(Happening.PAUSED_UNNOTICED, timedelta(seconds=20))
    armed = await arm(guest)
    await asyncio.sleep(60)

    report = await collect(guest)
    assert report.frozen_at is not None
    assert armed.armed_at.timestamp() == pytest.approx(guest.clock.true() - 60 - 20, abs=1)
    assert max(report.wall_minus_boot) - min(report.wall_minus_boot) < 0.001


async def test_a_step_shows_in_wall_minus_boot():
    guest = a_virtual_guest(troubles={"host_clock": False})
    guest.have(incidents=(what_happens(Happening.CLOCK_STEPPED, 1, 5),))
    await into_the_window(guest, seconds=12)

    report = await collect(guest)

    assert report.wall_minus_boot[2] - report.wall_minus_boot[1] == pytest.approx(5, abs=0.1)


async def test_an_unsynchronised_clock_is_called_so():
    guest = a_virtual_guest(troubles={"unsynchronised": True, "host_clock": False})

    armed = await arm(guest)

    assert armed.clock is ClockSource.UNSYNCHRONISED
    await guest.close()


async def test_a_reboot_forgets_the_attempt_and_thaws():
    guest = a_virtual_guest()
    guest.have(incidents=(what_happens(Happening.REBOOTED, 1),))
    await into_the_window(guest, seconds=12)

    with pytest.raises(GuestReportMissing):
        await collect(guest)

    assert not guest.is_frozen
    assert {each.thawed_by for each in guest.history} == {"power"}


@pytest.mark.parametrize(
    "trouble", [{"report_lost": True}, {"incidents": (what_happens(Happening.REPORT_LOST, 8),)}]
)
async def test_a_lost_report_is_missing(trouble):
    guest = a_virtual_guest()
    guest.have(**trouble)
    await into_the_window(guest, seconds=12)

    with pytest.raises(GuestReportMissing):
        await collect(guest)


async def test_a_late_start_makes_a_late_promise():
    guest = a_virtual_guest(troubles={"starts_late": 9})
    began = guest.clock.true()

    armed = await arm(guest)

    assert armed.freeze_at.timestamp() == pytest.approx(began + 9 + 6, abs=0.5)
    await guest.close()


async def test_a_collect_that_comes_early_waits_for_the_holder():
    guest = a_virtual_guest()
    await into_the_window(guest)

    report = await collect(guest)

    assert report.outcome is HoldOutcome.HELD
    assert not guest.is_frozen


async def test_a_second_run_is_refused_while_the_first_is_at_work():
    guest = a_virtual_guest()
    await arm(guest)

    with pytest.raises(GuestRefused) as refused:
        await arm(guest, attempt="other")

    assert refused.value.reason == "busy"
    assert A_FREEZE.attempt in str(refused.value)
    await guest.close()


async def test_power_off_ends_every_script_and_every_leg():
    guest = a_virtual_guest()
    await into_the_window(guest)
    waiting = asyncio.create_task(collect(guest))
    await asyncio.sleep(0.1)

    await guest.power_off()

    with pytest.raises(GuestStopped):
        await waiting
    assert guest.legs == guest.leftovers == ()
    with pytest.raises(GuestStopped):
        await arm(guest)
    await guest.start()
    assert (await arm(guest)).mount_count == 3
    await guest.close()


async def test_a_cancelled_script_ends():
    guest = a_virtual_guest()
    await into_the_window(guest)
    waiting = asyncio.create_task(collect(guest))
    await asyncio.sleep(0.1)

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert "collect" not in guest.legs
    await guest.close()


async def test_two_hours_later_nothing_is_left_behind():
    guest = a_virtual_guest()
    await into_the_window(guest, seconds=12)
    assert any(path.endswith("/report.json") for path in guest.leftovers)

    await asyncio.sleep(7300)

    assert not any(A_FREEZE.attempt in path for path in guest.leftovers)


async def test_a_guest_without_an_agent_says_so():
    guest = a_virtual_guest(troubles={"no_agent": True})

    assert not guest.agent_answers


async def test_a_mount_the_policy_left_out_stays_unfrozen_and_its_disk_is_not_quiet():
    guest = a_virtual_guest()
    armed = await arm(guest, mounts=("/data0",))
    await asyncio.sleep(6.5)

    images = await clones(guest, apart=0)

    assert armed.mount_count == 1
    assert guest.frozen_mounts == ("/data0",)
    assert {image.lun: image.quiet for image in images} == {0: True, 1: False, None: False}
    await guest.close()


async def test_a_script_that_is_not_ours_is_refused_not_guessed():
    guest = a_virtual_guest()

    with pytest.raises(ScriptNotUnderstood):
        await guest.run_script("echo hello")


async def test_a_helper_that_breaks_is_a_bug_not_an_answer():
    guest = a_virtual_guest()
    script = "\n".join(render_arm(replace(A_FREEZE), sentinel=SENTINEL))
    await arm(guest)
    guest._machine.files["/run/diskguard/a1b2c3/plan.json"] = "{}"

    guest.befall(Happening.HOLDER_KILLED)  # what follows the holder cannot read the plan any more

    with pytest.raises(ExceptionGroup, match="the helper broke"):
        await guest.run_script(script)
    await guest.close()


def test_a_virtual_guest_in_real_time_is_refused(tmp_path):
    with pytest.raises(ValueError, match="use `plain`"):
        make_guest(the_facts(), RealClock(), tmp_path)


def test_an_estate_writes_troubles_in_seconds():
    troubles = read_troubles(
        {"starts_late": 2, "incidents": [{"what": "paused", "after": 1, "amount": 20}]}
    )

    assert troubles.starts_late == timedelta(seconds=2)
    assert troubles.incidents == (what_happens(Happening.PAUSED, 1, 20),)


def test_an_unknown_trouble_is_an_error():
    with pytest.raises(TypeError, match="colic"):
        read_troubles({"colic": True})
