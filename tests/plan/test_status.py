"""How a policy stands: copies and their estimated ends, quota, sizes, the last run."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.plan.builders import (
    GIB,
    NOON,
    a_point,
    a_policy,
    a_seal,
    a_snapshot,
    a_vm,
    an_estate,
    copies_of,
    identities_of,
)

from diskguard.model.restore_point import Consistency, Grade, Location, PointState
from diskguard.plan.points import assemble_for
from diskguard.plan.status import survey_status

HOUR = timedelta(hours=1)


def status_of(vm, *points, policy=None, now=NOON, **changes):
    snapshots = [snapshot for point in points for snapshot in point]
    estate, chosen = an_estate(vm, snapshots=snapshots, **changes), policy or a_policy()
    return survey_status(chosen, estate, assemble_for(chosen, estate, now=now), now=now)


def begun(copies, when, percent=100.0):
    return [replace(each, time_created=when, percent=percent) for each in copies]


# -- copies ----------------------------------------------------------------------------------------


def test_a_copys_own_progress_tells_when_it_may_be_done():
    vm = a_vm("db01", data_disks=0)
    point = a_point(vm, slot=NOON - 2 * HOUR)

    status = status_of(vm, point, begun(copies_of(point), NOON - HOUR, 25.0))

    (copy,) = status.copies
    assert (copy.percent, copy.basis) == (25.0, "progress")
    assert copy.began_at == NOON - HOUR
    assert copy.done_at == NOON + 3 * HOUR


def test_before_it_moves_the_time_between_earlier_copies_does():
    vm = a_vm("db01", data_disks=0)
    old, older, new = (a_point(vm, slot=NOON - hours * HOUR) for hours in (8, 9, 1))
    earlier = [
        *begun(copies_of(older), NOON - 9 * HOUR),
        *begun(copies_of(old), NOON - 7 * HOUR),
    ]
    half_begun = begun(copies_of(new), NOON - HOUR / 2, 0.0)

    (copy,) = status_of(vm, older, old, new, earlier, half_begun).copies

    assert (copy.basis, copy.done_at) == ("earlier copies", NOON + timedelta(minutes=90))


def test_with_nothing_to_go_by_there_is_no_estimate():
    vm = a_vm("db01", data_disks=0)
    point = a_point(vm, slot=NOON - HOUR)

    (copy,) = status_of(vm, point, begun(copies_of(point), NOON, 0.0)).copies

    assert (copy.done_at, copy.basis) == (None, None)


def test_one_disk_without_an_estimate_leaves_the_point_without():
    vm = a_vm("db01", data_disks=1)
    point = a_point(vm, slot=NOON - HOUR)
    moving, _ = begun(copies_of(point), NOON - HOUR / 2, 50.0)

    (copy,) = status_of(vm, point, [moving]).copies

    assert (copy.percent, copy.done_at) == (25.0, None)


def test_a_disk_that_is_done_holds_nobody_up():
    vm = a_vm("db01", data_disks=1)
    point = a_point(vm, slot=NOON - HOUR)
    copies = copies_of(point)
    moving = begun(copies[:1], NOON - HOUR / 2, 50.0)

    (copy,) = status_of(vm, point, moving, copies[1:]).copies

    assert (copy.percent, copy.done_at) == (75.0, NOON + HOUR / 2)


def test_finished_copies_are_not_under_way():
    vm = a_vm("db01")
    point = a_point(vm, slot=NOON - HOUR)

    assert status_of(vm, point, copies_of(point)).copies == ()


# -- quota, counts, sizes --------------------------------------------------------------------------


def test_every_snapshot_of_a_disk_counts_whoever_made_it():
    vm = a_vm("db01", data_disks=1)
    point = a_point(vm)
    identity = identities_of(vm)[1]
    manual = replace(a_snapshot(identity), id=identity.disk_id, tags={})

    status = status_of(vm, point, [manual])

    assert status.fullest is status.uses[0]
    assert [(use.disk.name, use.used) for use in status.uses] == [("db01-0", 2), ("db01-os", 1)]


def test_a_policy_that_takes_nothing_has_no_fullest_disk_and_a_shortage():
    vm = a_vm("web01")

    status = status_of(
        vm, policy=a_policy(rules='rules: [{name: db, select: {include: [{names: ["db*"]}]}}]')
    )

    assert status.fullest is None
    assert [(each.rule, each.found) for each in status.shortages] == [("db", 0)]


def test_points_are_counted_by_location_and_state():
    vm = a_vm("db01")
    point = a_point(vm, slot=NOON - HOUR)

    counts = status_of(vm, point, copies_of(point, percent=3), a_point(vm, sealed=False)).counts

    assert {key: number for key, number in counts.items() if number} == {
        (Location.PRIMARY, PointState.COMPLETE): 1,
        (Location.PRIMARY, PointState.PENDING): 1,
        (Location.DR, PointState.COPYING): 1,
        (Location.DR, PointState.MISSING): 1,
    }
    assert len(counts) == len(Location) * len(PointState)


def test_sizes_are_azures_for_disks_and_an_estimate_for_what_is_stored():
    vm = a_vm("db01", data_disks=0)
    points = [a_point(vm, slot=NOON - timedelta(days=days)) for days in (0, 5, 10)]

    (stored,) = status_of(vm, *points, policy=a_policy(dr=None)).sizes

    assert (stored.snapshots, stored.disk_bytes) == (3, 128 * GIB)
    assert stored.estimated_bytes == round(128 * GIB * 1.3)


def test_the_estimate_is_never_more_than_full_copies():
    vm = a_vm("db01", data_disks=0)
    points = [a_point(vm, slot=NOON - timedelta(days=days)) for days in (0, 500)]

    assert status_of(vm, *points).sizes[0].estimated_bytes == 2 * 128 * GIB


def test_a_snapshot_without_a_point_in_time_yet_is_in_no_size():
    vm = a_vm("db01", data_disks=0)
    (young,) = a_point(vm, sealed=False)

    assert status_of(vm, [replace(young, time_created=None)]).sizes == ()


def test_what_is_left_out_is_said_where_the_policy_accepts_it():
    vm = a_vm("db01")
    disks = tuple(an_estate(vm).disks[:1])

    accepted = status_of(vm, policy=a_policy("on_unsupported: warn"), disks=disks)
    refused = status_of(vm, disks=disks)

    assert accepted.left_out == (
        "db01, disk db01-0: it is in no list: gone, or of a subscription not looked at",
    )
    assert refused.left_out == ()


# -- the last run ----------------------------------------------------------------------------------


def sealed_by(vm, run, slot, **seal):
    made = a_seal(1, run_id=run, taken_at=slot, sealed_at=slot + timedelta(seconds=20), **seal)
    return [a_snapshot(each, seal=made, taken_at=slot) for each in identities_of(vm, slot=slot)]


def test_nothing_sealed_is_no_run():
    vm = a_vm("db01")

    assert status_of(vm).last_run is None
    assert status_of(vm, a_point(vm, sealed=False)).last_run is None


def test_the_last_run_is_that_of_the_newest_seal():
    vm, other = a_vm("db01", data_disks=0), a_vm("db02", data_disks=0)
    weak = Consistency(requested=Grade.FILESYSTEM, achieved=Grade.CRASH)

    run = status_of(
        vm,
        sealed_by(vm, "old", NOON - HOUR),
        sealed_by(vm, "new", NOON - timedelta(minutes=2)),
        sealed_by(other, "new", NOON - timedelta(minutes=1), consistency=weak),
    ).last_run

    assert run is not None
    assert (run.run_id, run.points, run.downgraded, run.whole) == ("new", 2, 1, True)
    assert run.took == timedelta(seconds=80)


@pytest.mark.parametrize(("begun_after", "whole"), [(HOUR, False), (-HOUR, True)])
def test_a_run_is_whole_unless_something_begun_since_is_incomplete(begun_after, whole):
    vm, other = a_vm("db01", data_disks=0), a_vm("db02", data_disks=0)
    died = a_point(other, slot=NOON - 4 * HOUR + begun_after, sealed=False)

    run = status_of(vm, sealed_by(vm, "run", NOON - 4 * HOUR), died).last_run

    assert run is not None
    assert run.whole is whole


def test_late_and_at_risk_are_told_apart():
    vm = a_vm("db01", data_disks=1)
    policy = a_policy("objectives: {rpo: {primary: 2h}}", dr=None)

    late = status_of(vm, a_point(vm, slot=NOON - 3 * HOUR), policy=policy)
    risky = status_of(vm, a_point(a_vm("db01", data_disks=0)), policy=policy)

    assert (len(late.late), len(late.at_risk)) == (1, 0)
    assert (len(risky.late), len(risky.at_risk)) == (0, 1)


def test_windows_are_those_of_the_seals_there_are():
    vm = a_vm("db01", data_disks=0)
    frozen = Consistency(
        requested=Grade.FILESYSTEM,
        achieved=Grade.FILESYSTEM,
        frozen_at=NOON,
        thawed_at=NOON + timedelta(seconds=3),
    )

    status = status_of(
        vm,
        sealed_by(vm, "a", NOON - HOUR, consistency=frozen),
        sealed_by(vm, "b", NOON - 2 * HOUR),
    )

    assert status.windows == (timedelta(seconds=3),)
