"""What holds after every run, whatever befell it."""

import asyncio
from collections import Counter
from datetime import timedelta

from tests.support.runs import Stage

from diskguard.model.restore_point import Location, PointState, RestorePoint
from diskguard_emulator.guests.virtual import VirtualGuest
from diskguard_emulator.log import Entry
from diskguard_emulator.resources import Vm

LIMIT = timedelta(seconds=10)  # the policy's default `freeze_limit`


async def check_nothing_stands_still(stage: Stage) -> None:
    """No guest is frozen, none was frozen for too long, no VM is left stopped or marked."""
    await asyncio.sleep(LIMIT.total_seconds() + 1)  # what a dead run armed ends by itself
    for vm in stage.cloud.world.every(Vm):
        assert isinstance(vm.guest, VirtualGuest)
        assert vm.guest.longest_freeze <= LIMIT + timedelta(seconds=1)
        assert not vm.guest.is_frozen
        assert not vm.guest.stopped
        assert "diskguard-stopped" not in (vm.tags or {})


async def check_every_sealed_point_is_whole(stage: Stage) -> None:
    """What bears a seal has all its members, all of one attempt; nothing of ours became strange."""
    assembly = await stage.assembly()
    assert assembly.strangers == ()
    for point in assembly.points:
        for part in point.parts:
            assert part.seal is None or part.state is not PointState.INCOMPLETE
        for location in Location:
            members = assembly.members(point.id, location)
            sealed = any(member.seal for member in members)
            assert not sealed or len({member.nonce for member in members}) == 1


def check_no_name_was_put_blindly(stage: Stage) -> None:
    """Between two PUTs of one name somebody read that it was free, or made it free."""
    last: dict[str, Entry] = {}
    for entry in stage.cloud.api.log:
        if "/snapshots/" not in entry.path.lower() or "/tags/" in entry.path.lower():
            continue
        name = entry.path.lower()
        before = last.get(name)
        if entry.method == "PUT" and before is not None:
            assert before.method != "PUT" or before.status in (403, 429), name
        free = entry.method == "DELETE" or (entry.method == "GET" and entry.status == 404)
        if entry.method == "PUT" or free:
            last[name] = entry


def puts(stage: Stage) -> Counter[str]:
    """How often a snapshot of each name was asked for."""
    return Counter(
        entry.path.rpartition("/")[2] for entry in stage.cloud.api.log.of("PUT", "/snapshots/")
    )


def primaries(stage: Stage) -> Counter[str]:
    """The same, of the primary location only."""
    return Counter(
        entry.path.rpartition("/")[2]
        for entry in stage.cloud.api.log.of("PUT", "/rg-diskguard-eus/")
    )


def refused_as_too_many(stage: Stage) -> list[Entry]:
    """Requests that Azure answered with 429."""
    return [entry for entry in stage.cloud.api.log if entry.status == 429]


async def the_point(stage: Stage) -> RestorePoint:
    """The only restore point there is."""
    [point] = await stage.points()
    return point
