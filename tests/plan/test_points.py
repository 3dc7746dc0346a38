"""Restore points are judged by what lies in each location, and by nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st
from tests.plan.builders import (
    NOON,
    PLACES,
    a_copy,
    a_point,
    a_seal,
    a_vm,
    copies_of,
    ours,
    without,
)

from diskguard.model.restore_point import Location, PointState
from diskguard.plan.naming_tags import Places
from diskguard.plan.points import ATTEMPT_LIFETIME, assemble_points, set_is_whole

DB = a_vm("db01")
SOON = NOON + timedelta(minutes=2)
LATER = NOON + timedelta(hours=3)


def the_point(snapshots, *, now=LATER, places=PLACES):
    (point,) = assemble_points(snapshots, places, now=now).points
    return point


def state_in(location, snapshots, *, now=LATER):
    part = the_point(snapshots, now=now).part(location)
    assert part is not None
    return part.state


def primary_state(snapshots, *, now=LATER):
    return state_in(Location.PRIMARY, snapshots, now=now)


def dr_state(snapshots, *, now=LATER):
    return state_in(Location.DR, snapshots, now=now)


def test_a_sealed_point_with_all_its_members_is_complete():
    point = the_point(a_point(DB))

    assert point.state is PointState.COMPLETE
    assert (point.vm, point.policy, point.slot) == (DB.id, "erp-prod", NOON)
    assert point.taken_at == NOON + timedelta(seconds=2)


def test_a_fresh_unsealed_point_is_pending_because_its_run_may_live():
    assert the_point(a_point(DB, sealed=False), now=SOON).state is PointState.PENDING


def test_an_unsealed_point_older_than_any_attempt_is_incomplete():
    made = NOON + timedelta(seconds=2)

    assert primary_state(a_point(DB, sealed=False), now=made + ATTEMPT_LIFETIME) is (
        PointState.INCOMPLETE
    )


def test_age_is_judged_by_azure_and_before_azure_knows_by_the_attempt():
    unmade = a_point(DB, sealed=False, time_created=None, provisioning_state="Creating")

    assert primary_state(unmade, now=SOON) is PointState.PENDING
    assert primary_state(unmade, now=LATER) is PointState.INCOMPLETE


@pytest.mark.parametrize("lost", [0, 1])
def test_a_sealed_point_that_lost_a_member_is_never_restorable(lost):
    snapshots = a_point(DB)
    del snapshots[lost]

    assert primary_state(snapshots, now=SOON + timedelta(hours=1)) is PointState.INCOMPLETE


def test_members_of_two_attempts_make_no_point():
    first, second = a_point(DB)
    other = a_point(DB, nonce="f" * 16)[1]

    assert primary_state([first, other]) is PointState.INCOMPLETE
    assert not set_is_whole([ours(first), ours(other)])
    assert set_is_whole([ours(first), ours(second)])
    assert not set_is_whole([])


def test_two_seals_that_differ_are_no_seal():
    first, second = a_point(DB)
    forged = a_copy(second, a_seal(run_id="somebody"))
    copies = [copies_of([first, second])[0], forged]

    assert dr_state([first, second, *copies]) is not PointState.COMPLETE


def test_an_unreadable_seal_is_neither_restorable_nor_pending():
    first, second = a_point(DB)
    broken = replace(first, tags={**first.tags, "diskguard-seal": "{"})

    assert primary_state([broken, second], now=SOON) is PointState.INCOMPLETE


def test_a_member_still_copied_in_the_background_makes_a_sealed_point_pending():
    snapshots = a_point(DB, percent=40.0)

    assert primary_state(snapshots) is PointState.PENDING
    assert the_point(snapshots).state is PointState.PENDING


def test_a_failed_member_fails_its_location():
    first, second = a_point(DB)

    assert primary_state([first, replace(second, provisioning_state="Failed")]) is PointState.FAILED


def test_a_location_the_policy_has_is_missing_where_nothing_lies():
    assert dr_state(a_point(DB)) is PointState.MISSING


def test_without_a_dr_location_a_point_has_one_part():
    point = the_point(a_point(DB), places=Places(primary=PLACES.primary))

    assert [part.location for part in point.parts] == [Location.PRIMARY]


def test_finished_copies_are_complete_without_their_sources():
    point = the_point(copies_of(a_point(DB)))

    assert point.state is PointState.COMPLETE
    assert point.taken_at == NOON + timedelta(seconds=2)
    assert [part.state for part in point.parts] == [PointState.MISSING, PointState.COMPLETE]


def test_copies_under_way_are_copying():
    source = a_point(DB)

    assert dr_state([*source, *copies_of(source, percent=37.0)]) is PointState.COPYING
    assert dr_state([*source, copies_of(source)[0]]) is PointState.COPYING


def test_copies_without_sources_to_go_on_from_are_incomplete():
    copies = copies_of(a_point(DB))

    assert dr_state(copies[:1]) is PointState.INCOMPLETE
    assert the_point(copies[:1]).state is PointState.INCOMPLETE


def test_all_copies_under_way_after_the_sources_are_gone_are_pending():
    assert the_point(copies_of(a_point(DB), percent=37.0)).state is PointState.PENDING


@pytest.mark.parametrize("how_many", [1, 2])
def test_a_failed_copy_fails_the_location_and_leaves_the_primary_complete(how_many):
    source = a_point(DB)
    failed = replace(copies_of(source)[0], copy_error="CopySourceNotFound")
    point = the_point([*source, failed, *copies_of(source)[1:how_many]])

    assert [part.state for part in point.parts] == [PointState.COMPLETE, PointState.FAILED]
    assert point.state is PointState.COMPLETE


def test_points_of_other_policies_are_left_out_and_are_no_strangers():
    assembly = assemble_points(a_point(DB), PLACES, now=LATER, policies={"another"})

    assert (assembly.points, assembly.strangers) == ((), ())


def test_strangers_are_told_apart_from_points():
    first, second = a_point(DB)
    forged = replace(second, source_unique_id="uid-forged")
    assembly = assemble_points([first, forged], PLACES, now=LATER)

    assert [each.snapshot for each in assembly.strangers] == [forged]
    assert assembly.points[0].state is PointState.INCOMPLETE


def test_members_come_by_number_with_their_snapshots():
    assembly = assemble_points(reversed(a_point(DB)), PLACES, now=LATER)
    point = assembly.points[0]

    assert [each.role for each in point.parts[0].members] == ["os", "data"]
    assert [each.identity.number for each in assembly.members(point.id, Location.PRIMARY)] == [1, 2]
    assert assembly.members("another", Location.DR) == ()


def test_an_unsealed_point_is_dated_by_its_latest_member():
    first, second = a_point(DB, sealed=False)
    late = replace(second, time_created=NOON + timedelta(seconds=9))

    assert the_point([first, late]).taken_at == NOON + timedelta(seconds=9)
    assert the_point(a_point(DB, sealed=False, time_created=None)).taken_at is None


@given(st.permutations(a_point(DB) + copies_of(a_point(DB))), st.integers(0, 4))
def test_a_location_is_complete_exactly_when_its_own_members_are_all_there(snapshots, kept):
    seen = snapshots[:kept]
    there = {each.id for each in seen}

    for location, whole in (
        (Location.PRIMARY, a_point(DB)),
        (Location.DR, copies_of(a_point(DB))),
    ):
        states = [
            part.state
            for point in assemble_points(seen, PLACES, now=LATER).points
            for part in point.parts
            if part.location is location
        ]
        assert (PointState.COMPLETE in states) == ({each.id for each in whole} <= there)


@given(
    st.permutations(
        [snapshot for day in range(3) for snapshot in a_point(DB, slot=NOON + timedelta(days=day))]
    )
)
def test_points_come_newest_first_whatever_the_order_of_the_list(snapshots):
    points = assemble_points(snapshots, PLACES, now=LATER + timedelta(days=3)).points

    assert [point.slot for point in points] == [NOON + timedelta(days=day) for day in (2, 1, 0)]


def test_a_seal_that_lost_its_words_leaves_no_complete_point():
    first, second = a_point(DB)

    assert primary_state([replace(first, tags=without(first.tags, "diskguard-seal")), second]) is (
        PointState.INCOMPLETE
    )
