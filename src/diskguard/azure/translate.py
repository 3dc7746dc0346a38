"""Azure's documents in our nouns: pure, tolerant of what is absent, strict about what we rely on.

The SDK's models are mappings of the wire's own keys, so these functions read both alike.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from diskguard.azure.failures import AnswerUnreadable, clean, parse_error
from diskguard.model.estate import (
    Attachment,
    Disk,
    EncryptionSet,
    Group,
    OsType,
    PowerState,
    ScaleSet,
    Snapshot,
    Vm,
)
from diskguard.model.ids import Region, ResourceId
from diskguard.model.wish import OperationState, OperationStatus

Document = Mapping[str, Any]

_POWER: Final = {
    "running": PowerState.RUNNING,
    "stopped": PowerState.STOPPED,
    "deallocated": PowerState.DEALLOCATED,
    "starting": PowerState.CHANGING,
    "stopping": PowerState.CHANGING,
    "deallocating": PowerState.CHANGING,
}
_INSTANT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d+))?\s*([Zz]|[+-]\d\d:?\d\d)?"
)
_GIBIBYTE: Final = 1024**3


def parse_instant(text: object) -> datetime | None:
    """Read an instant: any number of fraction digits, any offset (none means UTC); else None.

    Azure writes 6 or 7 digits, and offsets other than UTC (arm-wire 1).
    """
    match = _INSTANT.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return None
    day, time, fraction, offset = match.groups()
    zone = "+00:00" if offset in (None, "Z", "z") else offset
    try:
        instant = datetime.fromisoformat(f"{day}T{time}.{(fraction or '0')[:6]:0<6}{zone}")
    except ValueError:
        return None
    return instant.astimezone(UTC)


def parse_vm(document: Document) -> Vm:
    """One virtual machine, with its power state where the document has its instance view."""
    properties = _section(document, "properties")
    storage = _section(properties, "storageProfile")
    os_disk = _section(storage, "osDisk")
    data = [_attachment(each, lun=_whole(each, "lun")) for each in _list(storage, "dataDisks")]
    return Vm(
        id=_id(document),
        vm_id=_text(properties, "vmId"),
        region=_region(document),
        os_type=_os_type(os_disk) or OsType.LINUX,
        power=parse_power(document),
        attachments=(_attachment(os_disk, lun=None), *data) if os_disk else tuple(data),
        tags=_tags(document),
        scale_set=_reference(properties, "virtualMachineScaleSet"),
        availability_set=_reference(properties, "availabilitySet"),
        zone=_zone(document),
        security_type=_text(_section(properties, "securityProfile"), "securityType") or None,
        size=_text(_section(properties, "hardwareProfile"), "vmSize"),
        etag=_text(document, "etag") or None,
    )


def parse_power(document: Document) -> PowerState:
    """The power state of an instance view's statuses; UNKNOWN where there is none."""
    view = _section(_section(document, "properties"), "instanceView")
    codes = [_text(status, "code").lower() for status in _list(view, "statuses")]
    words = [code.partition("/")[2] for code in codes if code.startswith("powerstate/")]
    return _POWER.get(words[-1], PowerState.UNKNOWN) if words else PowerState.UNKNOWN


def parse_scale_set(document: Document) -> ScaleSet:
    """One scale set; of uniform orchestration where Azure does not say."""
    mode = _text(_section(document, "properties"), "orchestrationMode")
    return ScaleSet(id=_id(document), region=_region(document), flexible=mode.lower() == "flexible")


def parse_disk(document: Document) -> Disk:
    """One managed disk."""
    properties = _section(document, "properties")
    encryption = _section(properties, "encryption")
    collection = _section(properties, "encryptionSettingsCollection")
    managed_by = _text(document, "managedBy")
    return Disk(
        id=_id(document),
        unique_id=_text(properties, "uniqueId"),
        region=_region(document),
        sku=_text(_section(document, "sku"), "name"),
        size_bytes=_size(properties),
        state=_text(properties, "diskState"),
        os_type=_os_type(properties),
        managed_by=_as_id(managed_by),
        shared_by=_whole(properties, "maxShares") or 1,
        encryption_set=_as_id(_text(encryption, "diskEncryptionSetId")),
        encryption_type=_text(encryption, "type") or "EncryptionAtRestWithPlatformKey",
        azure_disk_encryption=collection.get("enabled") is True,
        security_type=_text(_section(properties, "securityProfile"), "securityType") or None,
        tags=_tags(document),
        zone=_zone(document),
        completion_percent=_number(properties, "completionPercent"),
    )


def parse_snapshot(document: Document) -> Snapshot:
    """One snapshot, ours or a stranger's; what a stranger left out is empty."""
    properties = _section(document, "properties")
    creation = _section(properties, "creationData")
    encryption = _section(properties, "encryption")
    immutability = _section(properties, "immutabilityPolicy")
    return Snapshot(
        id=_id(document),
        unique_id=_text(properties, "uniqueId"),
        region=_region(document),
        time_created=parse_instant(properties.get("timeCreated")),
        provisioning_state=_text(properties, "provisioningState"),
        create_option=_text(creation, "createOption"),
        source_id=_as_id(_text(creation, "sourceResourceId")),
        source_unique_id=_text(creation, "sourceUniqueId") or None,
        size_bytes=_size(properties),
        incremental=properties.get("incremental") is True,
        tags=_tags(document),
        percent=_number(properties, "completionPercent"),
        access_state=_text(properties, "snapshotAccessState") or None,
        copy_error=parse_copy_error(properties),
        encryption_set=_as_id(_text(encryption, "diskEncryptionSetId")),
        sku=_text(_section(document, "sku"), "name"),
        immutability=_text(immutability, "type") or None,
        immutable_since=parse_instant(immutability.get("policyStartTime")),
        immutable_until=parse_instant(immutability.get("policyExpirationTime")),
    )


def parse_copy_error(properties: Document) -> str | None:
    """Why a background copy failed, or None if it did not."""
    failed = _section(properties, "copyCompletionError")
    said = (_text(failed, "errorCode"), clean(_text(failed, "errorMessage")))
    return ": ".join(part for part in said if part) or None


def parse_encryption_set(document: Document) -> EncryptionSet:
    """One disk encryption set."""
    return EncryptionSet(id=_id(document), region=_region(document))


def parse_group(subscription: str, document: Document) -> Group:
    """One resource group."""
    return Group(subscription=subscription, name=_text(document, "name"), region=_region(document))


def parse_pair(document: Document) -> tuple[Region, Region | None] | None:
    """A physical region and its pair (none, or itself: None); None for a logical one.

    `pairedRegion` is a list, absent or empty where there is no pair (arm-wire 8).
    """
    metadata = _section(document, "metadata")
    if _text(metadata, "regionType").lower() == "logical":
        return None
    region = Region(_required(document, "name"))
    pairs = [Region(_text(pair, "name")) for pair in _list(metadata, "pairedRegion")]
    others = [pair for pair in pairs if pair and pair != region]
    return region, others[0] if others else None


def parse_operation(document: Document) -> OperationState:
    """How far a long-running operation is; a finished one shows the snapshot it made."""
    word = _required(document, "status")
    known = {"succeeded": OperationStatus.SUCCEEDED, "failed": OperationStatus.FAILED}
    known["canceled"] = known["cancelled"] = OperationStatus.FAILED
    status = known.get(word.lower(), OperationStatus.RUNNING)
    code, message, _ = parse_error({"error": document.get("error") or {}})
    output = parse_output(document)
    shown = status == OperationStatus.SUCCEEDED and "/snapshots/" in _text(output, "id").lower()
    return OperationState(
        status=status,
        started_at=parse_instant(document.get("startTime")),
        ended_at=parse_instant(document.get("endTime")),
        error_code=code or (word if status == OperationStatus.FAILED else None),
        error_message=message or None,
        snapshot=parse_snapshot(output) if shown else None,
    )


def parse_output(document: Document) -> Document:
    """What a finished operation gives back; empty where it gives nothing."""
    return _section(_section(document, "properties"), "output")


def parse_messages(output: Document) -> tuple[str, ...]:
    """The messages of a Run Command's result: one on Linux, two (out, err) on Windows."""
    return tuple(_text(entry, "message") for entry in _list(output, "value"))


def _attachment(document: Document, *, lun: int | None) -> Attachment:
    local = _text(_section(document, "diffDiskSettings"), "option").lower() == "local"
    return Attachment(
        name=_text(document, "name"),
        lun=lun,
        disk=None if local else _reference(document, "managedDisk"),
        ephemeral=local,
        being_detached=document.get("toBeDetached") is True,
    )


def _section(document: Document, key: str) -> Document:
    """A nested object; empty where it is absent or something else."""
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(document: Document, key: str) -> list[Document]:
    value = document.get(key)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _text(document: Document, key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _required(document: Document, key: str) -> str:
    value = _text(document, key)
    if not value:
        raise AnswerUnreadable(f"a document without {key!r}")
    return value


def _number(document: Document, key: str) -> float | None:
    value = document.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(document: Document, key: str) -> int | None:
    number = _number(document, key)
    return None if number is None else int(number)


def _size(properties: Document) -> int:
    exact = _whole(properties, "diskSizeBytes")
    return exact if exact is not None else (_whole(properties, "diskSizeGB") or 0) * _GIBIBYTE


def _tags(document: Document) -> dict[str, str]:
    return {name: str(value or "") for name, value in _section(document, "tags").items()}


def _zone(document: Document) -> str | None:
    zones = document.get("zones")
    return str(zones[0]) if isinstance(zones, list) and zones else None


def _os_type(document: Document) -> OsType | None:
    word = _text(document, "osType").lower()
    return OsType(word) if word in set(OsType) else None


def _id(document: Document) -> ResourceId:
    text = _required(document, "id")
    try:
        return ResourceId.parse(text)
    except ValueError as error:
        raise AnswerUnreadable(f"the id {clean(text)!r} is none") from error


def _region(document: Document) -> Region:
    return Region(_text(document, "location"))


def _as_id(text: str) -> ResourceId | None:
    """A reference; None for none, and for what is no id (a blob's URL, say)."""
    try:
        return ResourceId.parse(text)
    except ValueError:
        return None


def _reference(document: Document, key: str) -> ResourceId | None:
    return _as_id(_text(_section(document, key), "id"))
