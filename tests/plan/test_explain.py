"""Why each source is in or out: the same decisions as a backup's, with every reason."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings, strategies
from tests.plan.builders import (
    NOON,
    a_disk,
    a_point,
    a_policy,
    a_seal,
    a_snapshot,
    a_vm,
    an_estate,
    disks_of,
    identities_of,
)

from diskguard.model.estate import Attachment, PowerState
from diskguard.model.restore_point import Learned
from diskguard.plan.backup import plan_backup
from diskguard.plan.explain import Ruling, explain
from diskguard.plan.selection import survey_sources

TWO_RULES = """
rules:
  - name: gold
    select: {include: [{tags: {backup: gold}}, {names: [db-*]}], exclude: [{tags: {skip: "yes"}}]}
  - name: rest
    select: {include: [{names: ["db-?"]}, {disks: ["arch*"]}], expect_at_least: 0}
    consistency: {linux: crash}
"""


def explained(*vms, loose=(), snapshots=(), rules=TWO_RULES, sections=""):
    disks = tuple(disk for vm in vms for disk in disks_of(vm))
    estate = an_estate(*vms, disks=(*disks, *loose), snapshots=snapshots)
    return explain(a_policy(sections, rules=rules), estate, now=NOON)


def item(name, *vms, **facts):
    (found,) = [each for each in explained(*vms, **facts).items if each.source.name == name]
    return found


def test_the_entry_that_took_a_vm_is_named_with_its_keys():
    db = item("db-1", a_vm("db-1", tags={"backup": "gold"}))

    word = db.words[0]
    assert (db.rule, word.ruling) == ("gold", Ruling.TAKES)
    assert word.entry == ("rules", 0, "select", "include", 0)
    assert [(clause.key, clause.fits) for clause in word.clauses] == [("tags", True)]


def test_a_later_rule_that_fits_too_is_named():
    assert [word.ruling for word in item("db-1", a_vm("db-1")).words] == [
        Ruling.TAKES,
        Ruling.TOO_LATE,
    ]


def test_an_exclusion_is_named_and_the_next_rule_may_take_it():
    db = item("db-1", a_vm("db-1", tags={"Skip": "yes"}))

    assert [word.ruling for word in db.words] == [Ruling.EXCLUDES, Ruling.TAKES]
    assert db.words[0].entry == ("rules", 0, "select", "exclude", 0)
    assert db.rule == "rest"


def test_a_tag_in_another_case_is_a_near_miss():
    web = item("web-1", a_vm("web-1", tags={"backup": "Gold"}))

    assert web.rule is None
    assert web.words[0].ruling is Ruling.NEAR
    assert web.words[0].near == "tag backup is 'Gold', not 'gold': values are compared with case"
    assert web.words[1].ruling is Ruling.MISSES
    assert web.words[1].clauses == ()


def test_a_name_that_is_close_is_a_near_miss():
    assert item("db1", a_vm("db1")).words[0].near == "its name is db1, asked is name db-*"


def test_every_disk_says_whether_it_is_taken_and_why_not():
    vm = a_vm("db-1", data_disks=2)
    unmanaged = Attachment(name="old-vhd", lun=7, disk=None)
    vm = replace(vm, attachments=(*vm.attachments, unmanaged))

    db = item("db-1", vm, sections="consistency: {disks: {exclude_luns: [1]}}")

    assert [(disk.name, disk.lun, disk.taken) for disk in db.disks] == [
        ("db-1-os", None, True),
        ("db-1-0", 0, True),
        ("db-1-1", 1, False),
        ("old-vhd", 7, False),
    ]
    assert "LUN 1, which is excluded" in (db.disks[2].reason or "")
    assert "unmanaged" in (db.disks[3].reason or "")


def test_a_vm_without_any_disk_to_take_is_out_and_its_disks_say_why():
    vm = replace(a_vm("db-1"), attachments=(Attachment(name="vhd", lun=None, disk=None),))

    db = item("db-1", vm)

    assert db.rule is None
    assert db.words[0].ruling is Ruling.TAKES
    assert db.reasons[0] == "rule gold selects it, but none of its disks can be taken"
    assert [(disk.name, disk.taken) for disk in db.disks] == [("vhd", False)]
    assert db.next_point is None


def test_a_loose_disk_is_explained_and_nobody_is_frozen_for_it():
    archive = item("archive", loose=(a_disk("archive", state="Unattached"),))

    assert (archive.is_vm, archive.rule) == (False, "rest")
    assert archive.next_point is not None
    assert archive.next_point.freeze is None
    assert [(disk.name, disk.taken) for disk in archive.disks] == [("archive", True)]


def test_a_disk_of_a_vm_has_no_line_of_its_own():
    assert [each.source.name for each in explained(a_vm("db-1", data_disks=3)).items] == ["db-1"]


def test_the_next_freeze_is_what_the_newest_sealed_points_taught():
    vm = a_vm("db-1", data_disks=0)
    lead = timedelta(seconds=12)
    taught = [
        a_snapshot(
            identities_of(vm, slot=NOON - timedelta(hours=hours))[0],
            seal=a_seal(1, learned=Learned(lead=lead * hours, hold=timedelta(seconds=3))),
        )
        for hours in range(1, 6)
    ]

    next_point = item("db-1", vm, snapshots=taught).next_point

    assert next_point is not None
    assert next_point.freeze is not None
    assert next_point.freeze.lead == lead * 3
    assert len(next_point.taught_by) == 3
    assert next_point.taught_by == tuple(sorted(next_point.taught_by, reverse=True))


def test_without_any_point_nothing_was_learned():
    next_point = item("db-1", a_vm("db-1")).next_point

    assert next_point is not None
    assert next_point.taught_by == ()
    assert next_point.freeze is not None
    assert next_point.freeze.lead == timedelta(seconds=30)


def test_settings_are_given_for_every_rule():
    every = explained(a_vm("db-1")).settings

    linux = {
        name: next(each for each in found if each.key == "consistency.linux")
        for name, found in every.items()
    }
    assert {name: (each.value, str(each.source)) for name, each in linux.items()} == {
        "gold": ("fsfreeze", "default"),
        "rest": ("crash", "rule rest"),
    }


@settings(max_examples=60, deadline=None)
@given(
    names=strategies.lists(
        strategies.sampled_from(["db-1", "db-2", "web-1", "db1", "x"]), unique=True
    ),
    tags=strategies.lists(strategies.sampled_from(["gold", "Gold", "silver"]), min_size=5),
    power=strategies.sampled_from(list(PowerState)),
)
def test_an_explanation_never_disagrees_with_the_plan(names, tags, power):
    vms = [
        a_vm(name, tags={"backup": tag}, power=power)
        for name, tag in zip(names, tags, strict=False)
    ]
    loose = a_disk("archive", state="Unattached")
    estate = an_estate(*vms, disks=(*(d for vm in vms for d in disks_of(vm)), loose))
    policy = a_policy(rules=TWO_RULES.replace("exclude", "expect_at_least: 0, exclude"))

    said = explain(policy, estate, now=NOON)
    plan = plan_backup(policy, estate, now=NOON)

    assert {each.source: each.rule for each in said.items if each.rule} == {
        vm.source: vm.rule for vm in plan.vms
    }
    for each in said.items:
        takers = [word.rule for word in each.words if word.ruling is Ruling.TAKES]
        assert takers == ([each.rule] if each.rule else [])
    freezes = {vm.source: (vm.mode, vm.freeze) for vm in plan.vms}
    for each in said.items:
        if each.next_point is not None:
            next_point = each.next_point
            assert freezes[each.source] == (next_point.mode.mode, next_point.freeze)
    assert len(said.items) == len(vms) + 1
    assert said.selection == survey_sources(policy, estate)


@pytest.mark.parametrize("sealed", [True, False])
def test_only_sealed_points_teach(sealed):
    vm = a_vm("db-1")
    points = a_point(vm, slot=NOON - timedelta(hours=1), sealed=sealed)

    next_point = item("db-1", vm, snapshots=points).next_point

    assert next_point is not None
    assert bool(next_point.taught_by) is sealed
