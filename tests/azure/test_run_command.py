"""The Guest port over the real SDK: scripts to the emulator's virtual guests, and every way they get lost."""

import asyncio
from datetime import timedelta

import pytest
from tests.azure.rooms import Room, a_room, a_vm_id, another_room
from tests.support.estates import a_vm, an_estate
from tests.support.virtual_time import EPOCH

from diskguard import errors
from diskguard.azure.run_command import AzureGuest, Durations
from diskguard.model.guest import FreezeRequest, GuestDisk, HoldOutcome
from diskguard.model.wish import OperationState, OperationStatus
from diskguard_emulator.faults import (
    Fails,
    Malformed,
    OperationFails,
    OperationStalls,
    Resets,
    Throttles,
)

BUSY = "Run command extension execution is in progress. Please wait for completion."


@pytest.fixture
async def room():
    async with a_room(an_estate(a_vm("db01", 1, guest="virtual"))) as room:
        yield room


def a_request(attempt: str = "0123456789abcdef") -> FreezeRequest:
    return FreezeRequest(
        attempt=attempt,
        disks=(
            GuestDisk(name="db01-os", lun=None, size_bytes=32 * 1024**3),
            GuestDisk(name="db01-data0", lun=0, size_bytes=64 * 1024**3),
        ),
        lead=timedelta(seconds=30),
        limit=timedelta(seconds=10),
    )


async def armed_and_over(room: Room) -> FreezeRequest:
    request = a_request()
    armed = await room.azure.guest.arm(a_vm_id(), request)
    await room.clock.sleep_until(armed.thaw_by)
    return request


async def test_a_guest_promises_a_freeze_in_one_script(room):
    request = a_request()

    armed = await room.azure.guest.arm(a_vm_id(), request)

    assert armed.attempt == request.attempt
    assert armed.mount_count > 0
    assert room.clock.now() < armed.freeze_at
    assert room.sent("POST") == 1


async def test_the_holders_report_is_collected(room):
    request = await armed_and_over(room)

    report = await room.azure.guest.collect(a_vm_id(), request.attempt)

    assert report.outcome == HoldOutcome.HELD
    assert report.attempt == request.attempt
    assert {disk.lun for disk in report.disks} == {None, 0}


async def test_an_attempt_that_never_was_has_no_report(room):
    with pytest.raises(errors.GuestReportMissing):
        await room.azure.guest.collect(a_vm_id(), "fedcba9876543210")


async def test_an_emergency_thaw_finds_nothing_to_do_where_nothing_is_frozen(room):
    report = await room.azure.guest.thaw(a_vm_id())

    assert report.thawed == ()
    assert report.mount_count > 0


async def test_looks_are_few_and_fewer_once_the_usual_duration_is_known(room):
    request = await armed_and_over(room)
    first = room.sent("GET", "/operations/")
    await room.azure.guest.collect(a_vm_id(), request.attempt)

    assert first <= 7
    assert room.sent("GET", "/operations/") - first <= 4


def test_the_quickest_of_the_last_runs_sets_the_first_look():
    durations = Durations()
    for seconds in (57.0, 21.0, 24.0):
        durations.learn(a_finished_run(seconds))

    assert durations.first_pauses()[0] == pytest.approx(21.3)


def test_a_run_without_instants_teaches_nothing():
    durations = Durations()

    durations.learn(OperationState(status=OperationStatus.SUCCEEDED))

    assert sum(durations.first_pauses()) == 18


def a_finished_run(seconds: float) -> OperationState:
    return OperationState(
        status=OperationStatus.SUCCEEDED,
        started_at=EPOCH,
        ended_at=EPOCH + timedelta(seconds=seconds),
    )


async def test_a_script_is_never_sent_twice_when_its_answer_is_lost(room):
    room.befall(Resets(), "POST", "/runCommand")

    with pytest.raises(errors.CloudUnreachable):
        await room.azure.guest.arm(a_vm_id(), a_request())

    assert room.sent("POST") == 1


@pytest.mark.parametrize("status", [500, 503])
async def test_a_script_is_never_sent_twice_after_an_error_of_azures(room, status):
    room.befall(Fails(status=status, retry_after=1), "POST", "/runCommand")

    with pytest.raises(errors.CloudUnreachable):
        await room.azure.guest.arm(a_vm_id(), a_request())

    assert room.sent("POST") == 1


async def test_a_script_refused_for_too_many_requests_waits_its_turn(room):
    room.befall(Throttles(retry_after=20), "POST", "/runCommand")

    armed = await room.azure.guest.arm(a_vm_id(), a_request())

    assert armed.mount_count > 0
    assert room.sent("POST") == 2


async def test_another_script_is_waited_for(room):
    room.befall(Fails(status=409, code="Conflict", message=BUSY), "POST", "/runCommand", times=3)

    armed = await room.azure.guest.arm(a_vm_id(), a_request())

    assert armed.mount_count > 0
    assert room.sent("POST") == 4


async def test_two_machines_scripts_follow_each_other(room):
    async with another_room(room.cloud) as other, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(room.azure.guest.thaw(a_vm_id()))
        second = tasks.create_task(other.azure.guest.thaw(a_vm_id()))

    assert first.result() == second.result()
    assert [entry.status for entry in room.cloud.api.log.of("POST")].count(202) == 2


async def test_a_script_that_holds_on_is_not_waited_for_for_ever(room):
    room.befall(Fails(status=409, code="Conflict", message=BUSY), "POST", "/runCommand", times=99)
    started = room.clock.now()

    with pytest.raises(errors.GuestBusy):
        await room.azure.guest.arm(a_vm_id(), a_request())

    assert timedelta(minutes=2) < room.clock.now() - started <= timedelta(minutes=3)
    assert not [entry for entry in room.cloud.api.log if entry.status == 429]


async def test_another_conflict_is_told_at_once(room):
    room.befall(Fails(status=409, code="OperationNotAllowed", message="being deleted"), "POST")

    with pytest.raises(errors.ResourceConflict):
        await room.azure.guest.arm(a_vm_id(), a_request())


async def test_a_vm_that_does_not_run_freezes_nothing(room):
    await room.azure.compute.stop_vm(a_vm_id(), deallocate=False)

    with pytest.raises(errors.GuestRefused) as caught:
        await room.azure.guest.arm(a_vm_id(), a_request())

    assert caught.value.reason == "vm-not-running"


async def test_a_run_that_failed_may_have_armed_the_guest(room):
    room.befall(OperationFails(code="VMExtensionProvisioningError", message="no"), "POST")

    with pytest.raises(errors.GuestAnswerUnreadable, match="VMExtensionProvisioningError"):
        await room.azure.guest.arm(a_vm_id(), a_request())


async def test_a_run_that_never_ends_is_given_up(room):
    room.befall(OperationStalls(by=timedelta(hours=2)), "POST", "/runCommand")
    started = room.clock.now()

    with pytest.raises(errors.CloudUnreachable, match="still not done"):
        await room.azure.guest.arm(a_vm_id(), a_request())

    assert room.clock.now() - started < timedelta(minutes=6)
    assert not [entry for entry in room.cloud.api.log if entry.status == 429]


async def test_an_acceptance_that_names_no_operation_leaves_the_outcome_unknown(room):
    room.befall(Fails(status=202), "POST", "/runCommand")

    with pytest.raises(errors.CloudUnreachable, match="without a word"):
        await room.azure.guest.arm(a_vm_id(), a_request())


async def test_the_output_is_read_whole_also_from_the_location_form(room):
    output = '{"value": [{"message": "Enable succeeded: \\n[stdout]\\nhello\\n[stderr]\\n"}]}'
    room.befall(Malformed(body=output), path="/operations/")
    guest = room.azure.guest
    assert isinstance(guest, AzureGuest)

    printed = await guest.run(a_vm_id(), ["echo hello"])

    assert "[stdout]\nhello\n" in printed


async def test_passing_trouble_while_a_script_runs_is_ridden_out(room):
    room.befall(Resets(), path="/operations/")
    room.befall(Fails(status=503), path="/operations/", nth=2)
    room.befall(Fails(status=202), path="/operations/", nth=3)

    armed = await room.azure.guest.arm(a_vm_id(), a_request())

    assert armed.mount_count > 0


async def test_noise_in_place_of_an_answer_is_unreadable(room):
    noise = '{"status": "Succeeded", "properties": {"output": {"value": [{"message": "hi"}]}}}'
    room.befall(Malformed(body=noise), path="/operations/")

    with pytest.raises(errors.GuestAnswerUnreadable):
        await room.azure.guest.arm(a_vm_id(), a_request())
