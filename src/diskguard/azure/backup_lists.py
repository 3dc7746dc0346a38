"""The lists of Azure Backup, read raw: neither service has a client among diskguard's packages.

Vaults_ListBySubscriptionId, BackupProtectedItems_List, BackupVaults_GetInSubscription and
BackupInstances_List of azure-rest-api-specs, all of them stable at 2024-04-01.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from diskguard.azure.clients import Clients
from diskguard.azure.failures import AnswerUnreadable, refusal_of, translate_refusal
from diskguard.azure.translate import Document, parse_instant
from diskguard.model.azure_backup import BackupItem, VaultKind
from diskguard.model.ids import ResourceId

VERSION: Final = "api-version=2024-04-01"
_FILTER: Final = quote("backupManagementType eq 'AzureIaasVM' and itemType eq 'VM'")


def vaults_path(subscription: str, kind: VaultKind) -> str:
    """Where the subscription's vaults of that kind are listed."""
    return f"/subscriptions/{subscription}/providers/{kind}?{VERSION}"


def items_path(vault: ResourceId) -> str:
    """Where what a vault protects is listed; of a Recovery Services vault only the VMs."""
    if vault.kind.lower() == VaultKind.RECOVERY_SERVICES.lower():
        return f"{vault}/backupProtectedItems?{VERSION}&$filter={_FILTER}"
    return f"{vault}/backupInstances?{VERSION}"


async def read_pages(clients: Clients, subscription: str, path: str, doing: str) -> list[Document]:
    """Every document of a list, page after page; what fails on the way fails the list."""
    from azure.core.rest import HttpRequest

    client = clients.resources(subscription)
    found: list[Document] = []
    seen: set[str] = set()
    while path not in seen:
        seen.add(path)
        response = await client.send_request(HttpRequest("GET", path))
        if response.status_code != 200:
            raise translate_refusal(refusal_of(response), doing)
        page = response.json()
        found += values_of(page)
        following = page.get("nextLink")
        if not following:
            return found
        path = str(following)
    raise AnswerUnreadable("a page that leads back to an earlier one")


def values_of(page: object) -> list[Document]:
    """A page's documents. Raises AnswerUnreadable for a page without its list."""
    values = page.get("value") if isinstance(page, Mapping) else None
    if not isinstance(values, list) or not all(isinstance(each, Mapping) for each in values):
        raise AnswerUnreadable("a page without its list")
    return values


def parse_vault(document: Document) -> ResourceId:
    """The vault's id."""
    return _id(document.get("id"))


def parse_item(vault: ResourceId, document: Document) -> BackupItem | None:
    """An item of a vault; None for one that is of no VM and no disk of Resource Manager."""
    properties = _section(document, "properties")
    if vault.kind.lower() == VaultKind.RECOVERY_SERVICES.lower():
        return _protected_vm(vault, properties)
    return _protected_disk(vault, properties)


def _protected_vm(vault: ResourceId, properties: Document) -> BackupItem | None:
    source = _of_kind("Microsoft.Compute/virtualMachines", properties.get("sourceResourceId"))
    if source is None:
        return None
    excluded = _section(_section(properties, "extendedProperties"), "diskExclusionProperties")
    listed = tuple(lun for lun in excluded.get("diskLunList") or () if isinstance(lun, int))
    included = excluded.get("isInclusionList") is True
    return BackupItem(
        source=source,
        vault=vault,
        state=str(properties.get("protectionState") or "unknown"),
        last_backup=parse_instant(properties.get("lastRecoveryPoint")),
        luns=listed if included else None,
        without_luns=() if included else listed,
    )


def _protected_disk(vault: ResourceId, properties: Document) -> BackupItem | None:
    data = _section(properties, "dataSourceInfo")
    source = _of_kind("Microsoft.Compute/disks", data.get("resourceID"))
    if source is None:
        return None
    status = _section(properties, "protectionStatus").get("status")
    state = properties.get("currentProtectionState") or status or "unknown"
    return BackupItem(source=source, vault=vault, state=str(state))


def _of_kind(kind: str, text: object) -> ResourceId | None:
    try:
        id_ = ResourceId.parse(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return id_ if id_ is not None and id_.kind.lower() == kind.lower() else None


def _id(text: object) -> ResourceId:
    try:
        return ResourceId.parse(str(text))
    except ValueError as error:
        raise AnswerUnreadable("a vault without an id") from error


def _section(document: Document, key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}
