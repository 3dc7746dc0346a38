"""Managed disks: made, changed, kept while attached, gone."""

import asyncio

import pytest
from tests.emulator.wire import DISKS, disk, in_group, in_subscription, snapshot
from tests.support.estates import snapshot_body


def empty(size_gb=64, **facts):
    made = {"creationData": {"createOption": "Empty"}, "diskSizeGB": size_gb}
    return {"location": "eastus", "properties": made | facts.pop("properties", {}), **facts}


async def test_an_empty_disk_is_made_and_shown(wire):
    accepted = await wire.put(disk("new"), empty(sku={"name": "Premium_LRS"}, tags={"a": "b"}))
    meanwhile = (await wire.get(disk("new"))).body["properties"]["provisioningState"]
    await wire.end_of(accepted)
    found = (await wire.get(disk("new"))).body

    assert (accepted.status, meanwhile) == (202, "Updating")
    assert found["sku"] == {"name": "Premium_LRS", "tier": "Premium"}
    assert found["properties"]["diskState"] == "Unattached"
    assert found["properties"]["diskSizeBytes"] == 64 << 30
    assert "managedBy" not in found


async def test_a_disk_from_a_snapshot_has_its_size_and_source(wire):
    await wire.end_of(await wire.put(snapshot("one"), snapshot_body(disk("db01-data0"))))
    source = (await wire.get(snapshot("one"))).body["properties"]
    body = empty(properties={"creationData": {"createOption": "Copy"}})
    body["properties"]["creationData"]["sourceResourceId"] = snapshot("one")
    del body["properties"]["diskSizeGB"]
    await wire.end_of(await wire.put(disk("restored"), body | {"zones": ["2"]}))
    found = (await wire.get(disk("restored"))).body
    await wire.end_of(await wire.put(snapshot("of-it"), snapshot_body(disk("restored"))))

    assert found["zones"] == ["2"]
    assert found["properties"]["diskSizeGB"] == 64
    assert found["properties"]["creationData"]["sourceUniqueId"] == source["uniqueId"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"creationData": {"createOption": "Copy", "sourceResourceId": "/nothing"}}, 404),
        ({"creationData": {"createOption": "Copy", "sourceResourceId": disk("db01-os")}}, 501),
        ({"creationData": {"createOption": "Restore"}}, 501),
        ({"creationData": {"createOption": "Empty"}, "diskSizeGB": 0}, 400),
        ({"burstingEnabled": True}, 400),
    ],
)
async def test_what_a_disk_cannot_be_made_of_is_refused(wire, change, status):
    assert (await wire.put(disk("new"), empty(properties=change))).status == status


async def test_an_unfinished_or_far_snapshot_makes_no_disk(wire):
    await wire.put(snapshot("one"), snapshot_body(disk("db01-data0")))
    data = {"createOption": "Copy", "sourceResourceId": snapshot("one")}
    unfinished = await wire.put(disk("new"), empty(properties={"creationData": data}))
    await asyncio.sleep(5)
    far = empty(properties={"creationData": data}) | {"location": "westus"}

    assert unfinished.status == 409
    assert (await wire.put(disk("new"), far)).status == 400


async def test_an_unknown_sku_is_refused(wire):
    refused = await wire.put(disk("new"), empty(sku={"name": "Floppy_LRS"}))

    assert (refused.status, refused.body["error"]["code"]) == (400, "InvalidParameter")


async def test_a_disk_grows_and_never_shrinks(wire):
    grown = await wire.patch(disk("archive"), {"properties": {"diskSizeGB": 128}})
    await wire.end_of(grown)
    shrunk = await wire.patch(disk("archive"), {"properties": {"diskSizeGB": 64}})
    found = (await wire.get(disk("archive"))).body

    assert shrunk.status == 400
    assert found["properties"]["diskSizeGB"] == 128


async def test_a_patch_changes_tags_and_sku_and_leaves_the_rest(wire):
    await wire.end_of(
        await wire.patch(disk("archive"), {"tags": {"a": "b"}, "sku": {"name": "StandardSSD_LRS"}})
    )
    found = (await wire.get(disk("archive"))).body

    assert found["tags"] == {"a": "b"}
    assert found["sku"] == {"name": "StandardSSD_LRS", "tier": "Standard"}


async def test_a_repeated_put_shows_the_size_and_a_patch_of_nothing_is_404(wire):
    await wire.end_of(await wire.put(disk("new"), empty()))
    again = await wire.put(disk("new"), empty())
    missing = await wire.patch(disk("ghost"), {"tags": {}})

    assert (again.status, again.body["properties"]["diskSizeBytes"]) == (202, 64 << 30)
    assert missing.status == 404


async def test_an_attached_disk_is_not_deleted_and_a_loose_one_is(wire):
    attached = await wire.delete(disk("db01-os"))
    await wire.end_of(await wire.delete(disk("archive")))
    twice = await wire.delete(disk("archive"))

    assert (attached.status, attached.body["error"]["code"]) == (409, "OperationNotAllowed")
    assert "is attached to VM /subscriptions/" in attached.body["error"]["message"]
    assert twice.status == 204


async def test_a_restored_disk_gives_back_its_content_when_deleted(wire):
    await wire.end_of(await wire.put(snapshot("one"), snapshot_body(disk("db01-data0"))))
    data = {"createOption": "Copy", "sourceResourceId": snapshot("one")}
    await wire.end_of(await wire.put(disk("new"), empty(properties={"creationData": data})))
    await wire.end_of(await wire.put(snapshot("two"), snapshot_body(disk("new"))))
    ended = await wire.end_of(await wire.delete(disk("new")))

    assert ended["status"] == "Succeeded"
    assert (await wire.get(snapshot("two"))).status == 200


async def test_a_failed_disk_is_shown_as_failed(cloud, wire):
    from diskguard_emulator.faults import Fault, OperationFails

    cloud.api.faults.add(Fault(effect=OperationFails(), path="/disks/new"))
    ended = await wire.end_of(await wire.put(disk("new"), empty()))
    found = (await wire.get(disk("new"))).body

    assert ended["status"] == "Failed"
    assert found["properties"]["provisioningState"] == "Failed"


async def test_disks_are_listed_by_subscription_and_by_group(wire):
    every = (await wire.get(in_subscription("disks"))).body["value"]
    own = (await wire.get(in_group("app", "disks"))).body["value"]
    none = (await wire.get(in_group("rg-diskguard-eus", "disks"), version=DISKS)).body["value"]

    names = ["db01-os", "db01-data0", "db01-data1", "web01-os", "archive"]
    assert [each["name"] for each in every] == [each["name"] for each in own] == names
    assert none == []
