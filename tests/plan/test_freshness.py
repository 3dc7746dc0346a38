"""Ages against what was promised: what should exist comes from the policy, not from what exists."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.plan.builders import (
    EAST,
    NOON,
    a_point,
    a_policy,
    a_seal,
    a_snapshot,
    a_vm,
    an_estate,
    an_id,
    copies_of,
    identities_of,
)

from diskguard.model.estate import Attachment, ScaleSet
from diskguard.model.restore_point import Consistency, Grade, Location
from diskguard.plan.freshness import assess_freshness
from diskguard.plan.naming_tags import COPY_SKIPPED
from diskguard.plan.points import assemble_for

HOUR = timedelta(hours=1)
RPO = "objectives: {rpo: {primary: 2h, dr: 6h}}"
HOURLY = 'schedules: [{name: hourly, cron: "15 * * * *"}]'


def judged(policy, *vms, snapshots=(), now=NOON, **changes):
    """Freshness by (name, location)."""
    estate = an_estate(*vms, snapshots=snapshots, **changes)
    found = assess_freshness(policy, estate, assemble_for(policy, estate, now=now), now=now)
    return {(each.name, each.location): each for each in found}


def in_primary(policy, vm, *points, now=NOON, **changes):
    snapshots = [snapshot for point in points for snapshot in point]
    found = judged(policy, vm, snapshots=snapshots, now=now, **changes)
    return found[vm.name, Location.PRIMARY]


def in_dr(policy, vm, *points, now=NOON):
    snapshots = [snapshot for point in points for snapshot in point]
    return judged(policy, vm, snapshots=snapshots, now=now)[vm.name, Location.DR]


def test_a_vm_that_was_never_backed_up_is_late_everywhere():
    found = judged(a_policy(RPO + "\n" + HOURLY), a_vm("db01"))

    assert [(each.state, each.late, each.age) for each in found.values()] == [
        ("never", True, None),
        ("never", True, None),
    ]


def test_the_age_is_that_of_the_data_and_is_held_against_the_rpo():
    vm = a_vm("db01")
    point = a_point(vm, slot=NOON - 2 * HOUR)

    young = in_primary(a_policy(RPO), vm, point, now=NOON)
    old = in_primary(a_policy(RPO), vm, point, now=NOON + timedelta(seconds=3))

    assert (young.age, young.rpo, young.state) == (2 * HOUR - timedelta(seconds=2), 2 * HOUR, "ok")
    assert (old.age, old.state, old.late) == (2 * HOUR + timedelta(seconds=1), "late", True)


def test_a_clock_that_lags_makes_no_negative_age():
    vm = a_vm("db01")

    assert in_primary(a_policy(RPO), vm, a_point(vm, slot=NOON + HOUR)).age == timedelta()


def test_a_rule_has_its_own_rpo_and_no_dr_where_it_copies_nowhere():
    rules = """
rules:
  - {name: gold, select: {include: [{names: ["db*"]}]}, objectives: {rpo: {primary: 1h}}}
  - {name: rest, select: {include: [{names: ["*"]}]}, copy: {to: []}}
"""
    found = judged(a_policy(RPO, rules=rules), a_vm("db01"), a_vm("web01"))

    assert {key: (each.rule, each.rpo) for key, each in found.items()} == {
        ("db01", Location.PRIMARY): ("gold", HOUR),
        ("db01", Location.DR): ("gold", 6 * HOUR),
        ("web01", Location.PRIMARY): ("rest", 2 * HOUR),
    }


def test_only_complete_points_count():
    vm = a_vm("db01")
    unsealed = a_point(vm, slot=NOON - HOUR, sealed=False)
    sealed = a_point(vm, slot=NOON - 5 * HOUR)

    fresh = in_primary(a_policy(RPO), vm, unsealed, sealed)

    assert fresh.newest is not None
    assert fresh.newest.slot == NOON - 5 * HOUR
    assert fresh.risks == ("1 newer point is incomplete",)


# -- without an RPO the schedule is the promise ----------------------------------------------------


def test_a_slot_is_expected_once_its_run_must_have_ended():
    vm, policy = a_vm("db01"), a_policy(HOURLY)
    served = a_point(vm, slot=NOON - timedelta(hours=1, minutes=45))

    in_time = in_primary(policy, vm, served, now=NOON + timedelta(minutes=74))
    too_late = in_primary(policy, vm, served, now=NOON + timedelta(minutes=75))

    assert (in_time.expected_slot, in_time.late) == (NOON - timedelta(minutes=105), False)
    assert (too_late.expected_slot, too_late.late) == (NOON - timedelta(minutes=45), True)


def test_of_several_schedules_the_newest_slot_is_expected():
    both = 'schedules: [{name: a, every: 24h, at: "01:30"}, {name: b, cron: "0 8 * * *"}]'

    found = in_primary(a_policy(both), a_vm("db01"))

    assert found.expected_slot == NOON - 4 * HOUR


def test_a_policy_that_promises_nothing_is_late_only_for_vms_never_backed_up():
    vm = a_vm("db01")

    assert in_primary(a_policy(), vm).late
    assert not in_primary(a_policy(), vm, a_point(vm, slot=NOON - 999 * HOUR)).late


def test_a_slot_missed_within_the_rpo_is_a_risk_only():
    vm = a_vm("db01")
    policy = a_policy("objectives: {rpo: {primary: 12h}}\n" + HOURLY)

    fresh = in_primary(policy, vm, a_point(vm, slot=NOON - 5 * HOUR))

    assert (fresh.state, fresh.late) == ("ok", False)
    assert fresh.risks == ("the slot of 2026-11-22 09:15Z has no restorable point",)


def test_of_daily_first_copies_the_first_slot_of_a_day_is_expected():
    policy = a_policy(HOURLY + "\ncopy: {which: daily-first}\nobjectives: {rpo: {dr: 1h}}")

    assert in_dr(policy, a_vm("db01")).expected_slot == NOON - timedelta(hours=11, minutes=45)


def test_without_an_rpo_a_copy_has_a_day():
    assert in_dr(a_policy(HOURLY), a_vm("db01")).expected_slot == NOON - timedelta(
        hours=26, minutes=45
    )


# -- the other region ------------------------------------------------------------------------------


def test_dr_is_judged_by_its_own_copies():
    vm = a_vm("db01")
    old, new = a_point(vm, slot=NOON - 7 * HOUR), a_point(vm, slot=NOON - HOUR)

    late = in_dr(a_policy(RPO), vm, old, copies_of(old), new, copies_of(new, percent=40))
    ok = in_dr(a_policy(RPO), vm, old, copies_of(old), new, copies_of(new))

    assert late.state == "late"
    assert ok.state == "ok"


def test_a_first_copy_on_its_way_is_not_late_while_the_rpo_lasts():
    vm, policy = a_vm("db01"), a_policy(RPO)
    young, old = a_point(vm, slot=NOON - HOUR), a_point(vm, slot=NOON - 7 * HOUR)

    on_its_way = in_dr(policy, vm, young, copies_of(young, percent=5))
    too_slow = in_dr(policy, vm, old, copies_of(old, percent=5))
    not_begun = in_dr(policy, vm, young)

    assert (on_its_way.state, on_its_way.late) == ("never", False)
    assert too_slow.late
    assert not_begun.late


def test_copies_that_failed_or_were_given_up_are_risks():
    vm, policy = a_vm("db01"), a_policy(RPO)
    copied = a_point(vm, slot=NOON - 4 * HOUR)
    failed = a_point(vm, slot=NOON - 3 * HOUR)
    first, *others = a_point(vm, slot=NOON - 2 * HOUR)
    given_up = {COPY_SKIPPED: "backlog 2026-11-22T10:00:00Z"}
    skipped = [replace(first, tags={**first.tags, **given_up}), *others]
    broken = [replace(each, provisioning_state="Failed") for each in copies_of(failed)]

    fresh = in_dr(policy, vm, copied, copies_of(copied), failed, broken, skipped)

    assert fresh.risks == (
        "1 newer point failed to be copied",
        "1 newer point is never copied: the backlog was full",
    )


# -- what the newest point lacks -------------------------------------------------------------------


def test_a_newest_point_below_what_was_asked_is_a_risk():
    vm = a_vm("db01", data_disks=0)
    weak = Consistency(
        requested=Grade.FILESYSTEM, achieved=Grade.CRASH, reason="the guest did not answer"
    )
    seal = a_seal(1, consistency=weak, taken_at=NOON)
    point = [a_snapshot(identity, seal=seal) for identity in identities_of(vm)]

    fresh = in_primary(a_policy(RPO), vm, point)

    assert fresh.risks == ("the newest point is crash, not filesystem: the guest did not answer",)


def test_a_disk_that_came_after_the_newest_point_is_a_risk():
    before, after = a_vm("db01", data_disks=1), a_vm("db01", data_disks=2)

    fresh = in_primary(a_policy(RPO), after, a_point(before))

    assert fresh.risks == ("the newest point is without disk db01-1",)


@pytest.mark.parametrize(("wish", "judged_at_all"), [("fail", True), ("warn", False)])
def test_what_a_rule_takes_and_nobody_can_back_up_is_late_unless_accepted(wish, judged_at_all):
    attachment = Attachment(name="db01-os", lun=None, disk=None, ephemeral=True)
    vm = a_vm("db01", attachments=(attachment,))
    policy = a_policy(f"on_unsupported: {wish}", dr=None)

    found = judged(policy, vm)

    assert [each.late for each in found.values()] == [True] * judged_at_all
    assert all("it cannot be backed up: disk db01-os" in each.risks[0] for each in found.values())


def test_a_uniform_scale_set_that_is_asked_for_is_late():
    rules = 'rules: [{name: sets, select: {include: [{scale_sets: ["*"]}]}}]'
    scale_set = ScaleSet(id=an_id("virtualMachineScaleSets", "web"), region=EAST, flexible=False)

    found = judged(a_policy(RPO, rules=rules), scale_sets=(scale_set,))

    assert [(each.name, each.late) for each in found.values()] == [("web", True), ("web", True)]
