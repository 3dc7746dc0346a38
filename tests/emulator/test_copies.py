"""Copies to another region: order, number, progress, and the death of what they need."""

import asyncio

import pytest
from tests.emulator.wire import Wire, disk, snapshot
from tests.support.estates import a_vm, an_estate, snapshot_body
from tests.support.inprocess import running_cloud

from diskguard_emulator.faults import Fault, OperationFails

DR = "rg-diskguard-wus"


async def taken(wire, name="one", source="db01-os"):
    return await wire.end_of(await wire.put(snapshot(name), snapshot_body(disk(source))))


async def put_copy(wire, name="one", **facts):
    facts.setdefault("location", "westus")
    body = snapshot_body(snapshot(name), option="CopyStart", **facts)
    return await wire.put(snapshot(name, DR), body)


async def percent(wire, name="one"):
    return (await wire.get(snapshot(name, DR))).body["properties"]["completionPercent"]


async def test_acceptance_is_quick_and_the_copy_itself_is_not(wire):
    await taken(wire)
    ended = await wire.end_of(await put_copy(wire, tags={"a": "b"}))
    found = (await wire.get(snapshot("one", DR))).body
    source = (await wire.get(snapshot("one"))).body

    assert ended["status"] == "Succeeded"
    assert "completionPercent" not in ended["properties"]["output"]["properties"]
    assert found["properties"]["completionPercent"] < 5
    assert found["properties"]["provisioningState"] == "Succeeded"
    assert found["properties"]["snapshotAccessState"] == "Pending"
    assert found["properties"]["timeCreated"] > source["properties"]["timeCreated"]
    families = [each["properties"]["incrementalSnapshotFamilyId"] for each in (found, source)]
    assert families[0] != families[1]
    assert found["properties"]["creationData"]["sourceUniqueId"] == source["properties"]["uniqueId"]


async def test_a_copy_climbs_and_never_falls(wire):
    await taken(wire)
    await wire.end_of(await put_copy(wire))
    seen = []
    for _ in range(8):
        seen.append(await percent(wire))
        await asyncio.sleep(100)

    assert seen == sorted(seen)
    assert seen[-1] == 100.0
    assert any(0 < each < 100 for each in seen)


async def test_enhanced_speed_is_faster(wire):
    await taken(wire)
    await put_copy(wire, data={"provisionedBandwidthCopySpeed": "Enhanced"})
    await asyncio.sleep(160)

    assert await percent(wire) == 100.0


async def test_one_copy_of_a_disk_at_a_time(wire):
    for name in ("one", "two"):
        await taken(wire, name)
    await taken(wire, "other", "db01-data0")
    await put_copy(wire, "one")
    second = await put_copy(wire, "two")
    other_disk = await put_copy(wire, "other")
    await asyncio.sleep(700)
    later = await put_copy(wire, "two")

    assert (second.status, second.body["error"]["code"]) == (409, "Conflict")
    assert other_disk.status == later.status == 202


async def test_copies_follow_the_order_of_creation(wire):
    for name in ("one", "two"):
        await taken(wire, name)
    await put_copy(wire, "two")
    await asyncio.sleep(700)
    too_late = await put_copy(wire, "one")

    assert (too_late.status, too_late.body["error"]["code"]) == (409, "OperationNotAllowed")


async def test_a_hundred_copies_at_once_are_the_most():
    estate = an_estate(a_vm("big", 60), a_vm("bigger", 60), throttling=False)
    async with running_cloud(estate) as cloud:
        wire = Wire(cloud)
        sources = [f"{name}-data{lun}" for name in ("big", "bigger") for lun in range(51)]
        for source in sources:
            await wire.put(snapshot(source), snapshot_body(disk(source)))
        await asyncio.sleep(10)
        answers = [(await put_copy(wire, source)).status for source in sources]

    assert answers.count(202) == 100
    assert answers[100:] == [409, 409]


async def test_a_copy_fails_when_its_source_dies(wire):
    await taken(wire)
    await put_copy(wire)
    await asyncio.sleep(60)
    await wire.end_of(await wire.delete(snapshot("one")))
    found = (await wire.get(snapshot("one", DR))).body["properties"]
    await asyncio.sleep(900)
    later = (await wire.get(snapshot("one", DR))).body["properties"]

    assert found["copyCompletionError"]["errorCode"] == "CopySourceNotFound"
    assert later["completionPercent"] == found["completionPercent"] < 100
    assert later["provisioningState"] == "Succeeded"


async def test_a_finished_copy_outlives_its_source(wire):
    await taken(wire)
    await put_copy(wire)
    await asyncio.sleep(700)
    await wire.end_of(await wire.delete(snapshot("one")))
    found = (await wire.get(snapshot("one", DR))).body["properties"]

    assert found["completionPercent"] == 100.0
    assert "copyCompletionError" not in found


async def test_a_dead_region_answers_nothing_and_its_copies_stand_still(cloud, wire):
    await taken(wire)
    await put_copy(wire)
    await asyncio.sleep(60)
    cloud.world.kill_region("eastus")
    before = await percent(wire)
    await asyncio.sleep(900)
    standing = await percent(wire)
    dead = await wire.get(snapshot("one"))
    from_the_dead = await put_copy(wire)
    cloud.world.revive_region("eastus")
    await asyncio.sleep(900)

    assert before == standing < 100
    assert from_the_dead.status == 202, "a repeated PUT of the copy needs its own region only"
    assert (dead.status, dead.body["error"]["code"]) == (503, "ServiceUnavailable")
    assert await percent(wire) == 100.0


async def test_a_disk_a_full_snapshot_and_an_unfinished_one_cannot_be_copied(wire):
    target = snapshot("copy", DR)
    of_disk = snapshot_body(disk("db01-os"), "westus", option="CopyStart")
    a_disk = await wire.put(target, of_disk)
    full = snapshot_body(disk("db01-os"), incremental=False)
    await wire.end_of(await wire.put(snapshot("full"), full))
    a_full_one = await put_copy(wire, "full")
    await wire.put(snapshot("fresh"), snapshot_body(disk("db01-os")))
    an_unfinished_one = await put_copy(wire, "fresh")
    nothing = await put_copy(wire, "missing")

    assert (a_disk.status, a_disk.body["error"]["message"].split(" (")[0]) == (
        400,
        "Entity not of expected type.",
    )
    assert (a_full_one.status, an_unfinished_one.status, nothing.status) == (409, 409, 404)


async def test_a_snapshot_of_a_snapshot_without_copystart_is_not_emulated(wire):
    await taken(wire)
    refused = await wire.put(snapshot("two"), snapshot_body(snapshot("one")))

    assert refused.status == 501


async def test_copies_stay_in_their_subscription():
    other = "22222222-2222-4222-8222-222222222222"
    estate = an_estate(a_vm("db01"))
    home = estate.subscriptions[0]
    twin = home.model_copy(update={"id": other, "vms": ()})
    both = estate.model_copy(update={"subscriptions": (home, twin)})
    async with running_cloud(both) as cloud:
        wire = Wire(cloud)
        await taken(wire)
        target = snapshot("one", DR).replace(home.id, other)
        body = snapshot_body(snapshot("one"), "westus", option="CopyStart")
        copy = await wire.put(target, body)
        plain = await wire.put(
            snapshot("x").replace(home.id, other), snapshot_body(disk("db01-os"))
        )

    assert (copy.status, plain.status) == (400, 400)


async def test_a_failed_copy_counts_no_more(cloud, wire):
    await taken(wire)
    cloud.api.faults.add(Fault(effect=OperationFails(), method="PUT", path=DR))
    failed = await wire.end_of(await put_copy(wire))
    await wire.end_of(await wire.delete(snapshot("one", DR)))
    again = await put_copy(wire)

    assert failed["status"] == "Failed"
    assert again.status == 202


@pytest.mark.parametrize("zone_region", ["eastus", "westus"])
async def test_incremental_snapshots_are_zone_redundant_where_the_region_has_zones(zone_region):
    estate = an_estate(a_vm("db01", region=zone_region))
    async with running_cloud(estate) as cloud:
        wire = Wire(cloud)
        body = snapshot_body(disk("db01-os"), zone_region)
        await wire.end_of(await wire.put(snapshot("one"), body))
        found = (await wire.get(snapshot("one"))).body

    assert found["sku"]["name"] == ("Standard_ZRS" if zone_region == "eastus" else "Standard_LRS")


async def test_nothing_is_copied_out_of_a_dead_region(cloud, wire):
    await taken(wire)
    cloud.world.kill_region("eastus")
    refused = await put_copy(wire)

    assert (refused.status, refused.body["error"]["code"]) == (503, "ServiceUnavailable")
