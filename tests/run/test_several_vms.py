"""Many VMs in one run: each stands for itself."""

from dataclasses import replace
from datetime import timedelta

from tests.run.invariants import check_nothing_stands_still, primaries
from tests.support.estates import a_data_disk, a_loose_disk, a_vm, an_estate
from tests.support.runs import a_stage

from diskguard.model.events import PhaseEntered, PointSealed, RunStarted, SourceFailed, Warned
from diskguard.model.guest import Armed, FreezeRequest, GuestReport, ThawReport
from diskguard.model.ids import ResourceId
from diskguard.model.report import Result
from diskguard.model.restore_point import Grade
from diskguard.plan.backup import plan_backup
from diskguard.plan.backup_plan import Mode
from diskguard.ports import Guest
from diskguard.run.line import Run
from diskguard_emulator.estate import NamedSpec
from diskguard_emulator.faults import Fails
from diskguard_emulator.resources import Snapshot

POLICY = """
version: 1
name: test-policy
azure: {{subscriptions: ["{subscription}"]}}
locations: {{primary: {{resource_group: rg-diskguard-eus}}}}
rules: [{{name: all, select: {{include: [{{names: ["*"]}}]}}}}]
"""
LIMITED = POLICY.replace("rules:", "limits: {{parallel_vms: 2}}\nrules:")
CRASH = POLICY.replace("rules:", "consistency: {{linux: crash}}\nrules:")


def three_vms(text: str = POLICY):
    vms = [a_vm(name, 1, guest="virtual") for name in ("app01", "db01", "web01")]
    return a_stage(an_estate(*vms), text)


async def test_what_fails_stays_with_its_vm_and_the_run_goes_on():
    async with three_vms() as stage:
        stage.suffers(Fails(status=400, code="BadRequest"), "PUT", "/snapshots/db01", times=99)

        report = await stage.back_up()

        results = {vm.source: vm.result for vm in report.vms}
        assert results == {"app01": Result.DONE, "db01": Result.FAILED, "web01": Result.DONE}
        assert report.exit_status == 3
        [failed] = stage.ear.of(SourceFailed)
        assert failed.source == "db01"
        await check_nothing_stands_still(stage)


async def test_all_failing_for_one_reason_give_that_reasons_exit_code():
    async with three_vms(CRASH) as stage:
        stage.suffers(Fails(status=403, code="AuthorizationFailed"), "PUT", "/snapshots/", times=99)

        report = await stage.back_up()

        assert report.exit_status == 7


async def test_never_more_vms_at_once_than_the_policy_allows():
    async with three_vms(LIMITED) as stage:
        report = await stage.back_up()

        assert report.exit_status == 0
        under_way: set[str] = set()
        most = 0
        for event in stage.ear.heard:
            if isinstance(event, PhaseEntered) and event.phase == "arming":
                under_way.add(event.source)
                most = max(most, len(under_way))
            if isinstance(event, PointSealed):
                under_way.discard(event.source)
        assert most == 2


async def test_vms_run_side_by_side():
    async with three_vms() as stage:
        alone = await _how_long(1)

        report = await stage.back_up()

        assert report.ended_at - report.started_at < alone * 1.3


async def _how_long(vms: int) -> timedelta:
    estate = an_estate(*(a_vm(f"vm{number}", 1, guest="virtual") for number in range(vms)))
    async with a_stage(estate, POLICY) as stage:
        report = await stage.back_up()
        return report.ended_at - report.started_at


class BrokenFor:
    """A guest's door with a bug, met by one VM only."""

    def __init__(self, real: Guest, name: str) -> None:
        self.real = real
        self.name = name

    async def arm(self, vm: ResourceId, request: FreezeRequest) -> Armed:
        armed = await self.real.arm(vm, request)
        if vm.name == self.name:
            raise ZeroDivisionError("a bug")
        return armed

    async def collect(self, vm: ResourceId, attempt: str) -> GuestReport:
        return await self.real.collect(vm, attempt)

    async def thaw(self, vm: ResourceId) -> ThawReport:
        return await self.real.thaw(vm)


async def test_a_bug_met_in_one_vm_is_reported_and_cancels_no_other():
    async with three_vms() as stage, stage.ports() as ports:
        broken = replace(ports, guest=BrokenFor(ports.guest, "db01"))

        report = await Run(stage.errand(broken), broken).to_its_end()

        results = {vm.source: vm.result for vm in report.vms}
        assert results == {"app01": Result.DONE, "db01": Result.FAILED, "web01": Result.DONE}
        bug = next(vm.failure for vm in report.vms if vm.failure is not None)
        assert bug.code == "internal-error"
        assert "ZeroDivisionError: a bug" in bug.message
        await check_nothing_stands_still(stage)


async def test_a_disk_without_a_vm_is_taken_too():
    loose = POLICY.replace('{{names: ["*"]}}', '{{disks: ["archive*"]}}')
    async with a_stage(an_estate(disks=(a_loose_disk("archive"),)), loose) as stage:
        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.result is Result.DONE
        assert [name.rpartition("-")[2] for name in primaries(stage)] == ["disk"]


async def test_a_disk_without_a_vm_is_taken_offline_where_a_plan_says_so():
    """Nobody writes to it; a plan of another version may know."""
    loose = POLICY.replace('{{names: ["*"]}}', '{{disks: ["archive*"]}}')
    async with a_stage(an_estate(disks=(a_loose_disk("archive"),)), loose) as stage:

        def offline(estate):
            plan = plan_backup(stage.policy, estate, now=stage.clock.now())
            return replace(plan, vms=tuple(replace(vm, mode=Mode.OFFLINE_AS_IS) for vm in plan.vms))

        report = await stage.back_up(plan_backup=offline)

        [outcome] = report.vms
        assert outcome.consistency is not None
        assert outcome.consistency.achieved is Grade.OFFLINE


async def test_a_plan_to_freeze_that_says_not_how_is_an_error_of_its_vm():
    async with three_vms() as stage:

        def half(estate):
            plan = plan_backup(stage.policy, estate, now=stage.clock.now())
            first, *others = plan.vms
            return replace(plan, vms=(replace(first, freeze=None), *others))

        report = await stage.back_up(plan_backup=half)

        results = [vm.result for vm in report.vms]
        assert results == [Result.FAILED, Result.DONE, Result.DONE]


async def test_windows_is_taken_as_crash_with_the_reason():
    estate = an_estate(a_vm("win01", 1, os="Windows"))
    async with a_stage(estate, POLICY) as stage:
        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.consistency is not None
        assert outcome.consistency.requested is Grade.APPLICATION
        assert outcome.consistency.achieved is Grade.CRASH
        assert "VSS" in (outcome.consistency.reason or "")


async def test_a_source_that_cannot_be_backed_up_is_refused_by_name_and_the_rest_is_done():
    ephemeral = a_vm("cache01", 0, os_disk="ephemeral", guest="virtual")
    async with a_stage(an_estate(a_vm("db01", 1, guest="virtual"), ephemeral), POLICY) as stage:
        report = await stage.back_up()

        assert report.exit_status == 3
        assert "cache01" in " ".join(failure.message for failure in report.failures)
        assert {vm.source: vm.result for vm in report.vms} == {"db01": Result.DONE}


async def test_the_run_says_what_it_is_about_to_do_and_what_to_mind():
    async with three_vms(CRASH) as stage:
        report = await stage.back_up()

        [started] = stage.ear.of(RunStarted)
        assert (started.vms, started.disks) == (3, 6)
        assert len(stage.ear.of(Warned)) == len(report.warnings) > 0
        assert "no second copy" in report.warnings[0]


async def test_nothing_matched_is_5_and_nothing_is_done():
    none = POLICY.replace('"*"', '"nobody-*"')
    async with three_vms(none) as stage:
        report = await stage.back_up()

        assert report.exit_status == 5
        assert stage.cloud.api.log.writes() == []


async def test_an_encryption_set_of_the_source_is_kept_by_its_snapshot():
    disk = a_data_disk(0, encryption_set="des1")
    estate = an_estate(
        a_vm("db01", disks=(disk,), guest="virtual"),
        encryption_sets=(NamedSpec(name="des1", group="app"),),
    )
    async with a_stage(estate, POLICY) as stage:
        report = await stage.back_up()

        assert report.exit_status == 0, report
        kept = {
            each.name.rpartition("-")[2]: "des1" in str(each.properties["encryption"])
            for each in stage.cloud.world.every(Snapshot)
        }
        assert kept["lun00"]
        assert all(
            each.properties["networkAccessPolicy"] == "DenyAll"
            for each in stage.cloud.world.every(Snapshot)
        )
        assert all(each.properties["incremental"] for each in stage.cloud.world.every(Snapshot))


async def test_every_snapshot_of_a_vm_is_asked_for_at_once():
    estate = an_estate(a_vm("db01", 15, guest="virtual"))
    async with a_stage(estate, POLICY) as stage:
        await stage.back_up()

        asked = [entry.at for entry in stage.cloud.api.log.of("PUT", "/snapshots/")]
        assert len(asked) == 16
        assert max(asked) - min(asked) < timedelta(milliseconds=100)
