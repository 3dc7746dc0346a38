"""What Azure Backup protects, read over the real SDK's pipeline: whole lists or an error."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.azure.rooms import Room, a_disk_id, a_room, a_vm_id, another_room
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import SUBSCRIPTION

from diskguard import errors
from diskguard.azure.backup_lists import parse_item, vaults_path
from diskguard.model.azure_backup import BackupItem, VaultKind
from diskguard.model.ids import ResourceId
from diskguard_emulator.access import Grant, Principal
from diskguard_emulator.estate import ProtectedSpec, VaultSpec
from diskguard_emulator.faults import Fails, Malformed

RECOVERY, DISKS = VaultKind.RECOVERY_SERVICES, VaultKind.BACKUP


def a_vault(name: str = "rsv", *protected: str, **facts: Any) -> VaultSpec:
    items = tuple(ProtectedSpec(name=each, **facts) for each in protected)
    return VaultSpec(name=name, protects=items)


def with_vaults(**facts: Any):
    return a_room(an_estate(a_vm("db01", 2), **facts))


def an_id(kind: VaultKind, name: str = "rsv") -> ResourceId:
    return ResourceId.of(SUBSCRIPTION, "rg-backup", kind, name)


async def items_of(room: Room, kind: VaultKind) -> tuple[BackupItem, ...]:
    (vault,) = await room.azure.inventory.list_vaults(SUBSCRIPTION, kind)
    return await room.azure.inventory.list_backup_items(vault)


async def test_vms_of_a_recovery_services_vault_are_read():
    vault = a_vault("rsv", "db01", last_backup="2026-11-21T02:00:05.123Z")

    async with with_vaults(vaults=(vault,)) as room:
        items = await items_of(room, RECOVERY)

    assert items == (
        BackupItem(
            source=a_vm_id(),
            vault=an_id(RECOVERY),
            state="Protected",
            last_backup=datetime(2026, 11, 21, 2, 0, 5, 123000, tzinfo=UTC),
        ),
    )
    assert items[0].active
    assert items[0].in_vault


async def test_disks_of_a_backup_vault_are_read():
    async with with_vaults(backup_vaults=(a_vault("bv", "db01-os"),)) as room:
        items = await items_of(room, DISKS)

    assert [(item.source, item.state) for item in items] == [(a_disk_id(), "ProtectionConfigured")]
    assert items[0].active
    assert not items[0].in_vault


async def test_every_page_of_both_lists_is_followed():
    names = [f"vm{number}" for number in range(5)]
    vaults = (a_vault("v0", *names), *(a_vault(f"v{number}") for number in range(1, 4)))

    async with with_vaults(vaults=vaults) as room:
        room.cloud.world.settings.page_size = 2
        found = await room.azure.inventory.list_vaults(SUBSCRIPTION, RECOVERY)
        items = await room.azure.inventory.list_backup_items(found[0])

    assert [vault.name for vault in found] == ["v0", "v1", "v2", "v3"]
    assert [item.source.name for item in items] == names


@pytest.mark.parametrize(
    ("facts", "taken"),
    [
        ({}, [None, 0, 1]),
        ({"exclude_luns": (1,)}, [None, 0]),
        ({"only_luns": (1,)}, [None, 1]),
        ({"only_luns": ()}, [None]),
    ],
)
async def test_a_vault_may_take_some_of_a_vms_disks_only(facts, taken):
    async with with_vaults(vaults=(a_vault("rsv", "db01", **facts),)) as room:
        (item,) = await items_of(room, RECOVERY)

    assert [lun for lun in (None, 0, 1) if item.takes_lun(lun)] == taken


async def test_where_there_is_no_vault_the_list_is_empty(room):
    assert await room.azure.inventory.list_vaults(SUBSCRIPTION, RECOVERY) == ()
    assert await room.azure.inventory.list_vaults(SUBSCRIPTION, DISKS) == ()


@pytest.mark.parametrize("kind", [RECOVERY, DISKS])
async def test_a_provider_that_is_not_registered_is_an_error_of_its_own(kind):
    async with with_vaults(unregistered=(kind.split("/")[0],)) as room:
        with pytest.raises(errors.ProviderNotRegistered, match="MissingSubscriptionRegistration"):
            await room.azure.inventory.list_vaults(SUBSCRIPTION, kind)


async def test_who_may_not_read_a_vault_is_told_which_right_is_missing():
    reader = Principal(
        name="r", grants=(Grant(actions=("Microsoft.RecoveryServices/Vaults/read",)),)
    )

    async with (
        with_vaults(vaults=(a_vault("rsv", "db01"),)) as room,
        another_room(room.cloud, room.cloud.log_in(reader)) as mine,
    ):
        with pytest.raises(errors.AccessDenied) as caught:
            await items_of(mine, RECOVERY)

    assert "Vaults/backupProtectedItems/read" in str(caught.value.hint)


@pytest.mark.parametrize(
    "body", ["{}", "[]", '{"value": ["x"]}', '{"value": [{"id": "nonsense"}]}', "no json"]
)
async def test_an_answer_nobody_can_read_is_an_error_not_an_empty_list(room, body):
    room.befall(Malformed(body=body), path="/vaults", times=9)

    with pytest.raises(errors.CloudUnreachable, match="cannot be read"):
        await room.azure.inventory.list_vaults(SUBSCRIPTION, RECOVERY)


async def test_a_page_that_fails_fails_the_list():
    vaults = tuple(a_vault(f"v{number}") for number in range(3))

    async with with_vaults(vaults=vaults) as room:
        room.cloud.world.settings.page_size = 1
        room.befall(Fails(status=404), path="/vaults", nth=2)
        with pytest.raises(errors.ResourceMissing):
            await room.azure.inventory.list_vaults(SUBSCRIPTION, RECOVERY)


async def test_a_page_that_leads_elsewhere_is_not_followed(room):
    page = '{"value": [], "nextLink": "https://elsewhere.example/more"}'
    room.befall(Malformed(body=page), path="/vaults")

    with pytest.raises(errors.EndpointRefused):
        await room.azure.inventory.list_vaults(SUBSCRIPTION, RECOVERY)


async def test_pages_that_lead_in_a_circle_end_in_an_error(room):
    path = vaults_path(SUBSCRIPTION, RECOVERY)
    room.befall(Malformed(body=f'{{"value": [], "nextLink": "{path}"}}'), path="/vaults")

    with pytest.raises(errors.CloudUnreachable, match="leads back"):
        await room.azure.inventory.list_vaults(SUBSCRIPTION, RECOVERY)


CLASSIC = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ClassicCompute/virtualMachines/v"


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        (RECOVERY, {"sourceResourceId": CLASSIC}),
        (RECOVERY, {"sourceResourceId": "nonsense"}),
        (RECOVERY, {}),
        (DISKS, {"dataSourceInfo": {"resourceID": CLASSIC, "datasourceType": "OssDB"}}),
        (DISKS, {"dataSourceInfo": None}),
    ],
)
def test_what_is_no_vm_or_disk_is_no_concern_of_ours(kind, properties):
    assert parse_item(an_id(kind), {"properties": properties}) is None


def test_an_older_answer_says_the_state_elsewhere():
    properties = {
        "dataSourceInfo": {"resourceID": str(a_disk_id())},
        "protectionStatus": {"status": "ProtectionStopped"},
    }

    item = parse_item(an_id(DISKS), {"properties": properties})

    assert item is not None
    assert (item.state, item.active) == ("ProtectionStopped", False)
