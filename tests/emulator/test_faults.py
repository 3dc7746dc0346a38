"""Faults as values, seen from the wire and from the real SDK."""

import asyncio
from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from tests.emulator.wire import disk, snapshot, vm
from tests.support.estates import snapshot_body
from tests.support.inprocess import Fuse

from diskguard_emulator.faults import (
    Delays,
    Fails,
    Fault,
    Hangs,
    LosesAnswer,
    Malformed,
    OperationFails,
    OperationStalls,
    Resets,
    Throttles,
)
from diskguard_emulator.wire import ConnectionLost


def loop_time():
    return asyncio.get_running_loop().time()


async def test_only_the_nth_matching_request_fails(cloud, wire):
    fault = Fault(effect=Fails(status=500), method="GET", path="/VIRTUALMACHINES/db01$", nth=2)
    cloud.api.faults.add(fault)
    answers = [(await wire.get(vm())).status for _ in range(3)]
    other = (await wire.get(vm("web01"))).status

    assert (answers, other) == ([200, 500, 200], 200)
    assert fault.seen == 3


async def test_a_fault_may_look_into_the_body_and_strike_several_times(cloud, wire):
    tagged = Fault(
        effect=Fails(status=503, code="Busy", retry_after=7),
        body=lambda body: "tags" in body,
        times=2,
    )
    cloud.api.faults.add(tagged)
    answers = [await wire.patch(vm(), {"tags": {}}) for _ in range(3)]
    await wire.post(f"{vm()}/start")

    assert [each.status for each in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].body["error"]["code"] == "Busy"


@pytest.mark.parametrize("by_compute", [True, False])
async def test_a_throttle_has_the_form_of_its_maker(cloud, wire, by_compute):
    cloud.api.faults.add(Fault(effect=Throttles(retry_after=1200, by_compute=by_compute)))
    refused = await wire.get(vm())

    assert (refused.status, refused.headers["Retry-After"]) == (429, "1200")
    assert ("error" in refused.body) is not by_compute


async def test_a_lost_answer_was_work_done_and_a_reset_was_not(cloud, wire):
    cloud.api.faults.add(Fault(effect=LosesAnswer(), path="/lost$"))
    cloud.api.faults.add(Fault(effect=Resets(), path="/reset$"))
    for name in ("lost", "reset"):
        with pytest.raises(ConnectionLost):
            await wire.put(snapshot(name), snapshot_body(disk("db01-os")))

    assert (await wire.get(snapshot("lost"))).status == 200
    assert (await wire.get(snapshot("reset"))).status == 404
    assert [each.code for each in cloud.api.log.writes()] == ["ConnectionLost"] * 2


async def test_a_hang_ends_in_a_reset_and_a_delay_in_an_answer(cloud, wire):
    cloud.api.faults.add(Fault(effect=Hangs(for_=timedelta(minutes=5)), nth=1))
    cloud.api.faults.add(Fault(effect=Delays(by=timedelta(minutes=1)), nth=2))
    with pytest.raises(ConnectionLost):
        await wire.get(vm())
    after_hang = loop_time()
    answer = await wire.get(vm())

    assert after_hang == pytest.approx(300)
    assert answer.status == 200
    assert loop_time() - after_hang > 60


async def test_a_malformed_answer_is_no_json(cloud, wire):
    cloud.api.faults.add(Fault(effect=Malformed()))
    answer = await wire.get(vm())

    assert (answer.status, answer.payload()) == (200, b'{"value": [{"name": "tru')


async def test_an_operation_may_fail_or_stall_after_its_202(cloud, wire):
    stall = OperationStalls(by=timedelta(minutes=2))
    cloud.api.faults.add(Fault(effect=OperationFails(code="DiskBusy"), path="/fails$"))
    cloud.api.faults.add(Fault(effect=stall, path="/stalls$"))
    failing = await wire.put(snapshot("fails"), snapshot_body(disk("db01-os")))
    stalling = await wire.put(snapshot("stalls"), snapshot_body(disk("db01-os")))
    failed = await wire.end_of(failing)
    await wire.end_of(stalling)

    assert (failed["status"], failed["error"]["code"]) == ("Failed", "DiskBusy")
    assert (await wire.get(snapshot("fails"))).body["properties"]["provisioningState"] == "Failed"
    assert loop_time() > 120
    cloud.api.faults.clear()
    assert (await wire.get(vm())).status == 200


# ---------------------------------------------------------------------- seen by the SDK


async def test_the_sdk_sees_a_broken_connection_and_a_read_timeout(cloud):
    cloud.api.faults.add(Fault(effect=Resets(), nth=1))
    cloud.api.faults.add(Fault(effect=Hangs(), nth=2))
    async with cloud.compute(retry_total=0) as compute:
        with pytest.raises(ServiceResponseError, match="reset by peer"):
            await compute.virtual_machines.get("app", "db01")
        with pytest.raises(ServiceResponseError, match="timed out"):
            await compute.virtual_machines.get("app", "db01", read_timeout=4)


async def test_the_sdk_retries_what_a_lost_answer_left_behind(cloud):
    cloud.api.faults.add(Fault(effect=LosesAnswer(), method="PUT"))
    async with cloud.compute() as compute:
        disk_ = await compute.disks.get("app", "db01-os")
        poller = await compute.snapshots.begin_create_or_update(
            "rg-diskguard-eus", "one", snapshot_body(disk_.id)
        )
        made = await poller.result()

    assert made.provisioning_state == "Succeeded"
    assert len(cloud.api.log.of("PUT")) == 2


async def test_the_sdk_reads_both_kinds_of_429(cloud):
    cloud.api.faults.add(Fault(effect=Throttles(retry_after=5), times=1))
    async with cloud.compute(retry_total=0) as compute:
        with pytest.raises(HttpResponseError) as refused:
            await compute.virtual_machines.get("app", "db01")

    assert refused.value.status_code == 429
    assert refused.value.error is not None
    assert refused.value.error.code == "OperationNotAllowed"


@pytest.mark.parametrize("after", [False, True])
async def test_a_fuse_cuts_the_power_before_or_after_azure_did_it(cloud, after):
    fuse = Fuse(2, after=after)

    async def run():
        async with cloud.compute(transport=cloud.transport(fuse), retry_total=0) as compute:
            await compute.virtual_machines.get("app", "db01")
            body = snapshot_body(disk("db01-os"))
            await compute.snapshots.begin_create_or_update("rg-diskguard-eus", "one", body)

    task = asyncio.create_task(run())
    await fuse.blown.wait()
    task.cancel()
    await asyncio.wait([task])
    async with cloud.compute(transport=cloud.transport(fuse), retry_total=0) as dead:
        with pytest.raises(ServiceRequestError):
            await dead.virtual_machines.get("app", "db01")

    assert (cloud.world.find(snapshot("one")) is not None) is after
    assert len(cloud.api.log) == (2 if after else 1)
