"""What is due follows from the schedules and the points in Azure, and from nothing else."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st
from tests.plan.builders import (
    NOON,
    a_disk,
    a_point,
    a_policy,
    a_vm,
    an_estate,
)

from diskguard.errors import NothingMatched
from diskguard.model.estate import Attachment
from diskguard.plan.backup import plan_backup
from diskguard.plan.backup_narrow import narrow_plan
from diskguard.plan.due import MOST_MISSED, Due, choose_due, served_until
from diskguard.plan.points import assemble_for
from diskguard.plan.saved import differences, dump_plan, load_plan
from diskguard.plan.schedule import slots_between
from diskguard.policy.sections import Schedule

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HOURLY = Schedule.model_validate({"name": "hourly", "cron": "15 * * * *"})
NIGHTLY = Schedule.model_validate({"name": "nightly", "cron": "30 1 * * *"})
BOTH = 'schedules: [{name: hourly, cron: "15 * * * *"}, {name: nightly, cron: "30 1 * * *"}]'
SCHEDULED = a_policy(BOTH)
TWO_RULES = """
rules:
  - {name: databases, select: {include: [{names: ["db*"]}]}}
  - name: archive
    select: {include: [{names: ["files*"]}]}
    schedules: [{name: weekly, cron: "0 3 * * 0"}]
"""


def due(*schedules, served=None, now=NOON):
    return choose_due(tuple(schedules), served, now=now)


def due_plan(*vms, snapshots=(), policy=SCHEDULED, now=NOON, **estate):
    return plan_backup(
        policy, an_estate(*vms, snapshots=snapshots, **estate), now=now, due_only=True
    )


def served_by(snapshots, now=NOON):
    return served_until(
        assemble_for(SCHEDULED, an_estate(snapshots=snapshots), now=now).points, now=now
    )


# -- from schedules and one instant ---------------------------------------------------------------


def test_a_source_without_a_point_is_due_at_once_and_has_missed_nothing():
    assert due(HOURLY) == Due(slot=NOON - 45 * MINUTE, schedules=("hourly",), first=True)


def test_without_a_schedule_nothing_is_ever_due():
    assert due() is None


def test_a_slot_is_due_from_its_own_instant():
    slot = NOON + 15 * MINUTE

    before = due(HOURLY, served=slot - HOUR, now=slot - timedelta(seconds=1))
    at = due(HOURLY, served=slot - HOUR, now=slot)

    assert before is None
    assert at == Due(slot=slot, schedules=("hourly",))


def test_a_point_serves_every_slot_up_to_its_own():
    assert due(HOURLY, NIGHTLY, served=NOON - 45 * MINUTE) is None
    assert due(HOURLY, NIGHTLY, served=NOON - 46 * MINUTE) == Due(
        slot=NOON - 45 * MINUTE, schedules=("hourly",)
    )


def test_one_point_serves_the_slots_of_several_schedules_and_has_the_newest_ones_name():
    morning = NOON.replace(hour=2)

    found = due(HOURLY, NIGHTLY, served=morning - 46 * MINUTE, now=morning + 20 * MINUTE)

    assert found == Due(slot=morning + 15 * MINUTE, schedules=("hourly", "nightly"), missed=2)


def test_after_an_outage_only_the_newest_slot_is_due_and_the_others_are_counted():
    found = due(HOURLY, served=NOON - 45 * MINUTE - 10 * HOUR)

    assert found == Due(slot=NOON - 45 * MINUTE, schedules=("hourly",), missed=9)


def test_what_two_schedules_missed_together_counts_once():
    same = Schedule.model_validate({"name": "same", "every": "1h", "at": "00:15"})

    found = due(HOURLY, same, served=NOON - 45 * MINUTE - 10 * HOUR)

    assert found == Due(slot=NOON - 45 * MINUTE, schedules=("hourly", "same"), missed=9)


def test_counting_ends_somewhere():
    minutely = Schedule.model_validate({"name": "often", "cron": "* * * * *"})

    found = due(minutely, served=NOON - 300 * DAY)

    assert found == Due(slot=NOON, schedules=("often",), missed=MOST_MISSED)


@given(
    served=st.integers(0, 30 * 24 * 60).map(lambda minutes: NOON - minutes * MINUTE),
    later=st.integers(0, 3 * 24 * 60),
)
def test_what_was_made_for_a_slot_is_not_due_until_the_next_one(served, later):
    schedules, now = (HOURLY, NIGHTLY), NOON + later * MINUTE
    slots = [slot for each in schedules for slot in slots_between(each, served, now)]

    found = due(*schedules, served=served, now=now)

    assert (found is None) == (slots == [])
    if found is not None:
        assert found.slot == max(slots)
        assert found.missed == len(set(slots)) - 1
        assert due(*schedules, served=found.slot, now=now) is None


# -- from points ----------------------------------------------------------------------------------


def test_complete_points_and_those_being_made_serve_and_dead_ones_do_not():
    vm = a_vm("db01")

    assert served_by(a_point(vm)) == NOON
    assert served_by(a_point(vm, sealed=False), now=NOON + MINUTE) == NOON
    assert served_by(a_point(vm, sealed=False), now=NOON + HOUR) is None
    assert served_by(()) is None


def test_a_slot_from_a_clock_that_was_wrong_holds_up_nothing():
    ahead = a_point(a_vm("db01"), slot=NOON + 300 * DAY, sealed=False, taken_at=NOON)

    assert served_by(ahead) == NOON + 5 * MINUTE


# -- in a plan ------------------------------------------------------------------------------------


def test_a_point_that_is_due_has_its_slots_name():
    plan = due_plan(a_vm("db01"))

    [vm] = plan.vms
    assert vm.slot == NOON - 45 * MINUTE
    assert vm.point.endswith("-20261122T111500Z")
    assert vm.due == Due(slot=vm.slot, schedules=("hourly", "nightly"), first=True)
    assert "its first point, for hourly, nightly" in vm.notes
    assert plan.warnings == ()
    assert not plan.nothing_due


def test_what_is_served_waits_for_its_next_slot():
    vm = a_vm("db01")

    plan = due_plan(vm, snapshots=a_point(vm))

    assert plan.vms == ()
    assert [each.reason for each in plan.skipped] == ["not due: its next slot is 2026-11-22 12:15Z"]
    assert plan.nothing_due


def test_vms_of_different_rules_have_different_slots():
    plan = due_plan(a_vm("db01"), a_vm("files01"), policy=a_policy(BOTH, rules=TWO_RULES))

    assert {vm.name: f"{vm.slot:%H:%M}" for vm in plan.vms} == {"db01": "11:15", "files01": "03:00"}


def test_a_rule_without_a_schedule_is_never_due():
    policy = a_policy(rules=TWO_RULES)

    plan = due_plan(a_vm("db01"), a_vm("files01"), policy=policy)

    assert [vm.name for vm in plan.vms] == ["files01"]
    assert [each.reason for each in plan.skipped] == [
        "rule databases has no schedule, so it is never due"
    ]


def test_a_disk_without_a_vm_is_due_like_a_vm():
    loose = a_disk("archive-1", state="Unattached")

    [planned] = due_plan(disks=(loose,)).vms

    assert planned.point.endswith("-20261122T111500Z")


def test_one_point_for_two_schedules_says_so():
    vm = a_vm("db01")
    morning = NOON.replace(hour=1, minute=15)
    told = due_plan(vm, snapshots=a_point(vm, slot=morning), now=morning + 65 * MINUTE)

    assert "one point for the slots of hourly, nightly" in told.vms[0].notes


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (2 * HOUR, "is caught up; older slots missed, which no point will have: 1"),
        (60 * DAY, "older slots missed, which no point will have: at least 1000"),
    ],
)
def test_missed_slots_are_said(gap, words):
    vm = a_vm("db01")
    served = NOON - 45 * MINUTE - gap

    [warning] = due_plan(vm, snapshots=a_point(vm, slot=served)).warnings

    assert warning.code == "missed-slots"
    assert "the slot 2026-11-22 11:15Z (hourly" in warning.message
    assert words in warning.message


def test_a_slot_that_comes_late_is_said_even_if_none_came_in_between():
    vm = a_vm("db01")
    policy = a_policy('schedules: [{name: nightly, cron: "30 1 * * *"}]')
    yesterday = a_point(vm, slot=NOON.replace(hour=1, minute=30) - DAY)

    [late] = due_plan(vm, snapshots=yesterday, policy=policy).warnings
    in_time = due_plan(vm, snapshots=yesterday, policy=policy, now=NOON.replace(hour=2))

    assert "(nightly) is caught up 630 minutes late" in late.message
    assert in_time.warnings == ()
    assert len(in_time.vms) == 1


def test_a_slot_whose_point_died_is_due_again_under_the_same_name():
    vm = a_vm("db01")
    slot = NOON - 45 * MINUTE
    dead = a_point(vm, slot=slot, sealed=False)

    [planned] = due_plan(vm, snapshots=dead).vms

    assert planned.slot == slot


def test_a_slot_whose_point_lost_a_disk_is_due_and_its_name_is_taken():
    vm = a_vm("db01")
    broken = a_point(vm, slot=NOON - 45 * MINUTE)[:1]

    plan = due_plan(vm, snapshots=broken)

    assert [(each.due, each.reason.split(" ", 3)[3]) for each in plan.skipped] == [
        (True, "is there already")
    ]
    assert not plan.nothing_due


def test_what_cannot_be_taken_is_told_when_its_rule_is_due():
    odd = a_vm("db02")
    odd = replace(odd, attachments=(Attachment(name="eph", lun=None, disk=None, ephemeral=True),))
    vm = a_vm("db01")

    waiting = due_plan(vm, odd, snapshots=a_point(vm))
    running = due_plan(vm, odd)

    assert waiting.failures == ()
    assert waiting.nothing_due
    assert [failure.code for failure in running.failures] == ["unsupported-source"]


def test_naming_a_vm_that_is_not_due_is_no_error():
    vm = a_vm("db01")
    plan = due_plan(vm, a_vm("db02"), snapshots=a_point(vm))

    waiting = narrow_plan(plan, only=["db01"], at_most=None)
    running = narrow_plan(plan, only=["db02"], at_most=None)

    assert waiting.nothing_due
    assert [each.name for each in running.vms] == ["db02"]
    with pytest.raises(NothingMatched):
        narrow_plan(plan, only=["db03"], at_most=None)


def test_a_saved_plan_of_what_is_due_is_held_against_what_is_due():
    vm = a_vm("db01")
    saved = load_plan(json.loads(json.dumps(dump_plan(due_plan(vm)))))

    assert saved == due_plan(vm)
    assert differences(saved, SCHEDULED, an_estate(vm)) == ()
    assert differences(saved, SCHEDULED, an_estate(vm, snapshots=a_point(vm))) == (
        "db01: not due: its next slot is 2026-11-22 12:15Z",
    )


def test_a_plan_by_hand_knows_of_no_slots():
    vm = a_vm("db01")

    plan = plan_backup(SCHEDULED, an_estate(vm, snapshots=a_point(vm)), now=NOON + MINUTE)

    assert plan.vms[0].due is None
    assert not plan.nothing_due
