"""The gate: tokens, routes, versions, rights, locks, registration, throttles, the read-only switch."""

import asyncio
import json

import pytest
from tests.emulator.wire import GROUPS, Wire, disk, in_group, in_subscription, snapshot, vm
from tests.support.estates import a_vm, an_estate, snapshot_body
from tests.support.inprocess import BASE_URL, SUBSCRIPTION, running_cloud

from diskguard_emulator.access import Grant, Principal
from diskguard_emulator.bodies import check_shape
from diskguard_emulator.refusals import Refusal
from diskguard_emulator.wire import Headers, Request

SUB = f"/subscriptions/{SUBSCRIPTION}"


def code(answer):
    return answer.status, answer.body["error"]["code"]


# ---------------------------------------------------------------------- tokens


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({}, "AuthenticationFailed"),
        ({"Authorization": "Bearer stale"}, "InvalidAuthenticationToken"),
        ({"Authorization": "Basic test-token"}, "InvalidAuthenticationToken"),
    ],
)
async def test_without_a_token_of_this_start_nothing_is_answered(cloud, header, expected):
    url = f"{BASE_URL}{SUB}?api-version=2022-12-01"
    answer = await cloud.api.answer(Request.of_url("GET", url, headers=Headers(header)))

    assert code(answer) == (401, expected)
    assert answer.headers["www-authenticate"].startswith("Bearer")


# ---------------------------------------------------------------------- strictness


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", in_subscription("galleries"), (501, "EmulatorNotEmulated")),
        ("GET", "/", (501, "EmulatorNotEmulated")),
        ("GET", f"{SUB}/providers/Microsoft.Sql/servers", (501, "EmulatorNotEmulated")),
        ("POST", f"{vm()}/reimage", (501, "EmulatorNotEmulated")),
        ("DELETE", vm(), (405, "EmulatorMethodUnknown")),
        ("GET", vm().replace(SUBSCRIPTION, "0"), (404, "SubscriptionNotFound")),
    ],
)
async def test_an_unknown_path_is_an_error_that_names_it(wire, method, path, expected):
    answer = await wire.send(method, path)

    assert code(answer) == expected


async def test_an_unknown_or_missing_api_version_is_named(wire):
    unknown = await wire.get(vm(), version="2016-01-01")
    missing = await wire.get(vm(), version="")

    assert code(unknown) == (400, "NoRegisteredProviderFound")
    assert "2016-01-01" in unknown.body["error"]["message"]
    assert code(missing) == (400, "MissingApiVersionParameter")


@pytest.mark.parametrize("body", ["[1]", "{not json"])
async def test_a_body_that_is_no_object_is_refused(cloud, body):
    own = Headers({"Authorization": "Bearer test-token"})
    url = f"{BASE_URL}{snapshot('one')}?api-version=2025-01-02"
    request = Request.of_url("PUT", url, headers=own, body=body.encode())

    assert code(await cloud.api.answer(request)) == (400, "InvalidRequestContent")


def test_a_field_of_the_wrong_kind_is_refused():
    with pytest.raises(Refusal, match="'properties' is not an object"):
        check_shape({"properties": "text"}, {"properties": {}})


# ---------------------------------------------------------------------- rights


def reader(*actions, scope="/", without=()):
    return Principal(name="p", grants=(Grant(actions=actions, not_actions=without, scope=scope),))


@pytest.mark.parametrize(
    ("principal", "method", "path", "allowed"),
    [
        (reader("*/read"), "GET", vm(), True),
        (reader("*/read"), "POST", f"{vm()}/start", False),
        (reader("Microsoft.Compute/virtualMachines/start/action"), "POST", f"{vm()}/start", True),
        (reader("*", scope=f"{SUB}/resourceGroups/APP"), "GET", vm(), True),
        (reader("*", scope=f"{SUB}/resourceGroups/ap"), "GET", vm(), False),
        (reader("*", scope=f"{SUB}/resourceGroups/app"), "GET", in_subscription("disks"), False),
        (reader("*", without=("Microsoft.Compute/*/read",)), "GET", vm(), False),
        (reader("*/read"), "GET", "/subscriptions", True),
        (reader(), "GET", "/subscriptions", False),
    ],
)
async def test_rights_are_actions_at_scopes(cloud, principal, method, path, allowed):
    wire = Wire(cloud, cloud.log_in(principal).token)
    answer = await wire.send(method, path)

    assert (answer.status != 403) is allowed
    if not allowed:
        assert code(answer) == (403, "AuthorizationFailed")
        assert "'p' with object id" in answer.body["error"]["message"]


async def test_a_disk_from_a_snapshot_needs_the_linked_right(cloud, wire):
    await wire.end_of(await wire.put(snapshot("one"), snapshot_body(disk("db01-os"))))
    login = cloud.log_in(reader("*", without=("*/beginGetAccess/action",)))
    data = {"createOption": "Copy", "sourceResourceId": snapshot("one")}
    body = {"location": "eastus", "properties": {"creationData": data}}
    refused = await Wire(cloud, login.token).put(disk("new"), body)

    assert code(refused) == (403, "LinkedAuthorizationFailed")


# ---------------------------------------------------------------------- switches


async def test_a_read_only_world_refuses_every_write_and_no_read(cloud, wire):
    cloud.world.settings.read_only = True
    writes = [
        await wire.put(snapshot("one"), snapshot_body(disk("db01-os"))),
        await wire.delete(disk("archive")),
        await wire.post(f"{vm()}/start"),
        await wire.patch(vm(), {"tags": {}}),
    ]

    assert [code(each) for each in writes] == [(403, "EmulatorReadOnly")] * 4
    assert (await wire.get(vm())).status == 200


async def test_an_unregistered_provider_says_so_until_it_is_registered():
    async with running_cloud(an_estate(a_vm(), unregistered=("Microsoft.Compute",))) as cloud:
        wire = Wire(cloud)
        provider = f"{SUB}/providers/Microsoft.Compute"
        before = await wire.get(vm())
        state = (await wire.get(provider, version=GROUPS)).body["registrationState"]
        registered = (await wire.post(f"{provider}/register", version=GROUPS)).body[
            "registrationState"
        ]
        after = await wire.get(vm())
        nonsense = await wire.get(f"{SUB}/providers/Microsoft.Nonsense")

    assert code(before) == (409, "MissingSubscriptionRegistration")
    assert (state, registered, after.status) == ("NotRegistered", "Registered", 200)
    assert code(nonsense) == (404, "InvalidResourceNamespace")


async def test_a_dead_region_fails_the_lists_where_the_world_says_so(cloud, wire):
    cloud.world.kill_region("eastus")
    goes_on = await wire.get(in_subscription("snapshots"))
    cloud.world.settings.lists_fail_in_dead_regions = True
    fails = await wire.get(in_subscription("snapshots"))

    assert (goes_on.status, fails.status) == (200, 503)


# ---------------------------------------------------------------------- locks


def locks(scope, name=""):
    path = f"{scope}/providers/Microsoft.Authorization/locks"
    return f"{path}/{name}" if name else path


def level(word):
    return {"properties": {"level": word, "notes": "keep"}}


@pytest.mark.parametrize("scope", [SUB, f"{SUB}/resourceGroups/app", disk("archive")])
async def test_a_lock_above_or_at_a_disk_keeps_it(wire, scope):
    made = await wire.put(locks(scope, "keep"), level("CanNotDelete"))
    refused = await wire.delete(disk("archive"))
    changed = await wire.patch(disk("archive"), {"tags": {"a": "b"}})
    listed = (await wire.get(locks(disk("archive")))).body["value"]
    unlocked = await wire.delete(locks(scope, "keep"))

    assert (made.status, changed.status, unlocked.status) == (201, 202, 200)
    assert code(refused) == (409, "ScopeLocked")
    assert "cannot perform delete operation" in refused.body["error"]["message"]
    assert [each["name"] for each in listed] == ["keep"]
    assert (await wire.delete(disk("archive"))).status == 202


async def test_a_read_only_lock_refuses_writes_too(wire):
    await wire.put(locks(f"{SUB}/resourceGroups/app", "frozen"), level("ReadOnly"))
    refused = await wire.post(f"{vm()}/powerOff")
    again = await wire.put(locks(f"{SUB}/resourceGroups/app", "frozen"), level("ReadOnly"))
    one = await wire.get(locks(f"{SUB}/resourceGroups/app", "frozen"))

    assert code(refused) == (409, "ScopeLocked")
    assert (again.status, one.body["properties"]) == (200, {"level": "ReadOnly", "notes": "keep"})


async def test_locks_that_make_no_sense_are_refused(wire):
    odd = await wire.put(locks(disk("archive"), "x"), level("Never"))
    nowhere = await wire.put(locks(disk("ghost"), "x"), level("ReadOnly"))
    missing = await wire.get(locks(disk("archive"), "x"))
    gone = await wire.delete(locks(disk("archive"), "x"))

    assert code(odd) == (400, "LockLevelNotSupported")
    assert (nowhere.status, missing.status, gone.status) == (404, 404, 204)


async def test_an_estate_may_begin_locked():
    lock = {"name": "keep", "scope": "resourceGroups/app", "level": "CanNotDelete"}
    async with running_cloud(an_estate(a_vm(), locks=(lock,))) as cloud:
        listed = (await Wire(cloud).get(locks(f"{SUB}/resourceGroups/app"))).body["value"]

    assert [each["name"] for each in listed] == ["keep"]


# ---------------------------------------------------------------------- throttles


def remaining(answer):
    header = answer.headers["x-ms-ratelimit-remaining-resource"]
    return {part.split(";")[0].split("/")[1]: int(part.split(";")[1]) for part in header.split(",")}


async def test_the_headers_count_down_as_recorded(wire):
    made = await wire.put(snapshot("one"), snapshot_body(disk("db01-os")))
    listed = await wire.get(in_subscription("snapshots"))

    assert remaining(made) == {
        "HighCostSnapshotCreateHydrate3Min": 999,
        "HighCostSnapshotCreateHydrate30Min": 7999,
    }
    assert remaining(listed) == {"HighCostGet3Min": 239, "HighCostGet30Min": 1919}
    assert made.headers["x-ms-ratelimit-remaining-subscription-writes"] == "199"
    assert made.headers["x-ms-ratelimit-remaining-subscription-global-writes"] == "2999"
    assert listed.headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "3749"


async def test_a_vm_takes_twelve_updates_and_then_four_a_minute(wire):
    answers = [(await wire.patch(vm(), {"tags": {}})).status for _ in range(13)]
    refused = await wire.patch(vm(), {"tags": {}})
    other = await wire.patch(vm("web01"), {"tags": {}})
    await asyncio.sleep(int(refused.headers["Retry-After"]))
    later = await wire.patch(vm(), {"tags": {}})

    assert answers == [200] * 12 + [429]
    assert 1 <= int(refused.headers["Retry-After"]) <= 15
    assert (other.status, later.status) == (200, 200)


async def test_computes_429_has_no_outer_error(wire):
    answers = [await wire.patch(vm(), {"tags": {}}) for _ in range(13)]
    refused = answers[-1]

    assert set(refused.body) == {"code", "message", "details"}
    assert refused.body["details"][0]["code"] == "TooManyRequests"
    assert json.loads(refused.body["details"][0]["message"])["allowedRequestCount"] == 12
    assert refused.headers["x-ms-ratelimit-remaining-resource"] == "Microsoft.Compute/UpdateVM;0"


async def test_a_vms_operation_is_read_45_times_and_a_disks_as_often_as_one_likes(wire):
    of_vm = (await wire.post(f"{vm()}/start")).headers["Azure-AsyncOperation"]
    of_disk = await wire.put(snapshot("one"), snapshot_body(disk("db01-os")))
    vm_reads = [(await wire.follow(of_vm)).status for _ in range(47)]
    url = of_disk.headers["Azure-AsyncOperation"]
    disk_reads = [(await wire.follow(url)).status for _ in range(60)]

    assert vm_reads[:45] == [200] * 45
    assert 429 in vm_reads[45:]
    assert set(disk_reads) == {200}


async def test_resource_managers_own_bucket_says_so_in_its_own_header(wire):
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(wire.get(SUB, version="2022-12-01")) for _ in range(260)]
    refused = next(each.result() for each in asked if each.result().status == 429)

    assert code(refused) == (429, "SubscriptionRequestsThrottled")
    assert refused.headers["x-ms-ratelimit-remaining-subscription-reads"] == "0"
    assert refused.headers["Retry-After"] == "1"


async def test_without_throttling_the_buckets_only_count(cloud, wire):
    cloud.world.settings.throttling = False
    answers = {(await wire.patch(vm(), {"tags": {}})).status for _ in range(40)}

    assert answers == {200}


async def test_every_request_is_in_the_log(cloud, wire):
    await wire.get(vm())
    await wire.put(snapshot("one"), snapshot_body(disk("db01-os")))
    await wire.get(in_group("nowhere", "disks"))

    first, second, third = cloud.api.log
    assert (first.number, first.method, first.status, first.kind) == (1, "GET", 200, "read")
    assert (second.action, second.caller) == ("Microsoft.Compute/snapshots/write", "owner")
    assert second.answered_at > second.at
    assert (third.status, third.code) == (404, "ResourceGroupNotFound")
    assert [each.number for each in cloud.api.log.writes()] == [2]
    assert cloud.api.log.of("PUT", "/SNAPSHOTS/") == [second]
    cloud.api.log.clear()
    await wire.get(vm())
    assert (len(cloud.api.log), cloud.api.log.entries[0].number) == (1, 4)
