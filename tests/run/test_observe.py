"""The one look: whole lists, subscriptions side by side; what was not seen is an error and never empty."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from tests.run.invariants import primaries
from tests.support.estates import DISKGUARD_GROUPS, a_vm, an_estate
from tests.support.runs import Stage, a_policy, a_stage

from diskguard.errors import AccessDenied
from diskguard.model.report import Result
from diskguard.run.observe import Scope, observe_estate, observe_snapshots
from diskguard_emulator.access import Grant, Principal
from diskguard_emulator.estate import SUBSCRIPTION, Estate, SubscriptionSpec
from diskguard_emulator.faults import Effect, Fails, Malformed, OperationStalls, Resets
from diskguard_emulator.settings import Lag

OTHER = "22222222-2222-4222-8222-222222222222"
POLICY = """
version: 1
name: test-policy
azure: {{subscriptions: ["{subscription}", "22222222-2222-4222-8222-222222222222"]}}
locations:
  primary: {{resource_group: rg-diskguard-eus}}
  dr: {{region: paired, resource_group: rg-diskguard-wus}}
consistency: {{linux: crash}}
rules: [{{name: all, select: {{include: [{{names: ["*"]}}]}}}}]
"""
LISTS = {
    "VMs": "/virtualMachines$",
    "disks": "/disks$",
    "scale sets": "/virtualMachineScaleSets$",
    "snapshots": "/snapshots$",
    "encryption sets": "/diskEncryptionSets$",
    "regions": "/locations$",
    "groups": "/resourceGroups/rg-diskguard-eus$",
}
TROUBLES: dict[str, Effect] = {
    "forbidden": Fails(status=403, code="AuthorizationFailed"),
    "failing": Fails(status=500),
    "unanswered": Resets(),
    "cut": Malformed(),
}


@asynccontextmanager
async def two_subscriptions() -> AsyncIterator[Stage]:
    """One VM in each."""
    groups = {"app": "eastus", **DISKGUARD_GROUPS}
    specs = tuple(
        SubscriptionSpec(id=each, vms=(a_vm(name, 1, guest="virtual"),), groups=groups)
        for each, name in ((SUBSCRIPTION, "db01"), (OTHER, "web01"))
    )
    async with a_stage(Estate(subscriptions=specs), POLICY) as stage:
        yield stage


def done(report: Any) -> set[str]:
    return {vm.source for vm in report.vms if vm.result is Result.DONE}


async def test_a_policy_may_span_subscriptions_each_with_its_own_groups():
    async with two_subscriptions() as stage:
        report = await stage.back_up()

        assert report.exit_status == 0, report
        assert done(report) == {"db01", "web01"}
        by_subscription = Counter(
            entry.path.split("/")[2] for entry in stage.cloud.api.log.of("PUT", "/snapshots/")
        )
        assert by_subscription == {SUBSCRIPTION: 4, OTHER: 4}
        assert {copy.result for copy in report.copies} == {Result.DONE}


async def test_subscriptions_are_looked_at_side_by_side():
    async with two_subscriptions() as stage:
        await stage.look()

        log = list(stage.cloud.api.log)
        halves = [[e for e in log if each in e.path] for each in (SUBSCRIPTION, OTHER)]
        starts = [min(entry.at for entry in half) for half in halves]
        ends = [max(entry.answered_at or entry.at for entry in half) for half in halves]
        assert max(starts) < min(ends)


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("what", LISTS)
async def test_a_list_that_cannot_be_read_is_that_subscriptions_error_and_the_others_go_on(
    what, trouble
):
    async with two_subscriptions() as stage:
        stage.suffers(TROUBLES[trouble], "GET", f"/{OTHER}/?.*{LISTS[what]}", times=10_000)

        report = await stage.back_up(plan_copies=None)

        assert done(report) == {"db01"}
        assert report.exit_status == (8 if trouble != "forbidden" else 3)
        assert len(report.failures) == 1
        assert not any(name.startswith("web01") for name in primaries(stage))


@pytest.mark.parametrize(
    ("trouble", "status"), [("forbidden", 7), ("failing", 8), ("unanswered", 8), ("cut", 8)]
)
async def test_a_run_that_sees_no_subscription_ends_with_the_errors_own_code(trouble, status):
    async with two_subscriptions() as stage:
        stage.suffers(TROUBLES[trouble], "GET", "/virtualMachines$", times=10_000)

        report = await stage.back_up()

        assert report.exit_status == status
        assert report.vms == ()
        assert stage.cloud.api.log.writes() == []


async def test_half_a_list_is_an_error_and_not_a_shorter_list():
    async with two_subscriptions() as stage:
        stage.cloud.world.settings.page_size = 1
        stage.suffers(Fails(status=500), "GET", f"/{OTHER}/.*/disks$", nth=2, times=10_000)

        look = await stage.look()

        assert [each.subscription for each in look.unseen] == [OTHER]
        assert {disk.id.subscription for disk in look.estate.disks} == {SUBSCRIPTION}
        assert {vm.id.name for vm in look.estate.vms} == {"db01"}


async def test_a_selection_emptied_by_a_subscription_unseen_is_explained_by_its_error():
    only_web = POLICY.replace('names: ["*"]', 'names: ["web*"]')
    async with two_subscriptions() as stage:
        stage.policy = a_policy(SUBSCRIPTION, only_web)
        stage.suffers(TROUBLES["forbidden"], "GET", f"/{OTHER}/.*/virtualMachines$", times=100)

        report = await stage.back_up()

        assert report.exit_status == 7
        assert [failure.code for failure in report.failures] == ["access-denied"]


async def test_a_subscription_unseen_is_said_also_by_a_run_that_is_cut_short():
    async with two_subscriptions() as stage:
        stage.suffers(TROUBLES["forbidden"], "GET", f"/{OTHER}/.*/virtualMachines$", times=100)
        stage.suffers(OperationStalls(by=timedelta(hours=3)), "PUT", "db01.*-lun00$", times=9)

        report = await stage.back_up(time_limit=timedelta(minutes=1))

        assert [failure.code for failure in report.failures] == ["access-denied", "unfinished"]
        assert [vm.result for vm in report.vms] == [Result.UNFINISHED]


async def test_a_subscription_unseen_after_the_backup_is_said_and_its_copies_left_to_the_next_run():
    async with two_subscriptions() as stage:
        stage.suffers(
            TROUBLES["forbidden"],
            "GET",
            f"/{OTHER}/.*rg-diskguard-eus/.*/snapshots$",
            nth=2,
            times=1,
        )

        report = await stage.back_up()

        assert done(report) == {"db01", "web01"}
        assert [failure.code for failure in report.failures] == ["access-denied"]
        assert report.exit_status == 3
        assert (await stage.copy()).exit_status == 0


async def test_one_look_is_lists_only_however_many_vms_there_are():
    async def requests(vms: int) -> int:
        estate = an_estate(*(a_vm(f"vm{number:03}", 2) for number in range(vms)))
        async with a_stage(estate) as stage:
            await stage.look()
            assert stage.cloud.api.log.of("GET", "/virtualMachines/") == []
            assert stage.cloud.api.log.writes() == []
            return len(stage.cloud.api.log)

    assert await requests(1) == await requests(60)


async def test_every_page_of_a_list_is_followed():
    estate = an_estate(*(a_vm(f"vm{number:02}", 1) for number in range(7)))
    async with a_stage(estate) as stage:
        stage.cloud.world.settings.page_size = 2

        look = await stage.look()

        assert len(look.estate.vms) == 7
        assert len(look.estate.disks) == 14


async def test_a_group_that_does_not_exist_holds_nothing():
    async with two_subscriptions() as stage, stage.ports() as ports:
        scope = Scope(subscriptions=(SUBSCRIPTION,), groups=("rg-diskguard-eus", "rg-nowhere"))

        look = await observe_estate(scope, ports.inventory, now=stage.clock.now())

        assert [group.name for group in look.estate.groups] == ["rg-diskguard-eus"]
        assert look.estate.snapshots == ()


async def test_without_groups_the_points_of_the_whole_subscription_are_seen():
    async with two_subscriptions() as stage, stage.ports() as ports:
        await stage.back_up(plan_copies=None)
        scope = Scope(subscriptions=(SUBSCRIPTION, OTHER), groups=())

        look = await observe_snapshots(scope, ports.inventory, now=stage.clock.now())

        assert len(look.estate.snapshots) == 4


async def test_no_subscription_seen_raises_the_error_itself():
    async with two_subscriptions() as stage, stage.ports() as ports:
        stage.suffers(TROUBLES["forbidden"], "GET", "/snapshots$", times=10_000)

        with pytest.raises(AccessDenied):
            await observe_snapshots(stage.scope, ports.inventory, now=stage.clock.now())


async def test_a_subscription_that_does_not_exist_is_not_an_empty_one():
    async with two_subscriptions() as stage, stage.ports() as ports:
        nowhere = "33333333-3333-4333-8333-333333333333"
        scope = Scope(subscriptions=(SUBSCRIPTION, nowhere), groups=("rg-diskguard-eus",))

        look = await observe_snapshots(scope, ports.inventory, now=stage.clock.now())

        assert [each.subscription for each in look.unseen] == [nowhere]
        assert "SubscriptionNotFound" in str(look.unseen[0].error)


async def test_a_login_without_any_right_is_7_and_changes_nothing():
    async with two_subscriptions() as stage:
        nobody = Principal(name="nobody", grants=())
        stage.credential = stage.cloud.log_in(nobody)

        report = await stage.back_up()

        assert report.exit_status == 7
        assert "nobody" in report.failures[0].message
        assert stage.cloud.api.log.writes() == []


async def test_a_reader_can_look_and_plan_and_fails_at_the_first_write():
    async with two_subscriptions() as stage:
        reader = Principal(name="reader", grants=(Grant(actions=("*/read",)),))
        stage.credential = stage.cloud.log_in(reader)

        report = await stage.back_up()

        assert report.exit_status == 7
        assert {vm.result for vm in report.vms} == {Result.FAILED}
        assert await stage.snapshots() == ()


# -- Azure's manners -----------------------------------------------------------------------------


MANNERS: dict[str, dict[str, Any]] = {
    "ids in upper case": {"upper_case_ids": True},
    "pages of one": {"page_size": 1},
    "reads that lag": {"lag": Lag(get=timedelta(seconds=2))},
    "lists that lag": {"lag": Lag(lists=timedelta(seconds=12))},
    "both lag": {"lag": Lag(get=timedelta(seconds=3), lists=timedelta(seconds=6))},
    "everything at once": {
        "upper_case_ids": True,
        "page_size": 1,
        "lag": Lag(get=timedelta(seconds=1), lists=timedelta(seconds=5)),
    },
}
FREEZE = POLICY.replace("crash", "fsfreeze").replace(f', "{OTHER}"', "")


@pytest.mark.parametrize(
    "text", [FREEZE, FREEZE.replace("fsfreeze", "offline")], ids=["frozen", "offline"]
)
@pytest.mark.parametrize("manner", MANNERS)
async def test_whatever_azures_manners_a_backup_ends_complete_everywhere(manner, text):
    async with a_stage(an_estate(a_vm("db01", 2, guest="virtual")), text) as stage:
        for name, value in MANNERS[manner].items():
            setattr(stage.cloud.world.settings, name, value)

        report = await stage.back_up()
        again = await stage.back_up()

        assert report.exit_status == again.exit_status == 0, report
        points = await stage.points()
        assert len(points) == 2
        for point in points:
            assert {part.state for part in point.parts} == {point.parts[0].state}
            assert point.seal is not None
            assert point.seal.consistency.reason is None
        assert (await stage.assembly()).strangers == ()
