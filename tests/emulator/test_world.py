"""The world under the wire: bugs are kept, every guest is closed, ids and headers know no case."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.emulator.scripted import give_guest
from tests.emulator.wire import Wire, vm
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import a_cloud, running_cloud

from diskguard_emulator import ids
from diskguard_emulator.clock import VIRTUAL_EPOCH, LoopOrEpochClock, RealClock
from diskguard_emulator.guests.port import GuestFacts
from diskguard_emulator.guests.registry import make_guest
from diskguard_emulator.guests.silent import SilentGuest
from diskguard_emulator.operations import wire_time
from diskguard_emulator.resources import Progress, Vm
from diskguard_emulator.wire import Headers, Response


async def breaks(_):
    raise KeyError("a bug of the guest")


async def test_a_bug_ends_its_operation_and_is_told_at_the_end(tmp_path):
    cloud = a_cloud(an_estate(a_vm("db01")), tmp_path)
    wire = Wire(cloud)
    give_guest(cloud, breaks, vm())
    body = {"commandId": "RunShellScript", "script": ["true"]}
    ended = await wire.end_of(await wire.post(f"{vm()}/runCommand", body))

    assert (ended["status"], ended["error"]["code"]) == ("Failed", "EmulatorBug")
    with pytest.raises(BaseExceptionGroup, match="bugs in the emulator"):
        await cloud.close()


class SulkingGuest(SilentGuest):
    """A guest that cannot be closed."""

    def __init__(self):
        self.asked = 0

    async def close(self):
        self.asked += 1
        raise OSError("busy")


async def test_every_guest_is_closed_though_some_refuse(tmp_path):
    cloud = a_cloud(an_estate(a_vm("one"), a_vm("two")), tmp_path)
    guests = []
    for each in cloud.world.every(Vm):
        each.guest = SulkingGuest()
        guests.append(each.guest)
    await cloud.world.close()

    assert [guest.asked for guest in guests] == [1, 1]
    assert len(cloud.world.bugs) == 2


async def test_closing_a_world_ends_what_is_under_way():
    async with running_cloud(an_estate(a_vm("db01"))) as cloud:
        await Wire(cloud).post(f"{vm()}/deallocate")
        assert cloud.world.operations.running()

    assert len(asyncio.all_tasks()) == 1


async def test_a_silent_guest_holds_nothing_and_refuses_scripts(tmp_path):
    facts = GuestFacts(vm_id="x", vm_name="x", os_type="Linux", disks=(), running=True)
    guest = make_guest("none", facts, RealClock(), tmp_path)
    await guest.start()
    await guest.power_off()
    await (await guest.clone_disk(None)).drop()
    await guest.close()

    assert not guest.agent_answers
    with pytest.raises(AssertionError, match="silent guest"):
        await guest.run_script("true")


async def test_the_loops_clock_begins_at_the_epoch():
    clock = LoopOrEpochClock()
    await asyncio.sleep(90)

    assert clock.now() == VIRTUAL_EPOCH + timedelta(seconds=90)


def test_clocks_without_a_loop():
    assert LoopOrEpochClock().now() == VIRTUAL_EPOCH
    assert RealClock().now().tzinfo is UTC


def test_a_time_on_the_wire_has_seven_digits():
    instant = datetime(2023, 11, 6, 3, 59, 15, 83185, tzinfo=UTC)

    assert wire_time(instant) == "2023-11-06T03:59:15.0831850+00:00"


@pytest.mark.parametrize(
    "text", ["", "/subscriptions/s", "/subscriptions/s/resourceGroups/g/x/y/z/w/v", "/a" * 8]
)
def test_what_is_no_resource_id_is_none(text):
    assert ids.parse(text) is None


def test_a_nested_id_is_taken_apart_and_put_together():
    text = "/subscriptions/s/resourceGroups/g/providers/N.S/a/x/b/y"
    place = ids.parse(text)

    assert place == ids.Place("s", "g", "N.S/a/b", "x/y")
    assert ids.of_resource("s", "g", "N.S/a/b", "x/y") == text


def test_headers_know_no_case_and_keep_their_spelling():
    headers = Headers({"Retry-After": "2"})
    headers["retry-AFTER"] = "3"
    del headers["RETRY-after"]
    headers["ETag"] = '"1"'

    assert (list(headers), len(headers), headers["etag"]) == (["ETag"], 1, '"1"')


def test_an_empty_answer_has_no_payload():
    assert Response(status=204).payload() == b""


def test_a_copy_that_stands_still_goes_on_where_it_stood():
    began = datetime(2026, 1, 1, tzinfo=UTC)
    progress = Progress(began=began, lasts=timedelta(seconds=100))
    progress.stand(began + timedelta(seconds=30))
    progress.stand(began + timedelta(seconds=60))
    progress.go_on(began + timedelta(seconds=80))
    progress.go_on(began + timedelta(seconds=90))

    assert progress.percent(began + timedelta(seconds=100)) == 50.0
    assert progress.done(began + timedelta(seconds=150))
    assert Progress(began=began, lasts=timedelta()).done(began)
