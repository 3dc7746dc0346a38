"""A region is gone: what lies elsewhere decides what could be restored."""

from dataclasses import replace
from datetime import timedelta

from tests.plan.builders import EAST, NOON, WEST, a_point, a_policy, a_vm, an_estate, copies_of

from diskguard.plan.lost_region import assess_loss
from diskguard.plan.points import assemble_for

HOUR = timedelta(hours=1)


def survivors(region, *snapshots, homes=(), rpo=6 * HOUR):
    estate = an_estate(snapshots=snapshots)
    points = assemble_for(a_policy(), estate, now=NOON).points
    known = {point.vm: rpo for point in points} | {vm.id: rpo for vm in homes}
    return assess_loss(region, points, {vm.id: vm.region for vm in homes}, known, now=NOON)


def test_copies_alone_say_what_could_be_restored_and_where():
    vm = a_vm("db01")
    old, new = a_point(vm, slot=NOON - 5 * HOUR), a_point(vm, slot=NOON - HOUR)

    (survivor,) = survivors(EAST, *copies_of(old), *copies_of(new, percent=70))

    assert survivor.newest is not None
    assert (survivor.newest.slot, survivor.where) == (NOON - 5 * HOUR, WEST)
    assert survivor.age == 5 * HOUR - timedelta(seconds=2)
    assert not survivor.late


def test_what_lies_in_the_region_itself_is_gone_with_it():
    (survivor,) = survivors(EAST, *a_point(a_vm("db01")))

    assert (survivor.newest, survivor.where, survivor.late) == (None, None, True)


def test_a_vm_without_any_copy_is_named_where_it_is_known():
    (survivor,) = survivors(EAST, homes=[a_vm("db01")])

    assert (survivor.source.name, survivor.newest, survivor.late) == ("db01", None, True)


def test_more_than_the_rpo_is_late_and_without_one_nothing_is():
    vm = a_vm("db01")
    copies = copies_of(a_point(vm, slot=NOON - 7 * HOUR))

    assert survivors(EAST, *copies)[0].late
    assert not survivors(EAST, *copies, rpo=None)[0].late


def test_vms_of_other_regions_are_not_in_the_list():
    point = a_point(a_vm("db01"))

    assert survivors(WEST, *point, *copies_of(point), homes=[a_vm("db02")]) == ()


def test_a_part_that_lies_partly_in_the_region_is_no_use():
    first, second = copies_of(a_point(a_vm("db01")))

    (survivor,) = survivors(EAST, first, replace(second, region=EAST))

    assert survivor.newest is None
