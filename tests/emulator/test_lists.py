"""Lists and ids: pages, lag, spelling; groups, tags, kept resources, subscriptions."""

import asyncio
from datetime import timedelta

import pytest
from azure.mgmt.resource.resources.aio import ResourceManagementClient
from azure.mgmt.resource.subscriptions.aio import SubscriptionClient
from azure.mgmt.resource.templatespecs.aio import TemplateSpecsClient
from tests.emulator.wire import Wire, disk, in_subscription, snapshot, vm
from tests.support.estates import a_vm, an_estate, snapshot_body
from tests.support.inprocess import BASE_URL, SUBSCRIPTION, TestCredential, running_cloud

from diskguard_emulator.dump import dump
from diskguard_emulator.settings import Lag

SUB = f"/subscriptions/{SUBSCRIPTION}"
RG = f"{SUB}/resourceGroups/rg-diskguard-eus"


def client(kind, cloud):
    return kind(
        TestCredential(),
        cloud.subscription,
        base_url=BASE_URL,
        credential_scopes=[f"{BASE_URL}/.default"],
        transport=cloud.transport(),
    )


# ---------------------------------------------------------------------- pages, lag, spelling


async def test_the_sdk_follows_the_pages(cloud):
    cloud.world.settings.page_size = 2
    async with cloud.compute() as compute:
        names = [each.name async for each in compute.disks.list()]

    assert names == ["db01-os", "db01-data0", "db01-data1", "web01-os", "archive"]
    assert len(cloud.api.log) == 3


async def test_a_page_keeps_the_other_parameters_and_survives_a_deletion(cloud, wire):
    cloud.world.settings.page_size = 1
    first = (await wire.get(in_subscription("virtualMachines"), query="&statusOnly=true")).body
    cloud.world.remove(cloud.world.find(vm("db01")))
    second = (await wire.follow(first["nextLink"])).body
    bad = await wire.get(in_subscription("disks"), query="&$skiptoken=!")

    assert "statusOnly=true" in first["nextLink"]
    assert [each["name"] for each in second["value"]] == ["web01"]
    assert "nextLink" not in second
    assert bad.status == 400


async def test_a_fresh_resource_is_not_found_and_not_listed_at_once(cloud, wire):
    cloud.world.settings.lag = Lag(get=timedelta(seconds=10), lists=timedelta(seconds=30))
    await wire.put(snapshot("one"), snapshot_body(disk("db01-os")))
    seen = []
    for _ in range(3):
        found = (await wire.get(snapshot("one"))).status
        listed = len((await wire.get(in_subscription("snapshots"))).body["value"])
        seen.append((found, listed))
        await asyncio.sleep(15)

    assert seen == [(404, 0), (200, 0), (200, 1)]


async def test_ids_come_back_in_another_case_on_demand_and_are_found_in_any(cloud, wire):
    cloud.world.settings.upper_case_ids = True
    async with cloud.compute() as compute:
        found = await compute.virtual_machines.get("APP", "DB01")

    assert "/resourceGroups/APP/" in found.storage_profile.os_disk.managed_disk.id
    assert (await wire.get(vm().upper())).status == 200


async def test_the_state_dump_shows_everything(cloud, wire):
    await wire.post(f"{vm()}/powerOff")
    state = dump(cloud.world)

    assert set(state["power"].values()) == {"stopping", "running"}
    assert len(state["resources"]) == 7
    assert len(state["running_operations"]) == 1
    assert f"{SUB}/resourceGroups/app" in state["groups"]


# ---------------------------------------------------------------------- operations


async def test_an_operations_url_comes_back_byte_for_byte_or_not_at_all(wire):
    accepted = await wire.put(snapshot("one"), snapshot_body(disk("db01-os")))
    url = accepted.headers["azure-asyncoperation"]
    status, shortened = await wire.follow(url), await wire.follow(url[:-1])
    unknown = await wire.follow(url.replace("/DiskOperations/", "/DiskOperations/x"))

    assert 2500 < len(url) < 4000
    assert all(f"&{key}=" in url for key in "tcsh")
    assert accepted.headers["Retry-After"] == "2"
    assert "Retry-After" not in status.headers
    assert (status.status, shortened.status, unknown.status) == (200, 403, 404)


async def test_the_monitor_answers_202_and_then_the_bare_result(wire):
    accepted = await wire.put(snapshot("one"), snapshot_body(disk("db01-os")))
    running = await wire.follow(accepted.headers["Location"])
    await asyncio.sleep(5)
    done = await wire.follow(accepted.headers["Location"])
    deleted = await wire.delete(snapshot("one"))
    await asyncio.sleep(5)
    empty = await wire.follow(deleted.headers["Location"])

    assert (running.status, running.body) == (202, None)
    assert running.headers["Location"] == accepted.headers["Location"]
    assert (done.status, done.body["name"]) == (200, "one")
    assert (empty.status, empty.body) == (200, None)


# ---------------------------------------------------------------------- tags


async def test_the_real_client_merges_replaces_and_deletes_tags(cloud):
    async with client(ResourceManagementClient, cloud) as resources:

        async def change(operation, tags):
            body = {"operation": operation, "properties": {"tags": tags}}
            poller = await resources.tags.begin_update_at_scope(disk("archive"), body)
            return (await poller.result()).properties.tags

        merged = await change("Merge", {"A": "1", "b": "2"})
        again = await change("Merge", {"a": "9"})
        less = await change("Delete", {"B": "2", "a": "not this value"})
        replaced = await change("Replace", {"c": "3"})
        read = (await resources.tags.get_at_scope(disk("archive"))).properties.tags

    assert merged == {"A": "1", "b": "2"}
    assert again == {"b": "2", "a": "9"}
    assert less == {"a": "9"}
    assert replaced == read == {"c": "3"}


async def test_tags_of_a_group_a_subscription_and_a_vm(wire):
    body = {"properties": {"tags": {"a": "b"}}}
    for scope in (SUB, RG, vm()):
        path = f"{scope}/providers/Microsoft.Resources/tags/default"
        assert (await wire.put(path, body)).body["properties"]["tags"] == {"a": "b"}
    etag = (await wire.get(vm())).headers["ETag"]
    await wire.delete(f"{vm()}/providers/Microsoft.Resources/tags/default")

    assert etag == '"2"'
    assert (await wire.get(vm())).body["tags"] == {}


@pytest.mark.parametrize(
    ("scope", "body", "status"),
    [
        (vm("ghost"), {"properties": {"tags": {}}}, 404),
        (f"{SUB}/resourceGroups/nowhere", {"properties": {"tags": {}}}, 404),
        (f"{SUB}/odd", {"properties": {"tags": {}}}, 404),
        (vm(), {"operation": "Twist", "properties": {"tags": {}}}, 501),
        (vm(), {"operation": "Merge"}, 400),
        (vm(), {"properties": {"tags": {}}}, 400),
    ],
)
async def test_tags_that_cannot_be_changed_are_refused(wire, scope, body, status):
    path = f"{scope}/providers/Microsoft.Resources/tags/default"

    assert (await wire.patch(path, body)).status == status


async def test_a_snapshots_tags_change_without_a_put(wire):
    await wire.end_of(await wire.put(snapshot("one"), snapshot_body(disk("db01-os"))))
    path = f"{snapshot('one')}/providers/Microsoft.Resources/tags/default"
    await wire.patch(path, {"operation": "Merge", "properties": {"tags": {"seal": "x"}}})

    assert (await wire.get(snapshot("one"))).body["tags"] == {"seal": "x"}


# ---------------------------------------------------------------------- groups and what is kept


async def test_the_real_client_sees_groups_and_what_is_in_them(cloud):
    async with client(ResourceManagementClient, cloud) as resources:
        groups = resources.resource_groups
        names = [group.name async for group in groups.list()]
        there = await groups.check_existence("APP")
        nowhere = await groups.check_existence("nowhere")
        made = await groups.create_or_update("fresh", {"location": "westus"})
        tagged = await groups.create_or_update("fresh", {"location": "westus", "tags": {"a": "b"}})
        disks = [
            each.name
            async for each in resources.resources.list_by_resource_group(
                "app", filter="resourceType eq 'Microsoft.Compute/disks'"
            )
        ]
        every = [each async for each in resources.resources.list_by_resource_group("app")]

    assert names == ["app", "rg-diskguard-eus", "rg-diskguard-wus"]
    assert (there, nowhere) == (True, False)
    assert (made.location, tagged.tags) == ("westus", {"a": "b"})
    assert disks == ["db01-os", "db01-data0", "db01-data1", "web01-os", "archive"]
    assert len(every) == 7


async def test_an_empty_group_goes_and_a_full_one_stays(wire):
    odd = await wire.get(f"{RG}/resources", query="&$filter=tagName eq 'x'".replace(" ", "%20"))

    assert (await wire.delete(f"{SUB}/resourceGroups/app")).status == 409
    assert (await wire.delete(RG)).status == 200
    assert (await wire.get(RG)).status == 404
    assert odd.status == 501


async def test_the_real_client_keeps_template_specs_and_versions(cloud):
    async with client(TemplateSpecsClient, cloud) as specs:
        spec = {"location": "eastus", "tags": {"a": "b"}}
        await specs.template_specs.create_or_update("rg-diskguard-eus", "shape", spec)
        version = {"location": "eastus", "main_template": {"x": 1}}
        for name in ("1", "2"):
            await specs.template_spec_versions.create_or_update(
                "rg-diskguard-eus", "shape", name, version
            )
        listed = [
            each.name
            async for each in specs.template_spec_versions.list("rg-diskguard-eus", "shape")
        ]
        one = await specs.template_spec_versions.get("rg-diskguard-eus", "shape", "2")
        await specs.template_specs.delete("rg-diskguard-eus", "shape")

    assert listed == ["1", "2"]
    assert one.main_template == {"x": 1}
    assert not [each for each in dump(cloud.world)["resources"] if "templateSpecs" in each]


async def test_kept_resources_come_back_as_they_were_put(wire):
    path = f"{RG}/providers/Microsoft.Network/networkInterfaces/nic"
    body = {"location": "eastus", "properties": {"ipConfigurations": []}}
    made = await wire.put(path, body, version="2024-05-01")
    again = await wire.put(path, body | {"tags": {"a": "b"}}, version="2024-05-01")
    listed = await wire.get(
        f"{SUB}/providers/Microsoft.Network/networkInterfaces", version="2024-05-01"
    )
    read = await wire.get(path, version="2024-05-01")
    deleted = await wire.delete(path, version="2024-05-01")
    twice = await wire.delete(path, version="2024-05-01")

    assert (made.status, again.status, deleted.status, twice.status) == (201, 200, 200, 204)
    assert read.body["properties"] == {"ipConfigurations": []}
    assert listed.body["value"] == [read.body]


async def test_a_version_needs_its_template_spec(wire):
    path = f"{RG}/providers/Microsoft.Resources/templateSpecs/none/versions/1"
    refused = await wire.put(path, {"location": "eastus"}, version="2022-02-01")

    assert (refused.status, refused.body["error"]["code"]) == (404, "ParentResourceNotFound")


# ---------------------------------------------------------------------- subscriptions and regions


async def test_the_real_client_reads_regions_and_their_pairs(cloud):
    subscriptions = SubscriptionClient(
        TestCredential(),
        base_url=BASE_URL,
        credential_scopes=[f"{BASE_URL}/.default"],
        transport=cloud.transport(),
    )
    async with subscriptions:
        found = subscriptions.subscriptions.list_locations(SUBSCRIPTION)
        regions = {each.name: each.metadata async for each in found if each.metadata is not None}
        ids = [each.subscription_id async for each in subscriptions.subscriptions.list()]

    pairs = {
        name: None if each.paired_region is None else [pair.name for pair in each.paired_region]
        for name, each in regions.items()
    }
    assert ids == [SUBSCRIPTION]
    assert pairs["eastus"] == ["westus"]
    assert (pairs["brazilsouth"], pairs["southcentralus"]) == (
        ["southcentralus"],
        ["northcentralus"],
    )
    assert pairs["australiacentral"] == ["australiacentral"]
    assert (pairs["polandcentral"], pairs["italynorth"]) == ([], None)
    assert regions["europe"].region_type == "Logical"


async def test_an_estate_may_name_its_own_pairs():
    pairs = {"eastus": ("westus", "westus2"), "moonbase": ()}
    async with running_cloud(an_estate(a_vm(), pairs=pairs)) as cloud:
        wire = Wire(cloud)
        listed = (await wire.get(f"{SUB}/locations", version="2022-12-01")).body["value"]
        one = (await wire.get(SUB, version="2022-12-01")).body
        tenants = (await wire.get("/tenants", version="2022-12-01")).body["value"]

    found = {each["name"]: each["metadata"].get("pairedRegion") for each in listed}
    assert [each["name"] for each in found["eastus"]] == ["westus", "westus2"]
    assert found["moonbase"] == []
    assert (one["state"], len(tenants)) == ("Enabled", 1)
