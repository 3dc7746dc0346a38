"""The Compute port over the real SDK, against the emulator."""

import asyncio
from datetime import timedelta

import pytest
from tests.azure.rooms import (
    WEST,
    a_room,
    a_snapshot_id,
    a_wish,
    in_seconds,
)
from tests.support.estates import a_vm, an_estate

from diskguard import errors
from diskguard.azure.compute import snapshot_body
from diskguard.model.ids import Region, ResourceId
from diskguard.model.wish import OperationStatus
from diskguard_emulator.estate import LockSpec
from diskguard_emulator.faults import (
    Delays,
    Fails,
    Hangs,
    LosesAnswer,
    Malformed,
    OperationFails,
    OperationStalls,
    Resets,
    Throttles,
)


async def test_a_snapshot_is_requested_once_and_followed_to_its_end(room):
    requested = await room.azure.compute.request_snapshot(a_wish())

    state = await room.finished(requested)

    assert state.status == OperationStatus.SUCCEEDED
    assert state.snapshot is not None
    assert state.snapshot.tags == {"diskguard-attempt": "n-1"}
    assert state.snapshot.time_created == state.started_at
    assert state.started_at < state.ended_at
    assert room.sent("PUT") == 1


async def test_a_request_knows_when_it_left_and_when_it_was_answered(room):
    before = room.clock.now()

    requested = await room.azure.compute.request_snapshot(a_wish())

    assert before <= requested.sent_at < requested.answered_at <= room.clock.now()


async def test_the_operations_url_goes_back_byte_for_byte(room):
    requested = await room.azure.compute.request_snapshot(a_wish())

    await room.azure.compute.read_operation(requested)

    asked = room.cloud.api.log.of("GET", "/DiskOperations/")[-1]
    assert requested.operation.endswith(f"{asked.path}?{asked.query}")
    assert "&c=" in asked.query


async def test_a_copy_is_asked_for_in_the_other_region(room):
    source = await room.has()
    wish = a_wish(
        id=a_snapshot_id("one", WEST),
        region=Region("westus"),
        source=source,
        copy=True,
        enhanced_speed=True,
    )

    await room.finished(await room.azure.compute.request_snapshot(wish))
    copy = await room.azure.compute.find_snapshot(wish.id)

    assert copy is not None
    assert copy.create_option == "CopyStart"
    assert copy.source_id == source
    assert copy.percent is not None
    assert not copy.readable


def test_a_snapshots_body_denies_export_unless_told_otherwise():
    body = snapshot_body(a_wish(sku="Standard_ZRS"))

    assert body["sku"] == {"name": "Standard_ZRS"}
    assert body["properties"] == {
        "creationData": {"createOption": "Copy", "sourceResourceId": a_wish().source.text},
        "incremental": True,
        "networkAccessPolicy": "DenyAll",
        "publicNetworkAccess": "Disabled",
    }


def test_a_copys_body_names_its_key_and_its_speed():
    key = ResourceId.of("s", "keys", "Microsoft.Compute/diskEncryptionSets", "des")

    body = snapshot_body(
        a_wish(copy=True, encryption_set=key, enhanced_speed=True, network_access="allow")
    )

    assert "sku" not in body
    assert body["properties"]["encryption"] == {
        "type": "EncryptionAtRestWithCustomerKey",
        "diskEncryptionSetId": key.text,
    }
    assert body["properties"]["creationData"]["provisionedBandwidthCopySpeed"] == "Enhanced"
    assert body["properties"]["networkAccessPolicy"] == "AllowAll"


@pytest.mark.parametrize(
    "trouble",
    [
        LosesAnswer(),
        Resets(),
        Fails(status=500),
        Fails(status=503, retry_after=1),
        Fails(status=408),
    ],
)
async def test_a_lost_answer_is_not_known_and_never_resent(room, trouble):
    room.befall(trouble, "PUT", "/snapshots/")

    with pytest.raises(errors.CloudUnreachable):
        await room.azure.compute.request_snapshot(a_wish())

    assert room.sent("PUT") == 1


@pytest.mark.parametrize("trouble", [Hangs(), Delays(by=timedelta(seconds=60))])
async def test_a_request_gives_up_at_its_instant(room, trouble):
    room.befall(trouble, "PUT", "/snapshots/")
    until = in_seconds(room, 5)

    with pytest.raises(errors.CloudUnreachable):
        await room.azure.compute.request_snapshot(a_wish(), until=until)

    assert room.clock.now() == until


async def test_a_throttle_in_a_window_is_told_at_once(room):
    room.befall(Throttles(retry_after=1200), "PUT", "/snapshots/")
    before = room.clock.now()

    with pytest.raises(errors.Throttled) as caught:
        await room.azure.compute.request_snapshot(a_wish(), until=in_seconds(room, 10))

    assert caught.value.retry_after_seconds == 1200
    assert room.clock.now() - before < timedelta(seconds=1)
    assert room.sent("PUT") == 1


async def test_outside_a_window_a_refused_request_waits_its_turn(room):
    room.befall(Throttles(retry_after=7), "PUT", "/snapshots/")
    before = room.clock.now()

    await room.azure.compute.request_snapshot(a_wish())

    assert room.clock.now() - before >= timedelta(seconds=7)
    assert room.sent("PUT") == 2


async def test_the_limit_of_snapshots_has_its_own_error(room):
    room.befall(Fails(status=409, code="SnapshotsLimitReached"), "PUT", "/snapshots/")

    with pytest.raises(errors.SnapshotLimitReached):
        await room.azure.compute.request_snapshot(a_wish())


async def test_a_failed_operation_is_told_as_it_is(room):
    room.befall(OperationFails(code="SnapshotsLimitReached", message="too many"), "PUT")

    state = await room.finished(await room.azure.compute.request_snapshot(a_wish()))

    assert state.status == OperationStatus.FAILED
    assert (state.error_code, state.error_message) == ("SnapshotsLimitReached", "too many")


async def test_an_acceptance_without_an_operation_is_no_acceptance_we_know(room):
    room.befall(Fails(status=200), "PUT", "/snapshots/")

    with pytest.raises(errors.CloudUnreachable, match="without an operation"):
        await room.azure.compute.request_snapshot(a_wish())


async def test_an_acceptance_with_a_torn_body_is_followed_all_the_same(room):
    room.befall(Malformed(), "PUT", "/snapshots/")

    state = await room.finished(await room.azure.compute.request_snapshot(a_wish()))

    assert state.status == OperationStatus.SUCCEEDED


async def test_a_status_read_is_one_read_and_goes_again_when_its_answer_is_lost(room):
    requested = await room.azure.compute.request_snapshot(a_wish())
    await room.azure.compute.read_operation(requested)
    room.befall(Resets(), path="/DiskOperations/")

    await room.azure.compute.read_operation(requested)

    assert room.sent("GET", "/DiskOperations/") == 1 + 2


@pytest.mark.parametrize("trouble", [Fails(status=404, code="NotFound"), Malformed(body="[]")])
async def test_an_operation_that_cannot_be_read_is_an_error(room, trouble):
    requested = await room.azure.compute.request_snapshot(a_wish())
    room.befall(trouble, path="/DiskOperations/")

    with pytest.raises((errors.ResourceMissing, errors.CloudUnreachable)):
        await room.azure.compute.read_operation(requested)


async def test_a_snapshot_that_is_not_there_is_none(room):
    assert await room.azure.compute.find_snapshot(a_snapshot_id("nobody")) is None
    assert await room.azure.compute.find_snapshot(a_snapshot_id("nobody", "no-group")) is None


async def test_a_missing_subscription_is_an_error_not_a_missing_snapshot(room):
    elsewhere = ResourceId(a_snapshot_id().text.replace("1111", "2222"))

    with pytest.raises(errors.ResourceMissing, match="SubscriptionNotFound"):
        await room.azure.compute.find_snapshot(elsewhere)


@pytest.mark.parametrize(
    "trouble", [Resets(), Fails(status=503, retry_after=4), Malformed(), Throttles(retry_after=3)]
)
async def test_a_read_is_repeated_after_passing_trouble(room, trouble):
    id_ = await room.has()
    room.befall(trouble, path="/snapshots/", times=2)

    assert await room.azure.compute.find_snapshot(id_) is not None
    assert room.sent("GET", "/snapshots/one") == 3


async def test_a_read_gives_up_after_four_tries(room):
    room.befall(Fails(status=500), path="/snapshots/", times=9)

    with pytest.raises(errors.CloudUnreachable):
        await room.azure.compute.find_snapshot(a_snapshot_id())

    assert room.sent("GET", "/snapshots/") == 4


async def test_a_pause_longer_than_our_patience_is_not_slept(room):
    room.befall(Throttles(retry_after=1200), path="/snapshots/")
    before = room.clock.now()

    with pytest.raises(errors.Throttled) as caught:
        await room.azure.compute.find_snapshot(a_snapshot_id())

    assert caught.value.retry_after_seconds == pytest.approx(1200, abs=1)
    assert room.clock.now() - before < timedelta(seconds=1)


async def test_a_throttle_without_end_ends(room):
    room.befall(Throttles(retry_after=60), path="/snapshots/", times=100)

    with pytest.raises(errors.Throttled):
        await room.azure.compute.find_snapshot(a_snapshot_id())

    assert room.sent("GET", "/snapshots/") < 15


async def test_a_deleted_snapshot_is_read_as_gone(room):
    id_ = await room.has()

    await room.azure.compute.delete_snapshot(id_)

    assert await room.azure.compute.find_snapshot(id_) is None


async def test_deleting_what_is_gone_is_fine(room):
    await room.azure.compute.delete_snapshot(a_snapshot_id("nobody"))

    assert room.sent("DELETE") == 1


async def test_a_deletion_whose_answer_is_lost_is_asked_for_again(room):
    id_ = await room.has()
    room.befall(LosesAnswer(), "DELETE")

    await room.azure.compute.delete_snapshot(id_)

    assert await room.azure.compute.find_snapshot(id_) is None
    assert room.sent("DELETE") == 2


async def test_a_locked_snapshot_is_in_use():
    estate = an_estate(
        a_vm("db01"), locks=(LockSpec(name="keep", scope="resourceGroups/rg-diskguard-eus"),)
    )

    async with a_room(estate) as room:
        id_ = await room.has()
        with pytest.raises(errors.SnapshotInUse) as caught:
            await room.azure.compute.delete_snapshot(id_)

    assert caught.value.azure_code == "ScopeLocked"
    assert caught.value.correlation_id


async def test_another_refusal_of_a_deletion_stays_what_it_is(room):
    id_ = await room.has()
    room.befall(Fails(status=409, code="OperationNotAllowed", message="attached"), "DELETE")

    with pytest.raises(errors.ResourceConflict):
        await room.azure.compute.delete_snapshot(id_)

    assert room.sent("DELETE") == 1


async def test_a_deletion_that_fails_on_its_way_says_why(room):
    id_ = await room.has()
    room.befall(OperationFails(code="Odd", message="no"), "DELETE")

    with pytest.raises(errors.CloudRefused, match="Odd: no"):
        await room.azure.compute.delete_snapshot(id_)


async def test_a_deletion_that_never_ends_is_not_waited_for_for_ever(room):
    id_ = await room.has()
    room.befall(OperationStalls(by=timedelta(hours=3)), "DELETE")

    with pytest.raises(errors.CloudUnreachable, match="still not done"):
        await room.azure.compute.delete_snapshot(id_)

    assert room.clock.now() - in_seconds(room, 0) < timedelta(minutes=10)


async def test_a_snapshot_that_does_not_go_away_is_not_called_gone(room):
    id_ = await room.has()
    room.befall(Fails(status=204), "DELETE")

    with pytest.raises(errors.CloudUnreachable, match="still shows it"):
        await room.azure.compute.delete_snapshot(id_)


async def test_tags_are_merged_and_taken_away_one_by_one(room):
    id_ = await room.has()

    await room.azure.compute.merge_tags(id_, {"a": "1", "b": "2"})
    await room.azure.compute.remove_tags(id_, {"a": "1", "nobody": "x"})
    snapshot = await room.azure.compute.find_snapshot(id_)

    assert snapshot is not None
    assert snapshot.tags == {"diskguard-attempt": "n-1", "b": "2"}
    assert room.sent("PATCH", "/snapshots/one/providers/Microsoft.Resources/tags/default") == 2


async def test_a_hanging_request_without_an_end_is_given_up_all_the_same(room):
    room.befall(Hangs(), "PUT", "/snapshots/")
    before = room.clock.now()

    with pytest.raises(errors.CloudUnreachable):
        await room.azure.compute.request_snapshot(a_wish())

    assert room.clock.now() - before <= timedelta(seconds=61)


async def test_the_clocks_are_compared_to_half_a_second(room):
    assert room.azure.compute.clock_offset() == timedelta()

    for number in range(5):
        await room.azure.compute.find_snapshot(a_snapshot_id(f"n{number}"))
        await asyncio.sleep(0.3)

    assert abs(room.azure.compute.clock_offset()) < timedelta(seconds=0.5)
