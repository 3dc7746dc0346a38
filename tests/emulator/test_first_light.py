"""The real SDK against the world, in process and in virtual time."""

import asyncio

import pytest
from azure.core.exceptions import HttpResponseError
from tests.support.estates import a_vm, an_estate, snapshot_body
from tests.support.inprocess import running_cloud


@pytest.fixture
async def cloud():
    async with running_cloud(an_estate(a_vm("db01", 2), a_vm("web01", 0))) as cloud:
        yield cloud


async def test_vms_disks_and_power_states_are_listed(cloud):
    async with cloud.compute() as compute:
        vms = [vm async for vm in compute.virtual_machines.list_all()]
        states = [vm async for vm in compute.virtual_machines.list_all(status_only="true")]
        disks = [disk.name async for disk in compute.disks.list()]

    assert [vm.name for vm in vms] == ["db01", "web01"]
    assert vms[0].storage_profile.data_disks[1].lun == 1
    assert {status.code for status in states[0].instance_view.statuses} >= {"PowerState/running"}
    assert disks == ["db01-os", "db01-data0", "db01-data1", "web01-os"]


async def test_a_snapshot_is_taken_followed_and_read_back(cloud):
    async with cloud.compute() as compute:
        disk = await compute.disks.get("app", "db01-os")
        poller = await compute.snapshots.begin_create_or_update(
            "rg-diskguard-eus", "one", snapshot_body(disk.id, tags={"a": "b"})
        )
        taken = await poller.result()

    assert taken.provisioning_state == "Succeeded"
    assert taken.snapshot_access_state == "Available"
    assert taken.creation_data.source_unique_id == disk.unique_id
    assert taken.tags == {"a": "b"}
    assert asyncio.get_running_loop().time() > 0.4


async def test_a_copy_climbs_to_a_hundred_percent(cloud):
    async with cloud.compute() as compute:
        disk = await compute.disks.get("app", "db01-os")
        poller = await compute.snapshots.begin_create_or_update(
            "rg-diskguard-eus", "one", snapshot_body(disk.id)
        )
        source = await poller.result()
        poller = await compute.snapshots.begin_create_or_update(
            "rg-diskguard-wus", "one", snapshot_body(source.id, "westus", option="CopyStart")
        )
        begun = await poller.result()
        await asyncio.sleep(600)
        done = await compute.snapshots.get("rg-diskguard-wus", "one")

    assert begun.completion_percent < 2
    assert done.completion_percent == 100.0
    assert done.creation_data.source_unique_id == source.unique_id
    assert begun.snapshot_access_state == "Pending"
    assert done.snapshot_access_state == "Available"


async def test_a_snapshot_deleted_is_gone(cloud):
    async with cloud.compute() as compute:
        disk = await compute.disks.get("app", "db01-os")
        poller = await compute.snapshots.begin_create_or_update(
            "rg-diskguard-eus", "one", snapshot_body(disk.id)
        )
        await poller.result()
        await (await compute.snapshots.begin_delete("rg-diskguard-eus", "one")).result()
        with pytest.raises(HttpResponseError) as missing:
            await compute.snapshots.get("rg-diskguard-eus", "one")

    assert missing.value.status_code == 404
    assert "ResourceNotFound" in str(missing.value)
