"""Stopping and starting VMs: the Compute port over the real SDK, against the emulator."""

from datetime import timedelta

import pytest
from tests.azure.rooms import a_vm_id

from diskguard import errors
from diskguard.model.estate import PowerState
from diskguard.model.ids import ResourceId
from diskguard_emulator.faults import Fails, Resets


async def test_a_vm_is_found_with_its_power_state(room):
    vm = await room.azure.compute.find_vm(a_vm_id("web01"))

    assert vm is not None
    assert vm.power == PowerState.DEALLOCATED
    assert await room.azure.compute.find_vm(a_vm_id("nobody")) is None


async def test_a_vm_is_stopped_and_started_again(room):
    await room.azure.compute.stop_vm(a_vm_id(), deallocate=False)
    stopped = await room.azure.compute.find_vm(a_vm_id())
    await room.azure.compute.start_vm(a_vm_id())
    started = await room.azure.compute.find_vm(a_vm_id())

    assert stopped is not None
    assert stopped.power == PowerState.STOPPED
    assert started is not None
    assert started.power == PowerState.RUNNING
    assert "skipshutdown=false" in room.cloud.api.log.of("POST", "/powerOff")[0].query.lower()


async def test_a_stopped_vm_can_still_be_deallocated(room):
    await room.azure.compute.stop_vm(a_vm_id(), deallocate=False)
    await room.azure.compute.stop_vm(a_vm_id(), deallocate=True)

    vm = await room.azure.compute.find_vm(a_vm_id())

    assert vm is not None
    assert vm.power == PowerState.DEALLOCATED


async def test_what_is_so_already_is_left_alone(room):
    await room.azure.compute.start_vm(a_vm_id())
    await room.azure.compute.stop_vm(a_vm_id("web01"), deallocate=True)
    await room.azure.compute.stop_vm(a_vm_id("web01"), deallocate=False)

    assert room.sent("POST") == 0


async def test_a_vm_that_is_gone_cannot_be_started(room):
    with pytest.raises(errors.ResourceMissing):
        await room.azure.compute.start_vm(a_vm_id("nobody"))


async def test_a_vm_of_a_missing_subscription_is_an_error_not_a_missing_vm(room):
    with pytest.raises(errors.ResourceMissing, match="SubscriptionNotFound"):
        await room.azure.compute.find_vm(ResourceId(a_vm_id().text.replace("1111", "2222")))


async def test_a_start_whose_answer_is_lost_is_asked_for_again(room):
    room.befall(Resets(), "POST", "/start")

    await room.azure.compute.start_vm(a_vm_id("web01"))

    assert room.sent("POST", "/start") == 2


async def test_many_power_operations_stay_within_the_vms_own_budget(room):
    for _ in range(4):
        await room.azure.compute.stop_vm(a_vm_id(), deallocate=False)
        await room.azure.compute.start_vm(a_vm_id())

    assert not [entry for entry in room.cloud.api.log if entry.status == 429]


async def test_a_change_of_others_that_crosses_ours_is_let_pass(room):
    concurrent = Fails(status=409, code="Conflict", message="conflict with a concurrent request")
    room.befall(concurrent, "POST", "/start", times=2)
    before = room.clock.now()

    await room.azure.compute.start_vm(a_vm_id("web01"))

    assert room.sent("POST", "/start") == 3
    assert room.clock.now() - before > timedelta(seconds=15)


async def test_a_change_of_others_that_never_ends_is_told(room):
    room.befall(Fails(status=409, code="Conflict"), "POST", "/start", times=9)

    with pytest.raises(errors.ResourceConflict):
        await room.azure.compute.start_vm(a_vm_id("web01"))

    assert room.sent("POST", "/start") == 4
