"""What a request is charged to: Resource Manager's buckets and the Compute provider's (pure)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from diskguard.azure.throttle import Bucket, Limit
from diskguard.model.ids import Region, ResourceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What the URL of a request does not say.

    `window`: a guest may be frozen: go first, never wait, never be resent; `reserved` names whose
    tokens were set aside for it. `resend`: may be sent again when the answer was lost. `vm`: whose
    allowance its operation's status reads are.
    """

    window: bool = False
    reserved: str = ""
    resend: bool = False
    region: Region | None = None
    vm: ResourceId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A kind of call, its allowance per subscription and region, and per VM."""

    side: str
    common: Mapping[str, Limit]
    each_vm: Limit | None = None


def _per_minute(refill: float, capacity: float) -> Limit:
    return Limit(capacity=capacity, refill=refill / 60)


def _vm_side(name: str, common: Limit, each_vm: Limit | None) -> _Kind:
    return _Kind(side="vm", common={f"{name}3Min": common}, each_vm=each_vm)


def _disk_side(name: str, three_minutes: float, thirty_minutes: float) -> _Kind:
    return _Kind(
        side="disk",
        common={
            f"{name}3Min": Limit(capacity=three_minutes, refill=three_minutes / 180),
            f"{name}30Min": Limit(capacity=thirty_minutes, refill=thirty_minutes / 1800),
        },
    )


# VM side: compute-throttling-limits.md, tokens per minute, refill and capacity. Disk side: what the
# recordings' x-ms-ratelimit-remaining-resource headers leave after one call (arm-wire 6).
_UPDATE_VM: Final = _vm_side("UpdateVM", _per_minute(500, 1500), _per_minute(4, 12))
_DELETE_VM: Final = _vm_side("DeleteVM", _per_minute(500, 1500), _per_minute(4, 12))
_READ_VM: Final = _vm_side("LowCostGet", _per_minute(8000, 24000), _per_minute(12, 36))
_LIST_VMS: Final = _vm_side("HighCostGet", _per_minute(300, 900), None)
_READ_VM_OPERATION: Final = _vm_side("GetOperation", _per_minute(5000, 15000), _per_minute(15, 45))
_MAKE_SNAPSHOT: Final = _disk_side("HighCostSnapshotCreateHydrate", 1000, 8000)
_DELETE_SNAPSHOT: Final = _disk_side("DeleteDisks", 3000, 24000)
_READ_DISK: Final = _disk_side("LowCostGet", 15000, 120000)
_LIST_DISKS: Final = _disk_side("HighCostGet", 240, 1920)
_READ_DISK_OPERATION: Final = _disk_side("GetOperation", 50000, 400000)

_COMPUTE: Final = r"/subscriptions/[^/]+(?:/resourcegroups/[^/]+)?/providers/microsoft\.compute"
_KINDS: Final = tuple(
    (method, re.compile(_COMPUTE + path), kind)
    for method, path, kind in (
        ("PUT", r"/snapshots/[^/]+", _MAKE_SNAPSHOT),
        ("DELETE", r"/snapshots/[^/]+", _DELETE_SNAPSHOT),
        ("GET", r"/(?:snapshots|disks)/[^/]+", _READ_DISK),
        ("GET", r"/(?:snapshots|disks|diskencryptionsets)", _LIST_DISKS),
        ("GET", r"/locations/(?P<region>[^/]+)/diskoperations/.+", _READ_DISK_OPERATION),
        ("GET", r"/locations/(?P<region>[^/]+)/operations/.+", _READ_VM_OPERATION),
        ("POST", r"/(?P<vm>virtualmachines/[^/]+)/deallocate", _DELETE_VM),
        ("POST", r"/(?P<vm>virtualmachines/[^/]+)/[^/]+", _UPDATE_VM),
        ("GET", r"/(?P<vm>virtualmachines/[^/]+)(?:/instanceview)?", _READ_VM),
        ("GET", r"/(?:virtualmachines|virtualmachinescalesets)", _LIST_VMS),
    )
)

# request-limits-and-throttling: bucket and refill per second; the global ones are 15 times that in
# the recordings.
_ARM: Final = {
    "reads": (Limit(capacity=250, refill=25), Limit(capacity=3750, refill=375)),
    "writes": (Limit(capacity=200, refill=10), Limit(capacity=3000, refill=150)),
    "deletes": (Limit(capacity=200, refill=10), Limit(capacity=3000, refill=150)),
}


def charges_of(method: str, url: str, call: Call) -> dict[Bucket, Limit]:
    """Name the buckets one request takes a token of, each with its documented limit."""
    path = urlsplit(url).path.lower().rstrip("/")
    subscription = subscription_of(url)
    charges = _of_resource_manager(method, subscription)
    for verb, pattern, kind in _KINDS:
        match = pattern.fullmatch(path) if verb == method else None
        if match is not None:
            found = match.groupdict()
            region = Region(found["region"]) if "region" in found else call.region or ""
            told = call.vm.key if call.vm is not None else None
            vm = path[: match.end("vm")] if "vm" in found else told
            charges.update(_of_compute(kind, f"{subscription}/{region}", vm))
            break
    return charges


def charges_of_window(subscription: str, region: Region) -> dict[Bucket, Limit]:
    """The buckets of a window's snapshot requests."""
    scope = f"{subscription.lower()}/{region}"
    return _of_resource_manager("PUT", subscription.lower()) | _of_compute(
        _MAKE_SNAPSHOT, scope, None
    )


def subscription_of(url: str) -> str:
    """The subscription a URL speaks of, in lower case; empty for none."""
    match = re.match(r"/subscriptions/([^/]+)", urlsplit(url).path.lower())
    return match[1] if match else ""


def _of_resource_manager(method: str, subscription: str) -> dict[Bucket, Limit]:
    kind = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")
    own, everybodys = _ARM[kind]
    return {
        Bucket(f"arm/{subscription}", kind): own,
        Bucket(f"arm/{subscription}", f"global-{kind}"): everybodys,
    }


def _of_compute(kind: _Kind, scope: str, vm: str | None) -> dict[Bucket, Limit]:
    charges = {Bucket(f"{kind.side}/{scope}", name): limit for name, limit in kind.common.items()}
    if kind.each_vm is not None and vm is not None:
        # Named apart from the region's bucket: the header speaks of that one only.
        name = f"{next(iter(kind.common))} of one VM"
        charges[Bucket(vm, name)] = kind.each_vm
    return charges
