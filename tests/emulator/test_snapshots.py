"""Snapshots: what is made, what is refused, what is left behind."""

import asyncio
from datetime import timedelta

import pytest
from tests.emulator.wire import Wire, disk, snapshot
from tests.support.estates import a_data_disk, a_vm, an_estate, snapshot_body
from tests.support.inprocess import running_cloud

from diskguard_emulator.access import Grant, Principal
from diskguard_emulator.guests.silent import NoContent, SilentGuest
from diskguard_emulator.resources import Disk


async def taken(wire, name="one", source="db01-os", **facts):
    """A finished snapshot's operation."""
    return await wire.end_of(await wire.put(snapshot(name), snapshot_body(disk(source), **facts)))


async def test_the_time_of_a_snapshot_is_its_operations_start(wire):
    operation = await taken(wire)
    found = await wire.get(snapshot("one"))

    assert found.body["properties"]["timeCreated"] == operation["startTime"]
    assert operation["endTime"] > operation["startTime"]
    assert "completionPercent" not in found.body["properties"]
    assert found.body["properties"]["snapshotAccessState"] == "Available"


async def test_snapshots_of_one_disk_share_a_family_and_those_of_another_do_not(wire):
    for name, source in (("one", "db01-os"), ("two", "db01-os"), ("other", "db01-data0")):
        await taken(wire, name, source)
    found = [(await wire.get(snapshot(name))).body for name in ("one", "two", "other")]
    families = [each["properties"]["incrementalSnapshotFamilyId"] for each in found]

    assert families[0] == families[1] != families[2]


async def test_an_older_api_version_shows_no_access_state(wire):
    await taken(wire)
    found = await wire.get(snapshot("one"), version="2023-04-02")

    assert "snapshotAccessState" not in found.body["properties"]


async def test_a_plain_snapshot_reports_a_hundred_percent_where_the_world_says_so(cloud, wire):
    cloud.world.settings.percent_on_plain_snapshots = True
    operation = await taken(wire)
    found = await wire.get(snapshot("one"))

    assert found.body["properties"]["completionPercent"] == 100.0
    assert "completionPercent" not in operation["properties"]["output"]["properties"]


async def test_while_it_is_made_it_is_updating_and_has_no_time(wire):
    await wire.put(snapshot("one"), snapshot_body(disk("db01-os")))
    found = await wire.get(snapshot("one"))

    assert found.body["properties"]["provisioningState"] == "Updating"
    assert "timeCreated" not in found.body["properties"]


async def test_a_repeated_put_answers_like_the_first_and_rewrites_the_tags(wire):
    await taken(wire, tags={"a": "1", "b": "2"})
    first = (await wire.get(snapshot("one"))).body
    again = await wire.put(snapshot("one"), snapshot_body(disk("db01-os"), tags={"c": "3"}))
    ended = await wire.end_of(again)
    second = (await wire.get(snapshot("one"))).body

    assert again.status == 202
    assert again.body["properties"]["diskSizeBytes"] == first["properties"]["diskSizeBytes"]
    assert ended["status"] == "Succeeded"
    assert second["tags"] == {"c": "3"}
    assert second["properties"] == first["properties"]


async def test_another_source_under_a_known_name_is_refused(wire):
    await taken(wire)
    other = await wire.put(snapshot("one"), snapshot_body(disk("db01-data0")))

    assert (other.status, other.body["error"]["code"]) == (409, "PropertyChangeNotAllowed")


async def test_the_eighth_snapshot_in_five_minutes_fails_and_leaves_a_leftover(wire):
    for number in range(7):
        assert (await taken(wire, f"s{number}"))["status"] == "Succeeded"
    eighth = await taken(wire, "s7")
    leftover = await wire.get(snapshot("s7"))
    over_it = await wire.put(snapshot("s7"), snapshot_body(disk("db01-os")))
    await asyncio.sleep(300)
    later = await taken(wire, "s8")

    assert eighth["status"] == "Failed"
    assert eighth["error"]["code"] == "SnapshotsLimitReached"
    assert leftover.body["properties"]["provisioningState"] == "Failed"
    assert over_it.status == 409
    assert later["status"] == "Succeeded"


async def test_the_limit_can_also_be_told_at_the_put(cloud, wire):
    cloud.world.settings.limit_refused_at_put = True
    for number in range(7):
        await taken(wire, f"s{number}")
    refused = await wire.put(snapshot("s7"), snapshot_body(disk("db01-os")))
    leftover = await wire.get(snapshot("s7"))

    assert (refused.status, refused.body["error"]["code"]) == (409, "SnapshotsLimitReached")
    assert leftover.body["properties"]["provisioningState"] == "Failed"


async def test_a_disk_has_five_hundred_snapshots_at_most(cloud, wire):
    cloud.world.settings.throttling = False
    for number in range(500):
        await taken(wire, f"s{number}")
        await asyncio.sleep(60)
    over = await taken(wire, "one-too-many")
    await wire.end_of(await wire.delete(snapshot("s0")))
    await asyncio.sleep(300)
    again = await taken(wire, "fits")

    assert over["error"]["code"] == "SnapshotsLimitReached"
    assert again["status"] == "Succeeded"


async def test_a_deleted_snapshot_is_gone_at_the_operations_end_and_gone_twice_is_204(wire):
    await taken(wire)
    accepted = await wire.delete(snapshot("one"))
    ended = await wire.end_of(accepted)
    again = await wire.delete(snapshot("one"))

    assert (accepted.status, accepted.body) == (202, None)
    assert "properties" not in ended
    assert again.status == 204
    assert (await wire.get(snapshot("one"))).status == 404


async def test_a_patch_changes_tags_and_network_access_only(wire):
    await taken(wire, tags={"a": "1"})
    await wire.end_of(
        await wire.patch(
            snapshot("one"), {"tags": {"b": "2"}, "properties": {"networkAccessPolicy": "DenyAll"}}
        )
    )
    await wire.end_of(await wire.patch(snapshot("one"), {"sku": {"name": "Standard_LRS"}}))
    found = (await wire.get(snapshot("one"))).body

    assert found["tags"] == {"b": "2"}
    assert found["properties"]["networkAccessPolicy"] == "DenyAll"
    assert found["sku"] == {"name": "Standard_LRS", "tier": "Standard"}


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"location": "westus"}, 400, "InvalidParameter"),
        ({"sku": {"name": "Premium_LRS"}}, 400, "InvalidParameter"),
        ({"option": "Import"}, 501, "EmulatorNotEmulated"),
        ({"tags": {"a<b": "c"}}, 400, "InvalidTagNameCharacters"),
        ({"tags": {f"t{n}": "" for n in range(51)}}, 400, "TooManyTags"),
        ({"tags": {"a": "x" * 257}}, 400, "TagValueTooLong"),
        ({"tags": {"a" * 513: "x"}}, 400, "TagNameTooLong"),
        ({"tags": {"a": "x", "A": "y"}}, 400, "DuplicateTagName"),
        ({"tags": {"a": 1}}, 400, "InvalidRequestContent"),
        ({"properties": {"burst": True}}, 400, "EmulatorUnknownField"),
    ],
)
async def test_what_a_snapshot_cannot_be_is_refused(wire, changes, status, code):
    refused = await wire.put(snapshot("one"), snapshot_body(disk("db01-os"), **changes))

    assert (refused.status, refused.body["error"]["code"]) == (status, code)
    assert (await wire.get(snapshot("one"))).status == 404


@pytest.mark.parametrize("name", ["a" * 81, "with.dot", "with%20space"])
async def test_a_bad_name_is_refused(wire, name):
    refused = await wire.put(snapshot(name), snapshot_body(disk("db01-os")))

    assert (refused.status, refused.body["error"]["code"]) == (400, "InvalidParameter")


async def test_a_missing_disk_group_or_field_is_named(wire):
    no_disk = await wire.put(snapshot("one"), snapshot_body(disk("nothing")))
    no_group = await wire.put(snapshot("one", "nowhere"), snapshot_body(disk("db01-os")))
    no_data = await wire.put(snapshot("one"), {"location": "eastus"})

    assert (no_disk.status, no_disk.body["error"]["code"]) == (404, "ResourceNotFound")
    assert (no_group.status, no_group.body["error"]["code"]) == (404, "ResourceGroupNotFound")
    assert "properties.creationData" in no_data.body["error"]["message"]


async def test_a_snapshot_needs_the_linked_right_on_its_disk(cloud):
    grant = Grant(actions=("*",), not_actions=("*/beginGetAccess/action",))
    login = cloud.log_in(Principal(name="half", grants=(grant,)))
    refused = await Wire(cloud, login.token).put(snapshot("one"), snapshot_body(disk("db01-os")))

    assert (refused.status, refused.body["error"]["code"]) == (403, "LinkedAuthorizationFailed")
    assert "Microsoft.Compute/disks/beginGetAccess/action" in refused.body["error"]["message"]


async def test_a_loose_disk_and_a_full_snapshot_work_too(wire):
    operation = await taken(wire, source="archive", incremental=False)
    found = (await wire.get(snapshot("one"))).body

    assert operation["status"] == "Succeeded"
    assert "incrementalSnapshotFamilyId" not in found["properties"]


# ---------------------------------------------------------------------- background copies


@pytest.fixture
async def ultra():
    disks = (a_data_disk(0, sku="UltraSSD_LRS"), a_data_disk(1, sku="PremiumV2_LRS"))
    async with running_cloud(an_estate(a_vm("db01", disks=disks))) as cloud:
        yield Wire(cloud)


async def test_an_ultra_snapshot_climbs_in_the_background_and_is_pending_until_then(ultra):
    await taken(ultra, source="db01-data0")
    seen = []
    for _ in range(5):
        properties = (await ultra.get(snapshot("one"))).body["properties"]
        seen.append((properties["completionPercent"], properties["snapshotAccessState"]))
        await asyncio.sleep(30)

    percents = [percent for percent, _ in seen]
    assert percents == sorted(percents)
    assert percents[0] < 30
    assert seen[0][1] == "Pending"
    assert seen[-1] == (100.0, "Available")


async def test_an_ultra_disk_has_three_pending_snapshots_at_most(ultra):
    for number in range(3):
        await taken(ultra, f"s{number}", "db01-data0")
    fourth = await ultra.put(snapshot("s3"), snapshot_body(disk("db01-data0")))
    other_disk = await taken(ultra, "s4", "db01-data1")
    await asyncio.sleep(200)
    later = await taken(ultra, "s3", "db01-data0")

    assert (fourth.status, fourth.body["error"]["code"]) == (409, "OperationNotAllowed")
    assert other_disk["status"] == later["status"] == "Succeeded"


async def test_an_ultra_disk_takes_incremental_snapshots_only(ultra):
    full = snapshot_body(disk("db01-data0"), incremental=False)
    refused = await ultra.put(snapshot("one"), full)

    assert (refused.status, refused.body["error"]["code"]) == (409, "OperationNotAllowed")


async def test_instant_access_can_be_restored_before_it_is_complete(ultra):
    await taken(ultra, source="db01-data0", data={"instantAccessDurationMinutes": 60})
    at_once = (await ultra.get(snapshot("one"))).body["properties"]["snapshotAccessState"]
    await asyncio.sleep(600)
    complete = (await ultra.get(snapshot("one"))).body["properties"]["snapshotAccessState"]
    await asyncio.sleep(3600)
    expired = (await ultra.get(snapshot("one"))).body["properties"]["snapshotAccessState"]

    assert (at_once, complete, expired) == (
        "InstantAccess",
        "AvailableWithInstantAccess",
        "Available",
    )


async def test_growing_an_ultra_disk_fails_its_pending_snapshots(ultra):
    await taken(ultra, source="db01-data0")
    await ultra.end_of(await ultra.patch(disk("db01-data0"), {"properties": {"diskSizeGB": 128}}))
    found = (await ultra.get(snapshot("one"))).body["properties"]

    assert found["provisioningState"] == "Failed"
    assert found["snapshotAccessState"] == "Unknown"


# ---------------------------------------------------------------------- encryption and inheritance


@pytest.fixture
async def keyed():
    sets = [
        {"name": name, "region": region}
        for name, region in (("keys", "eastus"), ("other", "eastus"), ("far", "westus"))
    ]
    disks = (a_data_disk(0, encryption_set="keys"), a_data_disk(1, ade=True))
    estate = an_estate(
        a_vm("db01", disks=disks, security_type="TrustedLaunch"), encryption_sets=tuple(sets)
    )
    async with running_cloud(estate) as cloud:
        yield Wire(cloud)


def encryption_set(name):
    return disk("x").replace("/disks/x", f"/diskEncryptionSets/{name}")


def encrypted_by(name):
    properties = {"type": "EncryptionAtRestWithCustomerKey"}
    return {"encryption": properties | {"diskEncryptionSetId": encryption_set(name)}}


async def test_a_snapshot_has_the_encryption_set_of_its_disk(keyed):
    await taken(keyed, source="db01-data0", properties=encrypted_by("keys"))
    await taken(keyed, "two", "db01-data0")
    found = (await keyed.get(snapshot("two"))).body["properties"]["encryption"]

    assert found["diskEncryptionSetId"].endswith("/diskEncryptionSets/keys")


@pytest.mark.parametrize(("name", "status"), [("other", 400), ("far", 400), ("missing", 404)])
async def test_another_encryption_set_is_refused(keyed, name, status):
    body = snapshot_body(disk("db01-data0"), properties=encrypted_by(name))
    refused = await keyed.put(snapshot("one"), body)

    assert refused.status == status


async def test_a_copy_of_an_encrypted_snapshot_names_a_set_in_its_own_region(keyed):
    await taken(keyed, source="db01-data0")
    target = snapshot("one", "rg-diskguard-wus")
    body = snapshot_body(snapshot("one"), "westus", option="CopyStart")
    without = await keyed.put(target, body)
    named = snapshot_body(
        snapshot("one"), "westus", option="CopyStart", properties=encrypted_by("far")
    )
    ended = await keyed.end_of(await keyed.put(target, named))

    assert without.status == 400
    assert ended["status"] == "Succeeded"


async def test_ade_and_trusted_launch_are_taken_over(keyed):
    await taken(keyed, "data", "db01-data1")
    await taken(keyed, "os", "db01-os")
    data = (await keyed.get(snapshot("data"))).body["properties"]
    system = (await keyed.get(snapshot("os"))).body["properties"]

    assert data["encryptionSettingsCollection"]["enabled"] is True
    assert system["securityProfile"] == {"securityType": "TrustedLaunch"}
    assert system["osType"] == "Linux"


async def test_the_image_is_dropped_when_its_last_holder_is_gone(cloud, wire):
    dropped = []

    class Image(NoContent):
        async def drop(self):
            dropped.append("once")

    class Guest(SilentGuest):
        async def clone_disk(self, lun):
            return Image()

    found = cloud.world.find(disk("db01-os"))
    assert isinstance(found, Disk)
    found.vms[0].guest = Guest()
    await taken(wire)
    target = snapshot("one", "rg-diskguard-wus")
    copy = snapshot_body(snapshot("one"), "westus", option="CopyStart")
    await wire.end_of(await wire.put(target, copy))
    await asyncio.sleep(timedelta(minutes=15).total_seconds())
    await wire.end_of(await wire.delete(snapshot("one")))
    before = list(dropped)
    await wire.end_of(await wire.delete(target))

    assert (before, dropped) == ([], ["once"])
