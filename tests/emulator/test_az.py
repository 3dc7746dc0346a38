"""What the real az sends: az 2.91.0's requests, as its --debug shows them, byte for byte where it matters."""

import json

import pytest
from tests.emulator.scripted import give_guest, wrote
from tests.emulator.wire import Wire, disk, in_group, in_subscription, snapshot, vm
from tests.support.estates import snapshot_body
from tests.support.inprocess import SUBSCRIPTION

SUB = f"/subscriptions/{SUBSCRIPTION}"
GROUPS = f"{SUB}/resourcegroups"


def code(answer):
    return answer.status, answer.body["error"]["code"]


def names(answer):
    assert answer.status == 200, answer.body
    return [each["name"] for each in answer.body["value"]]


# ---------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("path", "version", "query"),
    [
        ("/subscriptions", "2022-12-01", ""),
        (f"{SUB}/locations", "2022-12-01", ""),
        (GROUPS, "2024-11-01", ""),
        (f"{GROUPS}/app", "2024-11-01", ""),
        (in_subscription("virtualMachines"), "2026-04-01", ""),
        (in_group("app", "virtualMachines"), "2026-04-01", ""),
        (vm(), "2026-04-01", ""),
        (vm(), "2026-04-01", "&$expand=instanceView"),
        (f"{vm()}/runCommands", "2024-11-01", ""),
        (f"{vm()}/providers/Microsoft.Resources/tags/default", "2024-11-01", ""),
        (in_subscription("snapshots"), "2025-01-02", ""),
        (in_group("app", "disks"), "2025-01-02", ""),
        (disk("archive"), "2025-01-02", ""),
        (in_subscription("diskEncryptionSets"), "2023-04-02", ""),
        (in_subscription("virtualMachineScaleSets"), "2024-11-01", ""),
        (in_subscription("availabilitySets"), "2025-04-01", ""),
        (f"{SUB}/providers/Microsoft.Network/networkInterfaces", "2023-11-01", ""),
        (f"{SUB}/providers/Microsoft.Network/publicIPAddresses", "2025-09-01", ""),
        (f"{SUB}/providers/Microsoft.Network/virtualNetworks", "2025-07-01", ""),
        (f"{SUB}/providers/Microsoft.Network/networkSecurityGroups", "2022-01-01", ""),
        (
            f"{SUB}/resourceGroups/app/providers/Microsoft.Resources/templateSpecs/",
            "2022-02-01",
            "",
        ),
        (f"{SUB}/providers/Microsoft.Authorization/locks", "2016-09-01", ""),
    ],
)
async def test_what_az_shows_and_lists_is_there(wire, path, version, query):
    answer = await wire.get(path, version=version, query=query)

    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("tagname eq 'Owner' and tagvalue eq 'me'", ["mine"]),
        ("tagname eq 'owner'", ["mine", "theirs"]),
        ("tagname eq 'owner' and tagvalue eq ''", []),
        ("tagname eq 'else'", []),
    ],
)
async def test_groups_are_listed_by_their_tag(wire, tag, expected):
    for name, owner in (("mine", "me"), ("theirs", "them")):
        await wire.put(f"{GROUPS}/{name}", {"location": "eastus", "tags": {"owner": owner}})
    found = await wire.get(GROUPS, query=f"&$filter={tag}".replace(" ", "%20"))

    assert names(found) == expected


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (GROUPS, "&$filter=location%20eq%20'eastus'"),
        (in_group("app", "virtualMachines"), "&$filter='virtualMachineScaleSet/id'%20eq%20'x'"),
        (in_subscription("virtualMachines"), "&$expand=instanceView"),
        (in_subscription("disks"), "&$top=1"),
        (f"{SUB}/providers/Microsoft.Network/networkInterfaces", "&$top=1"),
        (f"{SUB}/resourceGroups/app/providers/Microsoft.Network/networkInterfaces", "&$top=1"),
    ],
)
async def test_a_list_that_cannot_be_narrowed_is_not_shown_whole(wire, path, query):
    answer = await wire.get(path, query=query, version=_newest(path))

    assert code(answer) == (501, "EmulatorNotEmulated")


def _newest(path):
    return "2023-11-01" if "Microsoft.Network" in path else None


# ---------------------------------------------------------------------- run command


def invocation(*parameters):
    return {"commandId": "RunShellScript", "parameters": list(parameters), "script": ["id -u"]}


async def test_a_run_command_may_say_that_it_has_no_parameters(cloud, wire):
    guest = give_guest(cloud, wrote(b"0\n"), vm())
    accepted = await wire.post(f"{vm()}/runCommand", invocation(), version="2024-11-01")
    ended = await wire.end_of(accepted)

    assert ended["status"] == "Succeeded"
    assert guest.scripts == ["id -u"]


async def test_parameters_of_a_run_command_are_refused_not_forgotten(wire):
    asked = invocation({"name": "a", "value": "b"})
    answer = await wire.post(f"{vm()}/runCommand", asked, version="2024-11-01")

    assert code(answer) == (501, "EmulatorNotEmulated")


# ---------------------------------------------------------------------- the power switch


async def test_az_deallocates_with_its_own_version_and_does_not_hibernate(wire):
    path = f"{vm()}/deallocate"
    asleep = await wire.post(path, version="2025-11-01", query="&hibernate=true")
    ended = await wire.end_of(await wire.post(path, version="2025-11-01"))

    assert code(asleep) == (501, "EmulatorNotEmulated")
    assert ended["status"] == "Succeeded"


# ---------------------------------------------------------------------- a generic update


@pytest.fixture
async def taken(wire: Wire) -> dict[str, object]:
    """The body with which `az snapshot update` puts a snapshot back: all that it may write."""
    await wire.end_of(await wire.put(snapshot("one"), snapshot_body(disk("archive"))))
    shown = (await wire.get(snapshot("one"))).body
    read_only = {"sourceUniqueId"}
    source = {k: v for k, v in shown["properties"]["creationData"].items() if k not in read_only}
    written = ("diskSizeGB", "encryption", "incremental", "networkAccessPolicy")
    properties = {name: shown["properties"][name] for name in (*written, "publicNetworkAccess")}
    sku = {"name": shown["sku"]["name"]}
    tags = {"a": "b"}
    properties["creationData"] = source
    return {"location": "eastus", "properties": properties, "sku": sku, "tags": tags}


async def test_a_snapshot_put_back_as_it_was_read_changes_its_tags_alone(wire, taken):
    before = (await wire.get(snapshot("one"))).body
    ended = await wire.end_of(await wire.put(snapshot("one"), taken))
    after = (await wire.get(snapshot("one"))).body

    assert ended["status"] == "Succeeded"
    assert after == before | {"tags": {"a": "b"}}


async def test_a_snapshot_put_back_keeps_what_was_changed(wire, taken):
    taken["properties"] |= {"networkAccessPolicy": "DenyAll", "publicNetworkAccess": "Disabled"}
    taken["sku"] = {"name": "Standard_ZRS"}
    await wire.end_of(await wire.put(snapshot("one"), taken))
    after = (await wire.get(snapshot("one"))).body

    assert after["properties"]["networkAccessPolicy"] == "DenyAll"
    assert after["properties"]["publicNetworkAccess"] == "Disabled"
    assert after["sku"]["name"] == "Standard_ZRS"


async def test_a_snapshot_has_no_size_of_its_own(wire, taken):
    larger = json.loads(json.dumps(taken))
    larger["properties"]["diskSizeGB"] += 1
    changed = await wire.put(snapshot("one"), larger)
    sized = await wire.put(snapshot("two"), taken)

    assert code(changed) == (501, "EmulatorNotEmulated")
    assert code(sized) == (400, "EmulatorUnknownField")
