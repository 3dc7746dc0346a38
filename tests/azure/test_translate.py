"""Azure's documents in our nouns, tolerant and strict where each is due."""

from datetime import UTC, datetime
from typing import Any

import pytest
from azure.mgmt.compute import models
from hypothesis import given, strategies as st

from diskguard.azure.failures import AnswerUnreadable
from diskguard.azure.translate import (
    parse_disk,
    parse_encryption_set,
    parse_group,
    parse_instant,
    parse_messages,
    parse_operation,
    parse_output,
    parse_pair,
    parse_power,
    parse_scale_set,
    parse_snapshot,
    parse_vm,
)
from diskguard.model.estate import Attachment, OsType, PowerState
from diskguard.model.ids import Region, ResourceId
from diskguard.model.wish import OperationStatus

GROUP = "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute"
DISK = f"{GROUP}/disks/db01-os"


def a_snapshot_document(**properties: object) -> dict[str, Any]:
    return {
        "id": f"{GROUP}/snapshots/snap",
        "location": "East US",
        "tags": {"a": "b"},
        "sku": {"name": "Standard_ZRS", "tier": "Standard"},
        "properties": {
            "creationData": {
                "createOption": "Copy",
                "sourceResourceId": DISK.upper(),
                "sourceUniqueId": "u-1",
            },
            "diskSizeBytes": 214748364800,
            "incremental": True,
            "timeCreated": "2023-11-06T03:59:15.0831857+00:00",
            "provisioningState": "Succeeded",
            "uniqueId": "u-2",
            **properties,
        },
    }


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2023-11-06T03:59:15.0831857+00:00", datetime(2023, 11, 6, 3, 59, 15, 83185, UTC)),
        ("2023-11-06T03:59:15.083185Z", datetime(2023, 11, 6, 3, 59, 15, 83185, UTC)),
        ("2020-11-05T22:00:00.5-05:00", datetime(2020, 11, 6, 3, 0, 0, 500000, UTC)),
        ("2020-11-05T22:00:00-0500", datetime(2020, 11, 6, 3, 0, tzinfo=UTC)),
        ("2020-11-05 22:00:00", datetime(2020, 11, 5, 22, 0, tzinfo=UTC)),
        ("2020-13-05T22:00:00Z", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_an_instant_is_read_in_every_form_azure_writes(text, instant):
    assert parse_instant(text) == instant


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1)), st.integers(0, 9))  # noqa: DTZ001 - hypothesis wants it naive
def test_more_digits_than_we_keep_change_nothing(instant, digit):
    assert parse_instant(f"{instant:%Y-%m-%dT%H:%M:%S.%f}{digit}+00:00") == instant


def test_a_snapshot_of_a_disk_is_read():
    snapshot = parse_snapshot(a_snapshot_document())

    assert snapshot.id == ResourceId(f"{GROUP}/snapshots/SNAP")
    assert snapshot.region == Region("eastus")
    assert snapshot.source_id == ResourceId(DISK)
    assert snapshot.source_unique_id == "u-1"
    assert snapshot.size_bytes == 214748364800
    assert snapshot.percent is None
    assert snapshot.readable
    assert snapshot.tags == {"a": "b"}
    assert snapshot.sku == "Standard_ZRS"


def test_a_copy_shows_how_far_it_is_and_why_it_failed():
    failed = {"errorCode": "CopySourceNotFound", "errorMessage": "gone\n"}
    document = a_snapshot_document(
        completionPercent=0, copyCompletionError=failed, snapshotAccessState="Pending"
    )

    snapshot = parse_snapshot(document)

    assert snapshot.percent == 0.0
    assert snapshot.access_state == "Pending"
    assert snapshot.copy_error == "CopySourceNotFound: gone"


def test_a_strangers_snapshot_may_lack_everything_but_its_id():
    snapshot = parse_snapshot({"id": f"{GROUP}/snapshots/x", "properties": None, "tags": None})

    assert snapshot.source_id is None
    assert snapshot.time_created is None
    assert snapshot.size_bytes == 0
    assert not snapshot.incremental


def test_a_snapshot_of_a_blob_has_no_source_id():
    creation = {"createOption": "Import", "sourceUri": "https://x.blob.example/vhd"}

    snapshot = parse_snapshot(a_snapshot_document(creationData=creation, encryption="odd"))

    assert snapshot.source_id is None
    assert snapshot.create_option == "Import"


def test_the_models_of_the_sdk_read_like_the_wire():
    document = a_snapshot_document()

    assert parse_snapshot(models.Snapshot(document)) == parse_snapshot(document)


@pytest.mark.parametrize("document", [{}, {"id": 7}, {"id": "no id"}])
def test_a_document_without_an_id_is_unreadable(document):
    with pytest.raises(AnswerUnreadable):
        parse_snapshot(document)


def a_vm_document(**properties: object) -> dict[str, Any]:
    return {
        "id": f"{GROUP}/virtualMachines/db01",
        "location": "eastus",
        "zones": ["2"],
        "etag": '"3"',
        "tags": {"backup": "gold", "empty": None},
        "properties": {
            "vmId": "v-1",
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "securityProfile": {"securityType": "TrustedLaunch"},
            "availabilitySet": {"id": f"{GROUP}/availabilitySets/set"},
            "storageProfile": {
                "osDisk": {"osType": "Linux", "name": "os", "managedDisk": {"id": DISK}},
                "dataDisks": [
                    {"lun": 3, "name": "data", "managedDisk": {"id": f"{GROUP}/disks/data"}},
                    {"lun": 4, "name": "old", "vhd": {"uri": "https://x"}, "toBeDetached": True},
                ],
            },
            **properties,
        },
    }


def test_a_vm_is_read_with_its_disks():
    vm = parse_vm(a_vm_document())

    assert vm.os_type == OsType.LINUX
    assert vm.attachments == (
        Attachment(name="os", lun=None, disk=ResourceId(DISK)),
        Attachment(name="data", lun=3, disk=ResourceId(f"{GROUP}/disks/data")),
        Attachment(name="old", lun=4, disk=None, being_detached=True),
    )
    assert vm.tags == {"backup": "gold", "empty": ""}
    assert (vm.zone, vm.etag, vm.size) == ("2", '"3"', "Standard_D2s_v5")
    assert vm.availability_set == ResourceId(f"{GROUP}/availabilitySets/set")
    assert vm.scale_set is None
    assert vm.security_type == "TrustedLaunch"


def test_an_ephemeral_os_disk_is_no_managed_disk():
    local = {
        "osType": "Windows",
        "name": "os",
        "diffDiskSettings": {"option": "Local"},
        "managedDisk": {"id": DISK},
    }

    vm = parse_vm(a_vm_document(storageProfile={"osDisk": local}))

    assert vm.os_type == OsType.WINDOWS
    assert vm.attachments == (Attachment(name="os", lun=None, disk=None, ephemeral=True),)


def test_a_vm_without_a_storage_profile_has_no_disks():
    assert parse_vm(a_vm_document(storageProfile=None)).attachments == ()


@pytest.mark.parametrize(
    ("codes", "power"),
    [
        (["ProvisioningState/succeeded", "PowerState/running"], PowerState.RUNNING),
        (["PowerState/stopped"], PowerState.STOPPED),
        (["PowerState/deallocated"], PowerState.DEALLOCATED),
        (["PowerState/deallocating"], PowerState.CHANGING),
        (["powerstate/Starting"], PowerState.CHANGING),
        (["PowerState/dreaming"], PowerState.UNKNOWN),
        ([], PowerState.UNKNOWN),
    ],
)
def test_the_power_state_is_read_from_the_statuses(codes, power):
    view = {"statuses": [{"code": code} for code in codes]}

    assert parse_power(a_vm_document(instanceView=view)) == power


def test_a_disk_is_read():
    disk = parse_disk(
        {
            "id": DISK,
            "location": "eastus",
            "managedBy": f"{GROUP}/virtualMachines/db01",
            "sku": {"name": "PremiumV2_LRS"},
            "zones": ["1"],
            "properties": {
                "uniqueId": "u-1",
                "diskSizeGB": 4,
                "diskState": "Attached",
                "osType": "Linux",
                "maxShares": 2,
                "encryption": {
                    "type": "EncryptionAtRestWithCustomerKey",
                    "diskEncryptionSetId": f"{GROUP}/diskEncryptionSets/des",
                },
                "encryptionSettingsCollection": {"enabled": True},
                "completionPercent": 40.5,
            },
        }
    )

    assert disk.size_bytes == 4 * 1024**3
    assert disk.managed_by == ResourceId(f"{GROUP}/virtualMachines/db01")
    assert disk.encryption_set == ResourceId(f"{GROUP}/diskEncryptionSets/des")
    assert disk.azure_disk_encryption
    assert disk.shared_by == 2
    assert disk.completion_percent == 40.5
    assert disk.background_copied


def test_a_plain_disk_has_the_plain_defaults():
    disk = parse_disk({"id": DISK, "properties": {"diskSizeBytes": 5, "completionPercent": True}})

    assert (disk.size_bytes, disk.shared_by, disk.os_type) == (5, 1, None)
    assert disk.encryption_type == "EncryptionAtRestWithPlatformKey"
    assert disk.completion_percent is None


@pytest.mark.parametrize(
    ("mode", "flexible"), [("Flexible", True), ("Uniform", False), (None, False)]
)
def test_a_scale_set_is_flexible_only_if_azure_says_so(mode, flexible):
    document = {
        "id": f"{GROUP}/virtualMachineScaleSets/x",
        "properties": {"orchestrationMode": mode},
    }

    assert parse_scale_set(document).flexible is flexible


def test_groups_and_encryption_sets_are_read():
    group = parse_group("s1", {"name": "rg", "location": "West US"})
    encryption = parse_encryption_set({"id": f"{GROUP}/diskEncryptionSets/x", "location": "westus"})

    assert group.region == encryption.region == Region("westus")


@pytest.mark.parametrize(
    ("metadata", "pair"),
    [
        ({"regionType": "Physical", "pairedRegion": [{"name": "westus"}]}, "westus"),
        ({"regionType": "Physical", "pairedRegion": [{"name": "eastus"}]}, None),
        ({"regionType": "Physical", "pairedRegion": []}, None),
        ({"regionType": "Physical", "pairedRegion": [{}]}, None),
        ({"regionType": "Physical"}, None),
    ],
)
def test_a_region_has_one_pair_or_none_and_is_never_its_own(metadata, pair):
    assert parse_pair({"name": "eastus", "metadata": metadata}) == (Region("eastus"), pair)


def test_a_logical_region_is_none():
    assert parse_pair({"name": "us", "metadata": {"regionType": "Logical"}}) is None


def test_a_running_operation_has_a_start_only():
    state = parse_operation({"status": "InProgress", "startTime": "2023-11-06T03:59:28.9+00:00"})

    assert state.status == OperationStatus.RUNNING
    assert state.started_at == datetime(2023, 11, 6, 3, 59, 28, 900000, UTC)
    assert state.ended_at is None


def test_a_finished_operation_shows_its_snapshot():
    state = parse_operation(
        {"status": "Succeeded", "properties": {"output": a_snapshot_document()}}
    )

    assert state.snapshot == parse_snapshot(a_snapshot_document())


def test_a_finished_operation_of_something_else_shows_none():
    document = {"status": "Succeeded", "properties": {"output": {"value": [{"message": "hi"}]}}}

    state = parse_operation(document)

    assert state.snapshot is None
    assert parse_messages(parse_output(document)) == ("hi",)


@pytest.mark.parametrize(
    ("word", "error", "code"),
    [
        ("Failed", {"code": "Nope", "message": "because\n"}, "Nope"),
        ("Canceled", None, "Canceled"),
    ],
)
def test_a_failed_operation_says_why(word, error, code):
    state = parse_operation({"status": word, "error": error})

    assert state.status == OperationStatus.FAILED
    assert state.error_code == code


def test_an_operation_without_a_status_is_unreadable():
    with pytest.raises(AnswerUnreadable):
        parse_operation({"name": "x"})
