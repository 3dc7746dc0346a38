"""Immutable snapshots: how long, who may change that, and that they cannot be deleted."""

import asyncio

import pytest
from tests.emulator.wire import disk, snapshot
from tests.support.estates import snapshot_body

NEW = {"version": "2026-03-02"}
DAY = 86_400


async def set_to(wire, days, kind="Unlocked", *, lock=False):
    path = snapshot("one") + "/updateImmutabilityPolicy" + ("Lock" if lock else "")
    body = {"immutabilityDurationDays": days, "type": kind}
    answer = await wire.post(path, body, **NEW)
    if answer.status == 202:
        await wire.end_of(answer)
    return answer


async def policy_of(wire):
    found = await wire.get(snapshot("one"), **NEW)
    return found.body["properties"].get("immutabilityPolicy")


@pytest.fixture
async def one(wire):
    await wire.end_of(await wire.put(snapshot("one"), snapshot_body(disk("db01-os"))))
    return wire


async def test_what_is_immutable_cannot_be_deleted_until_its_time(one):
    await set_to(one, 2)

    refused = await one.delete(snapshot("one"))
    await asyncio.sleep(2 * DAY)
    accepted = await one.delete(snapshot("one"))

    assert (refused.status, refused.body["error"]["code"]) == (409, "OperationNotAllowed")
    assert accepted.status == 202


async def test_an_active_policy_keeps_its_start_when_it_is_extended(one):
    await set_to(one, 2)
    first = await policy_of(one)
    await asyncio.sleep(DAY)

    await set_to(one, 5)

    extended = await policy_of(one)
    assert extended["policyStartTime"] == first["policyStartTime"]
    assert (extended["immutabilityDurationDays"], extended["isPolicyExpired"]) == (5, False)


async def test_an_expired_policy_is_followed_by_a_new_one(one):
    await set_to(one, 1)
    first = await policy_of(one)
    await asyncio.sleep(2 * DAY)
    assert (await policy_of(one))["isPolicyExpired"] is True

    await set_to(one, 1)

    assert (await policy_of(one))["policyStartTime"] > first["policyStartTime"]


async def test_a_locked_policy_is_only_extended(one):
    await set_to(one, 3, "Locked", lock=True)

    assert (await set_to(one, 9)).status == 409
    assert (await set_to(one, 2, "Locked", lock=True)).status == 409
    assert (await set_to(one, 0, lock=True)).status == 409
    assert (await set_to(one, 4, "Locked", lock=True)).status == 202
    assert (await policy_of(one))["type"] == "Locked"


async def test_an_unlocked_policy_is_shortened_only_by_who_may_lock(one):
    await set_to(one, 3)

    assert (await set_to(one, 2)).status == 409
    assert (await set_to(one, 0, lock=True)).status == 202
    assert (await one.delete(snapshot("one"))).status == 202


@pytest.mark.parametrize(
    ("days", "kind", "lock"),
    [
        (0, "Unlocked", False),
        (91, "Unlocked", False),
        (1, "Locked", False),
        (0, "Locked", True),
        (1, "Open", True),
        ("3", "Unlocked", False),
    ],
)
async def test_what_makes_no_sense_is_refused(one, days, kind, lock):
    assert (await set_to(one, days, kind, lock=lock)).status == 400


async def test_an_older_api_version_shows_no_policy(one):
    await set_to(one, 1)

    found = await one.get(snapshot("one"))

    assert "immutabilityPolicy" not in found.body["properties"]
