"""The Inventory port over the real SDK, against the emulator: whole lists or an error."""

import pytest
from tests.azure.rooms import EAST, a_disk_id, a_room, a_vm_id, another_room
from tests.support.estates import a_loose_disk, a_vm, an_estate
from tests.support.inprocess import SUBSCRIPTION, TestCredential

from diskguard import errors
from diskguard.model.estate import PowerState
from diskguard.model.ids import Region
from diskguard_emulator.access import Grant, Principal
from diskguard_emulator.estate import NamedSpec, ScaleSetSpec
from diskguard_emulator.faults import Fails, Malformed, Resets, Throttles


async def test_vms_come_with_their_power_states(room):
    vms = await room.azure.inventory.list_vms(SUBSCRIPTION)

    assert {vm.name: vm.power for vm in vms} == {
        "db01": PowerState.RUNNING,
        "web01": PowerState.DEALLOCATED,
    }
    assert [each.lun for each in vms[0].attachments] == [None, 0, 1]
    assert room.sent("GET") == 2


async def test_every_page_is_followed():
    names = [f"vm{number:02}" for number in range(7)]

    async with a_room(an_estate(*(a_vm(name, 0) for name in names))) as room:
        room.cloud.world.settings.page_size = 2
        vms = await room.azure.inventory.list_vms(SUBSCRIPTION)

    assert [vm.name for vm in vms] == names
    assert room.sent("GET", "/virtualMachines") == 8


@pytest.mark.parametrize(
    "trouble", [Fails(status=403, code="AuthorizationFailed"), Fails(status=404)]
)
async def test_a_page_that_fails_in_the_middle_fails_the_list(trouble):
    async with a_room(an_estate(*(a_vm(f"vm{number}", 0) for number in range(5)))) as room:
        room.cloud.world.settings.page_size = 2
        room.befall(trouble, path="/virtualMachines", nth=2)
        with pytest.raises((errors.AccessDenied, errors.ResourceMissing)):
            await room.azure.inventory.list_vms(SUBSCRIPTION)


@pytest.mark.parametrize(
    "body", ["{}", '{"value": null}', '{"value": ["x"]}', "[]", '{"value": [{"name": "no id"}]}']
)
async def test_a_page_without_its_list_is_an_error_not_an_empty_list(room, body):
    room.befall(Malformed(body=body), path="/disks", times=9)

    with pytest.raises(errors.CloudUnreachable, match="cannot be read"):
        await room.azure.inventory.list_disks(SUBSCRIPTION)


async def test_passing_trouble_in_a_page_is_ridden_out(room):
    room.befall(Resets(), path="/disks")
    room.befall(Malformed(), path="/disks", nth=2)
    room.befall(Throttles(retry_after=5), path="/disks", nth=3)

    disks = await room.azure.inventory.list_disks(SUBSCRIPTION)

    assert a_disk_id() in {disk.id for disk in disks}
    assert len(disks) == 4


async def test_a_vm_the_second_list_lacks_has_no_known_state(room):
    room.befall(Malformed(body='{"value": []}'), path="/virtualMachines", nth=2)

    vms = await room.azure.inventory.list_vms(SUBSCRIPTION)

    assert {vm.power for vm in vms} == {PowerState.UNKNOWN}


async def test_a_vm_only_the_second_list_has_is_read_by_itself(room):
    room.befall(Malformed(body='{"value": []}'), path="/virtualMachines")

    vms = await room.azure.inventory.list_vms(SUBSCRIPTION)

    assert {vm.id: vm.power for vm in vms} == {
        a_vm_id(): PowerState.RUNNING,
        a_vm_id("web01"): PowerState.DEALLOCATED,
    }
    assert vms[0].attachments


async def test_a_vm_that_went_between_the_lists_is_left_out(room):
    room.befall(Malformed(body='{"value": []}'), path="/virtualMachines$")
    room.befall(Fails(status=404, code="ResourceNotFound"), path="/virtualMachines/web01")

    vms = await room.azure.inventory.list_vms(SUBSCRIPTION)

    assert [vm.id for vm in vms] == [a_vm_id()]


async def test_ids_in_another_case_are_the_same_ids(room):
    room.cloud.world.settings.upper_case_ids = True

    vms = await room.azure.inventory.list_vms(SUBSCRIPTION)

    assert vms[0].id == a_vm_id()
    assert vms[0].power == PowerState.RUNNING


async def test_disks_of_no_vm_are_listed_too():
    async with a_room(an_estate(disks=(a_loose_disk(size_gb=5),))) as room:
        (disk,) = await room.azure.inventory.list_disks(SUBSCRIPTION)

    assert (disk.name, disk.size_bytes, disk.state) == ("archive", 5 * 1024**3, "Unattached")
    assert disk.managed_by is None


async def test_snapshots_are_listed_by_group_or_all(room):
    id_ = await room.has()

    in_group = await room.azure.inventory.list_snapshots(SUBSCRIPTION, EAST)
    anywhere = await room.azure.inventory.list_snapshots(SUBSCRIPTION, None)

    assert [snapshot.id for snapshot in in_group] == [id_]
    assert in_group == anywhere


async def test_the_snapshots_of_a_missing_group_are_an_error(room):
    with pytest.raises(errors.ResourceMissing):
        await room.azure.inventory.list_snapshots(SUBSCRIPTION, "no-such-group")


async def test_scale_sets_and_encryption_sets_are_listed():
    estate = an_estate(
        scale_sets=(ScaleSetSpec(name="flexible"), ScaleSetSpec(name="uniform", mode="Uniform")),
        encryption_sets=(NamedSpec(name="des", region="westus"),),
    )

    async with a_room(estate) as room:
        sets = await room.azure.inventory.list_scale_sets(SUBSCRIPTION)
        keys = await room.azure.inventory.list_encryption_sets(SUBSCRIPTION)

    assert [(each.id.name, each.flexible) for each in sets] == [
        ("flexible", True),
        ("uniform", False),
    ]
    assert [(each.id.name, each.region) for each in keys] == [("des", "westus")]


async def test_regions_come_with_their_pairs(room):
    pairs = await room.azure.inventory.list_pairs(SUBSCRIPTION)

    assert pairs[Region("eastus")] == "westus"
    assert pairs[Region("australiacentral")] is None


async def test_regions_that_cannot_be_listed_are_an_error(room):
    room.befall(Fails(status=403, code="AuthorizationFailed"), path="/locations")

    with pytest.raises(errors.AccessDenied):
        await room.azure.inventory.list_pairs(SUBSCRIPTION)


async def test_a_group_is_found_or_none(room):
    group = await room.azure.inventory.find_group(SUBSCRIPTION, EAST)

    assert group is not None
    assert group.region == "eastus"
    assert await room.azure.inventory.find_group(SUBSCRIPTION, "no-such-group") is None


async def test_a_group_of_a_missing_subscription_is_an_error(room):
    with pytest.raises(errors.ResourceMissing):
        await room.azure.inventory.find_group("22222222-2222-4222-8222-222222222222", EAST)


async def test_a_login_without_the_right_is_told_which(room):
    reader = Principal(name="r", grants=(Grant(actions=("Microsoft.Compute/disks/read",)),))

    async with a_room(an_estate(a_vm())) as theirs:
        credential = theirs.cloud.log_in(reader)
        async with another_room(theirs.cloud, credential) as mine:
            with pytest.raises(errors.AccessDenied) as caught:
                await mine.azure.inventory.list_vms(SUBSCRIPTION)

    assert "Grant Microsoft.Compute/virtualMachines/read" in str(caught.value.hint)


async def test_a_token_azure_does_not_know_is_a_failed_login(room):
    async with another_room(room.cloud, TestCredential("stale")) as mine:
        with pytest.raises(errors.LoginFailed):
            await mine.azure.inventory.list_vms(SUBSCRIPTION)
