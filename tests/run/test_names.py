"""The names of a point: whose what is already there is, and what becomes of it."""

import asyncio
from typing import Any

import pytest
from tests.run.invariants import puts, the_point
from tests.support.estates import a_vm, an_estate, snapshot_body
from tests.support.inprocess import Fuse
from tests.support.policies import CRASH, EVERY_VM, ONE_REGION
from tests.support.runs import EPOCH, Stage, a_stage

from diskguard.model.report import Result
from diskguard.model.restore_point import PointState
from diskguard.plan.backup import plan_backup
from diskguard.plan.points import ATTEMPT_LIFETIME
from diskguard_emulator.faults import LosesAnswer, OperationFails
from diskguard_emulator.resources import Disk, Snapshot

UNFROZEN = ONE_REGION + CRASH + EVERY_VM
FROZEN = UNFROZEN.replace("crash", "fsfreeze")


def two_vms(text: str = UNFROZEN, *, disks: int = 1):
    vms = (a_vm("db01", disks, guest="virtual"), a_vm("web01", 0, guest="virtual"))
    return a_stage(an_estate(*vms), text)


def planned(stage: Stage):
    """The plan of the slot EPOCH, made from what was there before anything else came."""
    return {"plan_backup": lambda estate: plan_backup(stage.policy, estate, now=EPOCH)}


async def names_of(stage: Stage, vm: str) -> list[str]:
    """What the members of the slot EPOCH of that VM will be called."""
    estate = (await stage.look()).estate
    [plan] = [each for each in plan_backup(stage.policy, estate, now=EPOCH).vms if each.name == vm]
    return [member.wish.id.name for member in plan.members]


async def a_stranger_takes(stage: Stage, name: str, disk: str = "web01-os") -> None:
    """Somebody else makes a snapshot of that name."""
    source = next(each for each in stage.cloud.world.every(Disk) if each.name == disk)
    async with stage.cloud.compute() as compute:
        body: Any = snapshot_body(source.id)
        poller = await compute.snapshots.begin_create_or_update("rg-diskguard-eus", name, body)
        await poller.result()
    stage.cloud.api.log.clear()


def plan_made_before(stage: Stage, look):
    """A plan from an old look: what came since is met by the run itself."""
    return {"plan_backup": lambda _: plan_backup(stage.policy, look.estate, now=EPOCH)}


@pytest.mark.parametrize("text", [UNFROZEN, FROZEN], ids=["crash", "frozen"])
@pytest.mark.parametrize("disks", [1, 5], ids=["looked at one by one", "listed"])
async def test_a_strangers_snapshot_under_our_name_ends_this_vm_and_no_other(text, disks):
    async with two_vms(text, disks=disks) as stage:
        before = await stage.look()
        name = (await names_of(stage, "db01"))[-1]
        await a_stranger_takes(stage, name)

        report = await stage.back_up(**plan_made_before(stage, before))

        taken, done = report.vms
        assert report.exit_status == 3
        assert taken.failure is not None
        assert taken.failure.code == "name-taken"
        assert name in taken.failure.message
        assert done.result is Result.DONE
        assert name not in puts(stage)
        assert stage.cloud.api.log.of("DELETE") == []
        assert sum(puts(stage).values()) == 1


async def test_a_stranger_that_comes_between_the_look_and_the_put_is_never_put_over():
    """It is put at the same instant; what answers then is read, and is not of this attempt."""
    async with two_vms() as stage:
        name = (await names_of(stage, "db01"))[-1]
        stage.suffers(LosesAnswer(), "PUT", name)
        robber = asyncio.ensure_future(_rob(stage, name))

        report = await stage.back_up(**planned(stage))
        await robber

        taken, done = report.vms
        assert taken.result is Result.FAILED
        assert taken.failure is not None
        assert "made by another run" in taken.failure.message
        assert done.result is Result.DONE
        assert [each.id.name for each in await stage.snapshots() if "db01" in each.id.name] == [
            name
        ]


async def _rob(stage: Stage, name: str) -> None:
    """Wait for the PUT, then replace what it made by a snapshot that bears other tags."""
    while True:
        made = next((s for s in stage.cloud.world.every(Snapshot) if s.name == name), None)
        if made is not None:
            made.tags = {**(made.tags or {}), "diskguard-nonce": "f" * 16}
            return
        await asyncio.sleep(0.01)


async def test_the_point_of_another_policy_under_our_name_ends_this_vm():
    async with two_vms() as stage:
        before = await stage.look()
        await stage.back_up(**planned(stage))
        stage.cloud.api.log.clear()
        for snapshot in stage.cloud.world.every(Snapshot):
            snapshot.tags = {**(snapshot.tags or {}), "diskguard-policy": "another"}

        report = await stage.back_up(**plan_made_before(stage, before), plan_recovery=None)

        assert report.exit_status == 1
        assert {vm.failure.code for vm in report.vms if vm.failure} == {"name-taken"}
        assert stage.cloud.api.log.writes() == []


@pytest.mark.parametrize("text", [UNFROZEN, FROZEN], ids=["crash", "frozen"])
async def test_a_slot_another_machine_has_sealed_is_skipped(text):
    async with two_vms(text) as stage:
        before = await stage.look()
        await stage.back_up(**planned(stage))
        stage.cloud.api.log.clear()

        report = await stage.on_another_machine().back_up(
            **plan_made_before(stage, before), plan_recovery=None
        )

        assert report.exit_status == 0
        assert {vm.result for vm in report.vms} == {Result.SKIPPED}
        assert puts(stage) == {}
        assert stage.cloud.api.log.of("DELETE") == []


async def test_a_young_unsealed_point_is_left_alone_and_skipped():
    async with two_vms() as stage:
        before = await stage.look()
        cut = Fuse(await _requests_until_sealing(), after=False)
        await stage.back_up_until(cut, **planned(stage))
        stage.cloud.api.log.clear()

        report = await stage.on_another_machine().back_up(
            **plan_made_before(stage, before), plan_recovery=None
        )

        assert report.exit_status == 0
        assert Result.SKIPPED in {vm.result for vm in report.vms}
        assert stage.cloud.api.log.of("DELETE") == []


async def test_an_old_unsealed_leftover_is_deleted_and_read_as_gone_before_the_name_is_put():
    async with two_vms() as stage:
        before = await stage.look()
        cut = Fuse(await _requests_until_sealing(), after=False)
        await stage.back_up_until(cut, **planned(stage))
        await asyncio.sleep(ATTEMPT_LIFETIME.total_seconds() + 60)
        stage.cloud.api.log.clear()

        report = await stage.back_up(**plan_made_before(stage, before), plan_recovery=None)

        assert report.exit_status == 0, report
        assert {point.state for point in await stage.points()} == {PointState.COMPLETE}
        for name in puts(stage):
            told = [(e.method, e.status) for e in stage.cloud.api.log if e.path.endswith(name)]
            if ("DELETE", 202) in told:
                deleted = told.index(("DELETE", 202))
                assert ("GET", 404) in told[deleted : told.index(("PUT", 202))]


async def test_a_young_leftover_that_failed_is_replaced_at_once():
    """What holds no data and is ours nobody can be waiting for."""
    fails = (OperationFails(), "PUT", "web01.*-os$")
    async with two_vms() as stage:
        before = await stage.look()
        stage.suffers(*fails)
        cut = Fuse(await _requests_until("DELETE", "web01", fails), after=False)
        await stage.back_up_until(cut, **planned(stage))
        assert "Failed" in {each.provisioning for each in stage.cloud.world.every(Snapshot)}

        report = await stage.back_up(**plan_made_before(stage, before), plan_recovery=None)

        results = {vm.source: vm.result for vm in report.vms}
        assert results["web01"] is Result.DONE


async def test_a_slot_is_backed_up_once_however_often_it_is_asked_for():
    async with two_vms() as stage:
        first = await stage.back_up(**planned(stage))
        second = await stage.back_up(**planned(stage))

        assert first.exit_status == second.exit_status == 0
        assert second.vms == ()
        assert set(puts(stage).values()) == {1}
        assert (await stage.points())[0].state is PointState.COMPLETE


async def _requests_until(method: str, fragment: str, *faults: Any) -> int:
    """Which request of an undisturbed run is the first of that kind."""
    async with two_vms() as stage:
        for fault in faults:
            stage.suffers(*fault)
        await stage.back_up(**planned(stage))
        first = stage.cloud.api.log.of(method, fragment)[0]
        return [entry.number for entry in stage.cloud.api.log].index(first.number) + 1


async def _requests_until_sealing() -> int:
    return await _requests_until("PATCH", "/tags/")


async def test_the_seal_is_the_last_write():
    async with a_stage(an_estate(a_vm("db01", 2, guest="virtual")), FROZEN) as stage:
        await stage.back_up()

        last = stage.cloud.api.log.writes()[-1]
        assert (last.method, "/tags/default" in last.path) == ("PATCH", True)
        assert (await the_point(stage)).seal is not None
