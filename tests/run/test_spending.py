"""What a run costs: requests, status reads, the length of a freeze, and what the next run learns."""

import asyncio
from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from tests.run.invariants import primaries, refused_as_too_many, the_point
from tests.support.estates import a_data_disk, a_vm, an_estate, snapshot_body
from tests.support.runs import Stage, a_stage

from diskguard.model.events import PointSealed
from diskguard.model.report import Result
from diskguard.model.restore_point import Grade, PointState
from diskguard_emulator.faults import Delays, OperationStalls, Throttles
from diskguard_emulator.log import Entry
from diskguard_emulator.resources import Disk, Snapshot
from diskguard_emulator.settings import Latencies, exactly

PRIMARY_ONLY = """
version: 1
name: test-policy
azure: {{subscriptions: ["{subscription}"]}}
locations: {{primary: {{resource_group: rg-diskguard-eus}}}}
rules: [{{name: all, select: {{include: [{{names: ["*"]}}]}}}}]
"""
CRASH = PRIMARY_ONLY.replace("rules:", "consistency: {{linux: crash}}\nrules:")


def a_stage_of(*vms, text: str = PRIMARY_ONLY):
    return a_stage(an_estate(*vms), text)


def status_reads(stage: Stage) -> int:
    return len(stage.cloud.api.log.of("GET", "/DiskOperations/"))


async def an_hour_passes() -> None:
    await asyncio.sleep(3600)


# -- status reads --------------------------------------------------------------------------------


@pytest.mark.parametrize("disks", [1, 16, 63])
async def test_from_the_second_backup_on_a_member_costs_one_status_read(disks):
    async with a_stage_of(a_vm("db01", disks, guest="virtual")) as stage:
        await stage.back_up()
        await an_hour_passes()
        stage.cloud.api.log.clear()

        report = await stage.back_up()

        assert report.exit_status == 0, report
        assert status_reads(stage) <= (disks + 1) * 1.1
        assert refused_as_too_many(stage) == []


async def test_an_unfinished_member_alone_is_read_again():
    async with a_stage_of(a_vm("db01", 4, guest="virtual"), text=CRASH) as stage:
        await stage.back_up()
        await an_hour_passes()
        stage.cloud.api.log.clear()
        stage.suffers(OperationStalls(by=timedelta(seconds=20)), "PUT", "-lun01$")

        report = await stage.back_up()

        assert report.exit_status == 0, report
        assert 5 < status_reads(stage) <= 5 + 6


async def test_the_window_ends_by_itself_and_not_when_we_saw_it_end():
    async with a_stage_of(a_vm("db01", 1, guest="virtual")) as stage:
        stage.suffers(Delays(by=timedelta(seconds=15)), "GET", "/DiskOperations/", times=100)

        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.consistency is not None
        assert outcome.consistency.achieved is Grade.FILESYSTEM
        assert stage.guest().longest_freeze <= timedelta(seconds=10)


@pytest.mark.parametrize("disks", [1, 4, 16, 63])
async def test_a_backup_without_copies_stays_within_its_requests(disks):
    """Issue 2: at most 2.4 a disk and 12."""
    async with a_stage_of(a_vm("db01", disks, guest="virtual")) as stage:
        await stage.back_up()
        await an_hour_passes()
        stage.cloud.api.log.clear()

        await stage.back_up()

        assert len(_spent_on_one_vm(stage)) <= 2.4 * (disks + 1) + 12


def _spent_on_one_vm(stage: Stage) -> list[Entry]:
    """All but the lists, which a thousand VMs share."""
    marks = ("/db01", "operations/", "/tags/")
    return [e for e in stage.cloud.api.log if any(mark in e.path.lower() for mark in marks)]


async def test_a_healthy_run_of_many_vms_meets_no_429():
    vms = [a_vm(f"vm{number:03}", 2, guest="virtual") for number in range(40)]
    async with a_stage_of(*vms) as stage:
        report = await stage.back_up()

        assert report.exit_status == 0
        assert {vm.result for vm in report.vms} == {Result.DONE}
        assert refused_as_too_many(stage) == []


async def test_a_list_that_brings_a_429_slows_the_run_and_not_its_end():
    vms = [a_vm(f"vm{number:03}", 0, guest="virtual") for number in range(4)]
    async with a_stage_of(*vms) as stage:
        stage.suffers(Throttles(retry_after=20), "GET", "/virtualMachines$", times=1)

        report = await stage.back_up()

        assert report.exit_status == 0
        assert len(refused_as_too_many(stage)) == 1


# -- learning ------------------------------------------------------------------------------------


async def test_the_second_backups_freeze_is_shorter_and_its_lead_is_learned():
    async with a_stage_of(a_vm("db01", 1, guest="virtual")) as stage:
        stage.cloud.world.settings.quick()
        await stage.back_up()
        first = max(each.until - each.since for each in stage.guest().history)
        waited_first = _lead(stage)
        await an_hour_passes()
        stage.cloud.api.log.clear()
        seen = len(stage.guest().history)

        await stage.back_up()

        second = max(each.until - each.since for each in stage.guest().history[seen:])
        assert second < first / 2
        assert _lead(stage) < waited_first
        assert [event.achieved for event in stage.ear.of(PointSealed)] == [Grade.FILESYSTEM] * 2


async def test_a_guest_that_answers_slowly_needs_one_attempt_from_the_second_backup_on():
    async with a_stage_of(a_vm("db01", 1, guest="virtual")) as stage:
        slow = Latencies(after_script=exactly(40), script_at_least=exactly(1))
        stage.cloud.world.settings.latencies = slow
        await stage.back_up()
        await an_hour_passes()

        await stage.back_up()

        assert stage.guest().verbs == ["arm", "arm", "collect", "arm", "collect"]


def _lead(stage: Stage) -> timedelta:
    """From the arming's POST to the first snapshot's PUT."""
    log = stage.cloud.api.log
    return log.of("PUT", "-os")[0].at - log.of("POST", "/runCommand")[0].at


async def test_a_hold_that_was_learned_too_short_costs_one_attempt_and_not_the_proof():
    async with a_stage_of(a_vm("db01", 1, guest="virtual")) as stage:
        await stage.back_up()
        await an_hour_passes()
        stage.suffers(OperationStalls(by=timedelta(seconds=4)), "PUT", "-lun00$", times=2)

        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.consistency is not None
        assert outcome.consistency.achieved is Grade.FILESYSTEM
        assert stage.guest().verbs[2:] == ["arm", "collect", "arm", "collect"]


# -- Azure's limits ------------------------------------------------------------------------------


@pytest.mark.parametrize("at_put", [True, False], ids=["refused at once", "failed afterwards"])
async def test_a_disk_with_too_many_snapshots_is_unfinished_and_its_leftover_deleted(at_put):
    async with a_stage_of(a_vm("db01", 1, guest="virtual"), text=CRASH) as stage:
        stage.cloud.world.settings.limit_refused_at_put = at_put
        disk = next(each for each in stage.cloud.world.every(Disk) if each.name.endswith("data0"))
        disk.recent.extend([stage.cloud.world.clock.now()] * 7)

        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.failure is not None
        assert "SnapshotsLimitReached" in outcome.failure.message
        assert await stage.snapshots() == ()
        assert stage.cloud.api.log.of("DELETE", "-lun00")


async def test_seven_snapshots_in_five_minutes_are_not_exceeded_by_attempts_of_one_run():
    async with a_stage_of(a_vm("db01", 1, guest="virtual")) as stage:
        stage.guest().have(report_lost=True)

        for _ in range(3):
            await stage.back_up()

        assert [e for e in stage.cloud.api.log if e.code == "SnapshotsLimitReached"] == []
        assert {point.state for point in await stage.points()} == {PointState.COMPLETE}


async def test_a_disk_that_has_500_snapshots_is_refused_before_anything_is_asked():
    async with a_stage_of(
        a_vm("db01", 0, guest="virtual"), a_vm("web01", 0, guest="virtual"), text=CRASH
    ) as stage:
        await _snapshots_of_others(stage, "db01-os", 500)
        stage.cloud.api.log.clear()

        report = await stage.back_up()

        assert report.exit_status == 8
        full = next(vm for vm in report.vms if vm.failure is not None)
        assert full.source == "db01"
        assert full.failure is not None
        assert full.failure.code == "snapshot-limit-reached"
        assert set(primaries(stage)) == {n for n in primaries(stage) if n.startswith("web01")}


async def _snapshots_of_others(stage: Stage, disk: str, count: int) -> None:
    """So many snapshots of the disk, in the policy's group, made by somebody else."""
    world = stage.cloud.world
    source = next(each for each in world.every(Disk) if each.name == disk)
    async with stage.cloud.compute() as compute:
        body: Any = snapshot_body(source.id)
        poller = await compute.snapshots.begin_create_or_update("rg-diskguard-eus", "old-0", body)
        await poller.result()
    first = next(world.every(Snapshot))
    for number in range(1, count):
        other = copy(first)
        other.name = f"old-{number}"
        other.id = first.id.replace("old-0", other.name)
        other.image = None
        world.add(other)
        source.snapshots[other.key] = other


# -- Premium SSD v2 and Ultra --------------------------------------------------------------------


def with_fast_disks(sku: str = "PremiumV2_LRS"):
    return a_vm("db01", disks=(a_data_disk(0, sku=sku), a_data_disk(1)), guest="virtual")


@pytest.mark.parametrize("sku", ["PremiumV2_LRS", "UltraSSD_LRS"])
async def test_a_point_copied_in_the_background_is_sealed_at_once_and_pending_until_done(sku):
    async with a_stage_of(with_fast_disks(sku)) as stage:
        report = await stage.back_up()

        point = await the_point(stage)
        assert report.exit_status == 0
        assert point.seal is not None
        assert point.seal.consistency.achieved is Grade.FILESYSTEM
        assert point.state is PointState.PENDING

        await asyncio.sleep(180)
        assert (await the_point(stage)).state is PointState.COMPLETE


async def test_a_fourth_background_copy_at_once_is_refused_and_the_next_run_makes_good():
    async with a_stage_of(with_fast_disks(), text=CRASH) as stage:
        stage.cloud.world.settings.latencies = Latencies(background=exactly(3600))
        statuses = []
        for _ in range(4):
            statuses.append((await stage.back_up()).exit_status)
            await asyncio.sleep(120)
        await asyncio.sleep(7200)

        last = await stage.back_up()

        assert statuses[:3] == [0, 0, 0]
        assert statuses[3] != 0
        assert last.exit_status == 0
        assert len(await stage.points()) == 4
