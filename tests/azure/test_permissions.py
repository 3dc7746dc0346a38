"""The rights asked of users are those a full round of work needs: none missing, none too many."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from tests.azure.rooms import (
    EAST,
    WEST,
    Room,
    a_disk_id,
    a_snapshot_id,
    a_vm_id,
    a_wish,
    another_room,
)
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import SUBSCRIPTION, running_cloud

from diskguard import errors
from diskguard.azure.permissions import PERMISSIONS, Scope, render_permissions
from diskguard.model.azure_backup import VaultKind
from diskguard.model.guest import FreezeRequest, GuestDisk
from diskguard.model.ids import Region
from diskguard_emulator.access import Grant, Principal
from diskguard_emulator.estate import VaultSpec

PAGE = Path(__file__).parents[2] / "docs/operations/permissions.md"
HOME = f"/subscriptions/{SUBSCRIPTION}"
SCOPES = {
    Scope.SUBSCRIPTION: (HOME,),
    Scope.SOURCES: (f"{HOME}/resourceGroups/app",),
    Scope.POINTS: (f"{HOME}/resourceGroups/{EAST}", f"{HOME}/resourceGroups/{WEST}"),
}
EVERYTHING = {each.action for each in PERMISSIONS}


def a_grant(action: str, scope: Scope) -> tuple[Grant, ...]:
    return tuple(Grant(actions=(action,), scope=place) for place in SCOPES[scope])


def the_documented_login(*, without: str = "") -> Principal:
    """A login with the table's rights, each where the table says, but for one action."""
    granted = [each for each in PERMISSIONS if each.action != without]
    grants = [grant for each in granted for grant in a_grant(each.action, each.scope)]
    return Principal(name="diskguard", grants=tuple(grants))


async def a_full_round(room: Room) -> None:
    """Everything the ports can do, once."""
    await look_around(room)
    await work_on_a_vm(room)
    await make_and_copy_a_snapshot(room)


async def look_around(room: Room) -> None:
    inventory = room.azure.inventory
    await inventory.list_vms(SUBSCRIPTION)
    await inventory.list_scale_sets(SUBSCRIPTION)
    await inventory.list_disks(SUBSCRIPTION)
    await inventory.list_snapshots(SUBSCRIPTION, EAST)
    await inventory.list_pairs(SUBSCRIPTION)
    await inventory.list_encryption_sets(SUBSCRIPTION)
    await inventory.find_group(SUBSCRIPTION, WEST)
    for kind in VaultKind:
        for vault in await inventory.list_vaults(SUBSCRIPTION, kind):
            await inventory.list_backup_items(vault)


async def work_on_a_vm(room: Room) -> None:
    request = FreezeRequest(
        attempt="0123456789abcdef",
        disks=(GuestDisk(name="db01-os", lun=None, size_bytes=32 * 1024**3),),
        lead=timedelta(seconds=30),
        limit=timedelta(seconds=10),
    )
    armed = await room.azure.guest.arm(a_vm_id(), request)
    await room.clock.sleep_until(armed.thaw_by)
    await room.azure.guest.collect(a_vm_id(), request.attempt)
    await room.azure.compute.merge_tags(a_vm_id(), {"diskguard-stopped": "p"})
    await room.azure.compute.stop_vm(a_vm_id(), deallocate=False)
    await room.azure.compute.stop_vm(a_vm_id(), deallocate=True)
    await room.azure.compute.start_vm(a_vm_id())
    await room.azure.compute.remove_tags(a_vm_id(), {"diskguard-stopped": "p"})


async def make_and_copy_a_snapshot(room: Room) -> None:
    source = await room.has(source=a_disk_id())
    await room.azure.compute.merge_tags(source, {"diskguard-seal": "s"})
    await room.azure.compute.set_immutability(source, days=1, locked=False)
    await room.azure.compute.set_immutability(source, days=2, locked=True)
    copy = a_wish(id=a_snapshot_id("one", WEST), region=Region("westus"), source=source, copy=True)
    await room.finished(await room.azure.compute.request_snapshot(copy))
    await room.azure.compute.delete_snapshot(copy.id)


@pytest.fixture
async def cloud():
    vaults = {name: (VaultSpec(name=name),) for name in ("vaults", "backup_vaults")}
    async with running_cloud(an_estate(a_vm("db01", 0, guest="virtual"), **vaults)) as cloud:
        yield cloud


async def test_the_documented_rights_suffice_where_they_are_documented(cloud):
    credential = cloud.log_in(the_documented_login())

    async with another_room(cloud, credential) as room:
        await a_full_round(room)

    assert {entry.status for entry in cloud.api.log} <= {200, 202, 204, 404}


async def test_every_documented_right_is_used(cloud):
    async with another_room(cloud) as room:
        await a_full_round(room)

    used = {entry.action for entry in cloud.api.log}
    assert used == {each.action for each in PERMISSIONS if not each.linked}


@pytest.mark.parametrize("missing", sorted(EVERYTHING))
async def test_without_any_one_of_them_something_fails_and_its_name_is_told(cloud, missing):
    credential = cloud.log_in(the_documented_login(without=missing))

    async with another_room(cloud, credential) as room:
        with pytest.raises(errors.AccessDenied) as caught:
            await a_full_round(room)

    assert f"Grant {missing};" in str(caught.value.hint)


def test_the_page_shows_the_table():
    assert render_permissions() in PAGE.read_text(encoding="utf-8")


def test_the_pages_role_definition_holds_the_tables_actions():
    (definition,) = re.findall(r"--role-definition '(.*?)'", PAGE.read_text(), re.DOTALL)

    assert json.loads(definition)["Actions"] == sorted(EVERYTHING)
