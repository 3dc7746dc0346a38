"""The budget at work, and the two clocks."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from multidict import CIMultiDict
from tests.azure.rooms import (
    LoopClock,
    a_disk_id,
    a_room,
    a_snapshot_id,
    a_vm_id,
    a_wish,
    in_seconds,
)
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import SUBSCRIPTION

from diskguard.azure.charges import Call, charges_of
from diskguard.azure.pacing import ClockOffset, Pacer, read_remaining
from diskguard.errors import Throttled
from diskguard.model.events import Event, Slowed
from diskguard.model.ids import Region
from diskguard.ports import Reservation
from diskguard_emulator.faults import Throttles

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SNAPSHOT = f"https://x/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Compute/snapshots/x"


def a_pacer(notice: Callable[[Event], None] = lambda event: None) -> Pacer:
    return Pacer(clock=LoopClock(), notice=notice)


def a_window(snapshots: int, attempt: str = "a") -> Reservation:
    return Reservation(
        attempt=attempt,
        subscription=SUBSCRIPTION,
        region=Region("eastus"),
        snapshots=snapshots,
    )


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_date(instant: datetime) -> str:
    return instant.strftime("%a, %d %b %Y %H:%M:%S GMT")


def test_before_the_first_answer_the_clocks_are_taken_to_agree():
    assert ClockOffset().value == timedelta()


def test_many_answers_bound_the_offset_tightly():
    offset, truth = ClockOffset(), timedelta(seconds=3.4)

    for tenth in range(0, 100, 7):
        sent = after(tenth / 10)
        offset.learn(a_date(sent + truth), sent, sent + timedelta(milliseconds=40))

    assert abs(offset.value - truth) < timedelta(milliseconds=150)


def test_a_clock_that_was_set_starts_the_count_anew():
    offset = ClockOffset()
    offset.learn(a_date(NOON), NOON, NOON)

    offset.learn(a_date(after(500)), NOON, NOON)

    assert offset.value == timedelta(seconds=500.5)


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_an_answer_without_a_date_teaches_nothing(date):
    offset = ClockOffset()

    offset.learn(date, NOON, NOON)

    assert offset.value == timedelta()


def test_the_remaining_tokens_are_read_from_several_headers_too():
    headers = CIMultiDict(
        [
            ("X-MS-RateLimit-Remaining-Resource", "Microsoft.Compute/A3Min;1"),
            ("x-ms-ratelimit-remaining-resource", "Microsoft.Compute/A30Min;2"),
            ("x-ms-ratelimit-remaining-subscription-reads", "3"),
            ("x-ms-ratelimit-remaining-subscription-global-reads", "4"),
            ("x-ms-ratelimit-remaining-subscription-writes", "many"),
        ]
    )

    assert read_remaining(headers) == {"A3Min": 1, "A30Min": 2, "reads": 3, "global-reads": 4}


async def test_a_request_beyond_the_budget_waits_for_its_token():
    pacer, loop = a_pacer(), asyncio.get_running_loop()
    url = SNAPSHOT.replace("snapshots/x", "virtualMachines/db01/runCommand")

    for _ in range(12):
        await pacer.admit("POST", url, Call())

    assert loop.time() == pytest.approx(15, abs=0.1)


async def test_a_windows_request_beyond_the_budget_is_refused_at_once():
    pacer = a_pacer()
    pacer.budget.close(charges_of("PUT", SNAPSHOT, Call()), 30, 0)

    with pytest.raises(Throttled) as caught:
        await pacer.admit("PUT", SNAPSHOT, Call(window=True))

    assert caught.value.retry_after_seconds == 30
    assert asyncio.get_running_loop().time() == 0


async def test_a_reservation_waits_for_the_budget_but_not_for_ever():
    pacer, loop = a_pacer(), asyncio.get_running_loop()
    url = SNAPSHOT.replace("microsoft.compute", "microsoft.resources")
    for _ in range(190):
        await pacer.admit("PUT", url, Call())

    await pacer.reserve(a_window(60), timedelta(seconds=30))
    waited = loop.time()
    with pytest.raises(Throttled):
        await pacer.reserve(a_window(60), timedelta(seconds=5))

    assert waited == pytest.approx(6.3, abs=0.01)  # 60, one that arms, two afterwards: 10 a second
    assert loop.time() == waited


async def test_a_reservation_larger_than_the_bucket_is_refused_for_good():
    with pytest.raises(Throttled, match="never so many") as caught:
        await a_pacer().reserve(a_window(500), timedelta(hours=1))

    assert caught.value.retry_after_seconds is None


async def test_one_refusal_is_told_once_and_slows_the_whole_run(room):
    room.befall(Throttles(retry_after=8), path="/snapshots/")
    started = room.clock.now()

    async with asyncio.TaskGroup() as tasks:
        for name in ("a", "b", "c"):
            tasks.create_task(room.azure.compute.find_snapshot(a_snapshot_id(name)))
    await room.azure.compute.find_vm(a_vm_id())

    (slowed,) = [event for event in room.events if isinstance(event, Slowed)]
    assert (slowed.subscription, slowed.seconds) == (SUBSCRIPTION, 8)
    assert slowed.bucket.startswith("LowCostGet")
    assert room.sent("GET", "/snapshots/") == 4
    assert room.clock.now() - started >= timedelta(seconds=8)


async def test_resource_managers_own_refusal_closes_its_own_bucket(room):
    room.befall(Throttles(retry_after=8, by_compute=False), path="/snapshots/")

    await room.azure.compute.find_snapshot(a_snapshot_id())

    assert [event.bucket for event in room.events if isinstance(event, Slowed)] == ["reads"]


async def test_a_window_goes_first_while_others_pause(room):
    await room.azure.compute.reserve_window(a_window(3), within=timedelta(seconds=5))
    room.befall(Throttles(retry_after=60), path="/virtualMachines")
    slow = asyncio.ensure_future(room.azure.compute.find_vm(a_vm_id()))
    await asyncio.sleep(1)
    before = room.clock.now()

    await room.azure.compute.request_snapshot(a_wish(), until=in_seconds(room, 5))

    assert room.clock.now() - before < timedelta(seconds=1)
    assert not slow.done()
    assert await slow is not None


async def test_a_run_over_many_vms_never_meets_a_429():
    vms = [a_vm(f"vm{number}", 0) for number in range(60)]
    async with a_room(an_estate(*vms)) as room, asyncio.TaskGroup() as tasks:
        for number in range(400):
            wish = a_wish(f"s{number}", source=a_disk_id(f"vm{number % 60}-os"))
            tasks.create_task(room.azure.compute.request_snapshot(wish))

    assert {entry.status for entry in room.cloud.api.log.of("PUT")} == {202}
    assert room.sent("PUT") == 400


async def test_reservations_are_served_in_the_order_they_came_and_none_starves():
    pacer = a_pacer()
    served: list[int] = []

    async def reserve(number: int, snapshots: int) -> None:
        await pacer.reserve(a_window(snapshots, f"a{number}"), timedelta(minutes=5))
        served.append(number)
        await asyncio.sleep(30)
        pacer.budget.give_back(f"a{number}")

    async with asyncio.TaskGroup() as tasks:
        for number, snapshots in enumerate((180, 60, 1, 1)):
            tasks.create_task(reserve(number, snapshots))

    assert served == [0, 1, 2, 3]
