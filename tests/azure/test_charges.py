"""What a request is charged to."""

import pytest

from diskguard.azure.charges import Call, charges_of, charges_of_window, subscription_of
from diskguard.model.ids import Region, ResourceId

ROOT = "https://management.azure.com/subscriptions/S1"
GROUP = f"{ROOT}/resourceGroups/RG/providers/Microsoft.Compute"
VM = "/subscriptions/s1/resourcegroups/rg/providers/microsoft.compute/virtualmachines/db01"


def compute_charges(method: str, url: str, call: Call | None = None) -> set[tuple[str, str]]:
    charges = charges_of(method, url, call or Call())
    return {(each.scope, each.name) for each in charges if not each.scope.startswith("arm/")}


@pytest.mark.parametrize(
    ("method", "kind"),
    [("GET", "reads"), ("PUT", "writes"), ("POST", "writes"), ("DELETE", "deletes")],
)
def test_every_request_is_charged_to_resource_manager(method, kind):
    charges = charges_of(method, f"{ROOT}/locations?api-version=1", Call())

    assert {(each.scope, each.name) for each in charges} == {
        ("arm/s1", kind),
        ("arm/s1", f"global-{kind}"),
    }


@pytest.mark.parametrize(
    ("method", "path", "names"),
    [
        (
            "PUT",
            "snapshots/x",
            {"HighCostSnapshotCreateHydrate3Min", "HighCostSnapshotCreateHydrate30Min"},
        ),
        ("DELETE", "snapshots/x", {"DeleteDisks3Min", "DeleteDisks30Min"}),
        ("GET", "snapshots/x", {"LowCostGet3Min", "LowCostGet30Min"}),
        ("GET", "disks", {"HighCostGet3Min", "HighCostGet30Min"}),
        ("GET", "virtualMachines", {"HighCostGet3Min"}),
        ("PATCH", "snapshots/x/providers/Microsoft.Resources/tags/default", set()),
    ],
)
def test_compute_charges_by_kind_of_call(method, path, names):
    charges = compute_charges(method, f"{GROUP}/{path}?api-version=1")

    assert {name for _, name in charges} == names


def test_the_region_comes_from_the_call_where_the_url_has_none():
    charges = compute_charges("PUT", f"{GROUP}/snapshots/x", Call(region=Region("East US")))

    assert {scope for scope, _ in charges} == {"disk/s1/eastus"}


def test_the_region_of_an_operation_comes_from_its_url():
    url = f"{ROOT}/providers/Microsoft.Compute/locations/WestUS/DiskOperations/1?t=1&s=2"

    charges = compute_charges("GET", url, Call(region=Region("eastus")))

    assert {scope for scope, _ in charges} == {"disk/s1/westus"}


@pytest.mark.parametrize(
    ("method", "verb", "name"),
    [
        ("POST", "/runCommand", "UpdateVM3Min"),
        ("POST", "/start", "UpdateVM3Min"),
        ("POST", "/powerOff", "UpdateVM3Min"),
        ("POST", "/deallocate", "DeleteVM3Min"),
        ("GET", "", "LowCostGet3Min"),
        ("GET", "/instanceView", "LowCostGet3Min"),
    ],
)
def test_a_vm_has_an_allowance_of_its_own(method, verb, name):
    charges = compute_charges(method, f"{GROUP}/virtualMachines/DB01{verb}")

    assert charges == {("vm/s1/", name), (VM, f"{name} of one VM")}


def test_an_operations_reads_are_charged_to_the_vm_the_caller_names():
    url = f"{ROOT}/providers/Microsoft.Compute/locations/eastus/operations/1"

    charges = charges_of("GET", url, Call(vm=ResourceId(VM.upper())))

    own = {each: limit for each, limit in charges.items() if each.scope == VM}
    assert [limit.capacity for limit in own.values()] == [45]
    assert compute_charges("GET", url) == {("vm/s1/eastus", "GetOperation3Min")}


def test_a_windows_charges_are_those_of_its_requests():
    window = charges_of_window("S1", Region("eastus"))

    assert window == charges_of("PUT", f"{GROUP}/snapshots/x", Call(region=Region("eastus")))


def test_a_url_without_a_subscription_has_none():
    assert subscription_of("https://management.azure.com/metadata/endpoints") == ""
