"""Virtual machines: what lists and views show, the power switch, ETags."""

import asyncio

import pytest
from tests.emulator.wire import Wire, disk, in_group, in_subscription, vm
from tests.support.estates import a_data_disk, a_vm, an_estate
from tests.support.inprocess import running_cloud

from diskguard_emulator.faults import Fault, OperationFails


async def power(wire, name="db01"):
    view = (await wire.get(f"{vm(name)}/instanceView")).body
    return view["statuses"][1]["code"]


@pytest.mark.parametrize(
    ("action", "during", "after"),
    [
        ("powerOff", "PowerState/stopping", "PowerState/stopped"),
        ("deallocate", "PowerState/deallocating", "PowerState/deallocated"),
    ],
)
async def test_a_vm_is_stopped_and_started_again(wire, action, during, after):
    accepted = await wire.post(f"{vm()}/{action}")
    meanwhile = await power(wire)
    ended = await wire.end_of(accepted)
    stopped = await power(wire)
    await wire.end_of(await wire.post(f"{vm()}/start"))

    assert (accepted.status, accepted.body) == (202, None)
    assert {"Azure-AsyncOperation", "Location"} <= set(accepted.headers)
    assert ended["status"] == "Succeeded"
    assert (meanwhile, stopped, await power(wire)) == (during, after, "PowerState/running")


async def test_stopping_a_deallocated_vm_leaves_it_deallocated(wire):
    await wire.end_of(await wire.post(f"{vm()}/deallocate"))
    ended = await wire.end_of(await wire.post(f"{vm()}/powerOff"))

    assert ended["status"] == "Succeeded"
    assert await power(wire) == "PowerState/deallocated"


async def test_two_changes_at_once_are_a_conflict(wire):
    first = await wire.post(f"{vm()}/powerOff")
    second = await wire.post(f"{vm()}/start")
    restart = await wire.post(f"{vm()}/restart")
    await wire.end_of(first)

    assert (second.status, second.body["error"]["code"]) == (409, "Conflict")
    assert (restart.status, restart.body["error"]["code"]) == (409, "OperationNotAllowed")


async def test_a_running_vm_restarts_and_a_failed_stop_leaves_it_running(cloud, wire):
    restarted = await wire.end_of(await wire.post(f"{vm()}/restart"))
    cloud.api.faults.add(Fault(effect=OperationFails(), path="/powerOff"))
    failed = await wire.end_of(await wire.post(f"{vm()}/powerOff"))

    assert (restarted["status"], failed["status"]) == ("Succeeded", "Failed")
    assert await power(wire) == "PowerState/running"


async def test_disks_of_a_deallocated_vm_are_reserved_and_shown_without_sizes(wire):
    running = (await wire.get(disk("db01-os"))).body["properties"]["diskState"]
    await wire.end_of(await wire.post(f"{vm()}/deallocate"))
    reserved = (await wire.get(disk("db01-os"))).body["properties"]["diskState"]
    profile = (await wire.get(vm())).body["properties"]["storageProfile"]

    assert (running, reserved) == ("Attached", "Reserved")
    assert set(profile["osDisk"]["managedDisk"]) == {"id"}
    assert all("diskSizeGB" not in each for each in profile["dataDisks"])


async def test_a_patch_needs_the_etag_of_now(wire):
    before = (await wire.get(vm())).headers["etag"]
    changed = await wire.patch(vm(), {"tags": {"a": "1"}}, headers={"If-Match": before})
    stale = await wire.patch(vm(), {"tags": {"a": "2"}}, headers={"if-match": before})
    any_ = await wire.patch(vm(), {"tags": {"a": "3"}}, headers={"If-Match": "*"})
    found = await wire.get(vm())

    assert (before, changed.status, stale.status, any_.status) == ('"1"', 200, 412, 200)
    assert stale.body["error"]["message"] == (
        'Etag provided in if-match header "1" does not match etag "2" of resource.'
    )
    assert found.body["tags"] == {"a": "3"}
    assert found.headers["ETag"] == found.body["etag"] == '"3"'
    assert (await wire.end_of(changed))["properties"]["output"]["name"] == "db01"


async def test_a_patch_of_anything_but_tags_is_named_and_refused(wire):
    refused = await wire.patch(vm(), {"properties": {"hardwareProfile": {}}})

    assert (refused.status, refused.body["error"]["code"]) == (400, "EmulatorUnknownField")
    assert "'properties'" in refused.body["error"]["message"]


async def test_a_status_list_shows_run_time_state_and_nothing_else(wire):
    path = in_subscription("virtualMachines")
    found = (await wire.get(path, query="&statusOnly=true")).body["value"]
    plain = (await wire.get(path)).body["value"]
    odd = await wire.get(path, query="&statusOnly=maybe")

    assert [each["name"] for each in found] == ["db01", "web01"]
    assert set(found[0]["properties"]) == {"vmId", "provisioningState", "instanceView"}
    assert "tags" not in found[0]
    assert "instanceView" not in plain[0]["properties"]
    assert odd.status == 501


async def test_the_instance_view_comes_on_demand(wire):
    expanded = (await wire.get(vm(), query="&$expand=instanceView")).body
    odd = await wire.get(vm(), query="&$expand=userData")

    view = expanded["properties"]["instanceView"]
    assert view["vmAgent"]["statuses"][0]["displayStatus"] == "Not Ready"
    assert [each["name"] for each in view["disks"]] == ["db01-os", "db01-data0", "db01-data1"]
    assert odd.status == 501


async def test_a_group_lists_its_own_vms_and_a_missing_group_is_404(wire):
    own = (await wire.get(in_group("app", "virtualMachines"))).body["value"]
    none = await wire.get(in_group("rg-diskguard-eus", "virtualMachines"))
    missing = await wire.get(in_group("nowhere", "virtualMachines"))

    assert [each["name"] for each in own] == ["db01", "web01"]
    assert none.body == {"value": []}
    assert (missing.status, missing.body["error"]["code"]) == (404, "ResourceGroupNotFound")


async def test_a_missing_vm_is_404(wire):
    answers = [
        await wire.get(vm("ghost")),
        await wire.post(f"{vm('ghost')}/start"),
        await wire.post(f"{vm('ghost')}/runCommand", {"commandId": "RunShellScript"}),
        await wire.get(f"{vm('ghost')}/runCommands"),
    ]

    assert [each.status for each in answers] == [404] * 4


async def test_unmanaged_ephemeral_shared_and_scale_set_vms_look_as_azure_shows_them():
    estate = an_estate(
        a_vm("old", 0, os_disk="unmanaged"),
        a_vm("brief", 0, os_disk="ephemeral"),
        a_vm("node1", disks=(a_data_disk(0, name="quorum", max_shares=2),), zone="1"),
        a_vm("node2", disks=(a_data_disk(0, shared_from="quorum"),)),
        a_vm("flex-0", 0, scale_set="flex", availability_set="set", security_type="TrustedLaunch"),
        scale_sets=({"name": "flex"}, {"name": "uni", "mode": "Uniform", "capacity": 3}),
        availability_sets=({"name": "set"},),
    )
    async with running_cloud(estate) as cloud:
        wire = Wire(cloud)
        listed = (await wire.get(in_subscription("virtualMachines"))).body["value"]
        vms = {each["name"]: each["properties"] for each in listed}
        quorum = (await wire.get(disk("quorum"))).body
        sets = (await wire.get(in_subscription("virtualMachineScaleSets"))).body["value"]
        one = await wire.get(in_group("app", "availabilitySets", "set"))

    assert vms["old"]["storageProfile"]["osDisk"]["vhd"]["uri"].endswith(".vhd")
    assert vms["brief"]["storageProfile"]["osDisk"]["diffDiskSettings"]["option"] == "Local"
    assert [each.rsplit("/")[-1] for each in quorum["managedByExtended"]] == ["node1", "node2"]
    assert quorum["zones"] == ["1"]
    assert vms["flex-0"]["virtualMachineScaleSet"]["id"].endswith("/flex")
    assert vms["flex-0"]["availabilitySet"]["id"].endswith("/set")
    assert vms["flex-0"]["securityProfile"] == {"securityType": "TrustedLaunch"}
    assert [each["properties"]["orchestrationMode"] for each in sets] == ["Flexible", "Uniform"]
    assert one.status == 200


async def test_a_stopped_vm_takes_as_long_to_start_as_azure_says(wire):
    began = asyncio.get_running_loop().time()
    await wire.end_of(await wire.post(f"{vm()}/powerOff"))
    stopped = asyncio.get_running_loop().time()
    await wire.end_of(await wire.post(f"{vm()}/start"))

    assert 12 < stopped - began < 20
    assert 20 < asyncio.get_running_loop().time() - stopped < 35


async def test_a_disk_to_share_must_exist():
    with pytest.raises(LookupError, match="no disk quorum"):
        async with running_cloud(
            an_estate(a_vm("n", disks=(a_data_disk(0, shared_from="quorum"),)))
        ):
            pass
