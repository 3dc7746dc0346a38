"""Azure Backup's lists, as far as the emulator has them: the shapes of Microsoft's examples."""

import pytest
from tests.emulator.wire import Wire
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import SUBSCRIPTION, running_cloud

from diskguard_emulator.estate import ProtectedSpec, VaultSpec

HOME = f"/subscriptions/{SUBSCRIPTION}"
RSV = "providers/Microsoft.RecoveryServices/vaults"
BV = "providers/Microsoft.DataProtection/backupVaults"
IN = f"{HOME}/resourceGroups/rg-backup"
VERSION = "2024-04-01"
VMS = "&$filter=backupManagementType%20eq%20'AzureIaasVM'%20and%20itemType%20eq%20'VM'"


@pytest.fixture
async def wire():
    estate = an_estate(
        a_vm("db01"),
        vaults=(
            VaultSpec(
                name="rsv",
                protects=(
                    ProtectedSpec(name="db01", exclude_luns=(0,), last_backup="2026-11-21"),
                    ProtectedSpec(name="gone", state="ProtectionStopped", only_luns=()),
                ),
            ),
            VaultSpec(name="rsv2", protects=(ProtectedSpec(name="other"),)),
        ),
        backup_vaults=(VaultSpec(name="bv", protects=(ProtectedSpec(name="db01-os"),)),),
    )
    async with running_cloud(estate) as cloud:
        yield Wire(cloud)


def code(answer):
    return answer.status, answer.body["error"]["code"]


async def values(wire, path, query=""):
    answer = await wire.get(path, version=VERSION, query=query)
    assert answer.status == 200, answer.body
    return answer.body["value"]


async def test_vaults_of_both_services_are_listed(wire):
    vaults = await values(wire, f"{HOME}/{RSV}")
    (other,) = await values(wire, f"{HOME}/{BV}")

    assert [each["name"] for each in vaults] == ["rsv", "rsv2"]
    assert (vaults[0]["id"], vaults[0]["location"]) == (f"{IN}/{RSV}/rsv", "eastus")
    assert other["type"] == "Microsoft.DataProtection/backupVaults"


async def test_protected_vms_look_as_in_microsofts_example(wire):
    first, second = await values(wire, f"{IN}/{RSV}/rsv/backupProtectedItems", VMS)

    assert first["type"].endswith("/backupFabrics/protectionContainers/protectedItems")
    assert first["name"] == "VM;iaasvmcontainerv2;app;db01"
    assert first["id"].startswith(f"{IN}/{RSV}/rsv/backupFabrics/Azure/protectionContainers/")
    assert first["properties"]["sourceResourceId"].endswith("/virtualMachines/db01")
    assert first["properties"]["protectionState"] == "Protected"
    assert first["properties"]["lastRecoveryPoint"] == "2026-11-21"
    assert first["properties"]["extendedProperties"]["diskExclusionProperties"] == {
        "diskLunList": [0],
        "isInclusionList": False,
    }
    assert second["properties"]["protectionState"] == "ProtectionStopped"
    assert "location" not in first


async def test_backup_instances_look_as_in_microsofts_example(wire):
    (instance,) = await values(wire, f"{IN}/{BV}/bv/backupInstances")

    assert instance["id"] == f"{IN}/{BV}/bv/backupInstances/db01-os-db01-os"
    assert instance["type"] == "Microsoft.DataProtection/backupVaults/backupInstances"
    assert instance["properties"]["dataSourceInfo"]["resourceID"].endswith("/disks/db01-os")
    assert instance["properties"]["currentProtectionState"] == "ProtectionConfigured"


async def test_a_vault_that_is_not_there_and_a_filter_nobody_knows_are_errors(wire):
    missing = await wire.get(f"{IN}/{RSV}/nope/backupProtectedItems", version=VERSION)
    narrowed = await wire.get(
        f"{IN}/{RSV}/rsv/backupProtectedItems", version=VERSION, query="&$filter=x"
    )

    assert code(missing) == (404, "ResourceNotFound")
    assert code(narrowed) == (501, "EmulatorNotEmulated")


@pytest.mark.parametrize("path", [f"{HOME}/{RSV}", f"{HOME}/{BV}"])
async def test_an_unregistered_provider_says_so(path):
    both = ("Microsoft.RecoveryServices", "Microsoft.DataProtection")

    async with running_cloud(an_estate(unregistered=both)) as cloud:
        answer = await Wire(cloud).get(path, version=VERSION)

    assert code(answer) == (409, "MissingSubscriptionRegistration")
