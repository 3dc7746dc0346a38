"""The regions of the pretended cloud, with their pairs as a real subscription showed them.

Witness: listLocations-2020.json. Pairs are lists, not symmetric, may be the region itself, and logical
regions have none. `polandcentral` and `italynorth` stand for today's regions without a pair, of which
no recording was found: one shows an empty list, the other no key.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from diskguard_emulator.wire import JsonObject

# name: (display name, geography group, pair or None)
_PHYSICAL: Final[Mapping[str, tuple[str, str, str | None]]] = {
    "eastus": ("East US", "US", "westus"),
    "eastus2": ("East US 2", "US", "centralus"),
    "westus": ("West US", "US", "eastus"),
    "westus2": ("West US 2", "US", "westcentralus"),
    "westcentralus": ("West Central US", "US", "westus2"),
    "centralus": ("Central US", "US", "eastus2"),
    "northcentralus": ("North Central US", "US", "southcentralus"),
    "southcentralus": ("South Central US", "US", "northcentralus"),
    "brazilsouth": ("Brazil South", "South America", "southcentralus"),
    "northeurope": ("North Europe", "Europe", "westeurope"),
    "westeurope": ("West Europe", "Europe", "northeurope"),
    "uksouth": ("UK South", "Europe", "ukwest"),
    "ukwest": ("UK West", "Europe", "uksouth"),
    "germanywestcentral": ("Germany West Central", "Europe", "germanynorth"),
    "germanynorth": ("Germany North", "Europe", "germanywestcentral"),
    "centralindia": ("Central India", "Asia Pacific", "southindia"),
    "southindia": ("South India", "Asia Pacific", "centralindia"),
    "westindia": ("West India", "Asia Pacific", "southindia"),
    "australiacentral": ("Australia Central", "Asia Pacific", "australiacentral"),
    "polandcentral": ("Poland Central", "Europe", ""),
    "italynorth": ("Italy North", "Europe", None),
}
_LOGICAL: Final = {"europe": "Europe", "unitedstates": "United States", "global": "Global"}


def locations_of(
    subscription: str, pairs: Mapping[str, Sequence[str]] | None = None
) -> list[JsonObject]:
    """Every region as the subscription lists it; `pairs` replaces or adds regions' pairs."""
    known = {
        name: (display, group, None if pair is None else [pair] if pair else [])
        for name, (display, group, pair) in _PHYSICAL.items()
    }
    for name, own in (pairs or {}).items():
        display, group, _ = known.get(name, (name, "US", None))
        known[name] = (display, group, list(own))
    physical = [_physical(subscription, name, *known[name]) for name in known]
    return physical + [_logical(subscription, *each) for each in _LOGICAL.items()]


def _physical(
    subscription: str, name: str, display: str, group: str, pairs: list[str] | None
) -> JsonObject:
    metadata: JsonObject = {
        "regionType": "Physical",
        "regionCategory": "Recommended",
        "geographyGroup": group,
        "longitude": "0.0",
        "latitude": "0.0",
        "physicalLocation": "",
    }
    if pairs is not None:
        metadata["pairedRegion"] = [
            {"name": pair, "id": f"/subscriptions/{subscription}/locations/{pair}"}
            for pair in pairs
        ]
    return _entry(subscription, name, display, f"({group}) {display}") | {"metadata": metadata}


def _logical(subscription: str, name: str, display: str) -> JsonObject:
    metadata = {"regionType": "Logical", "regionCategory": "Other"}
    return _entry(subscription, name, display, display) | {"metadata": metadata}


def _entry(subscription: str, name: str, display: str, regional: str) -> JsonObject:
    return {
        "id": f"/subscriptions/{subscription}/locations/{name}",
        "name": name,
        "displayName": display,
        "regionalDisplayName": regional,
    }
