"""A timeline shows what is known, and calls nothing a gap that retention may have made."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st
from tests.plan.builders import NOON, a_disk, a_point, a_policy, a_vm, an_estate, copies_of
from tests.support.histories import (
    HOUR,
    THINNING,
    Past,
    a_promise,
    a_timeline,
    a_troubled_estate,
    an_estate_with,
    hours,
)

from diskguard.model.estate import Attachment
from diskguard.model.restore_point import Grade, Location, PointState
from diskguard.plan.timeline import MOST_MARKS, RPOS_IN_SIGHT, choose_span
from diskguard.plan.timeline_picture import GapKind, Standing

DB = a_vm("db01")
SOON = NOON + timedelta(minutes=20)


def the_track(past, policy=None, **say):
    (track,) = a_timeline(policy or a_promise(), an_estate_with([(DB, past)]), **say).tracks
    return track


def the_lane(past, policy=None, location=Location.PRIMARY, **say):
    lanes = the_track(past, policy, **say).lanes
    return next(lane for lane in lanes if lane.fresh.location is location)


def kinds(lane):
    return [gap.kind for gap in lane.gaps]


def test_hourly_points_leave_no_gap_in_an_rpo_of_two_hours():
    lane = the_lane(Past(hours=hours(0, 72)), now=SOON)

    assert (lane.standing, kinds(lane)) == (Standing.FINE, [])
    assert len(lane.marks) == 72  # the one of 72 hours ago is out of sight by minutes
    assert lane.known_since is not None
    assert lane.known_since < lane.marks[0].at


def test_marks_are_oldest_first_with_what_each_may_be_called():
    lane = the_lane(Past(hours=(0, 1), unsealed=frozenset({1})), now=SOON)

    assert [mark.at for mark in lane.marks] == sorted(mark.at for mark in lane.marks)
    assert [(mark.state, mark.grade) for mark in lane.marks] == [
        (PointState.INCOMPLETE, None),
        (PointState.COMPLETE, Grade.FILESYSTEM),
    ]


def test_a_downgraded_point_is_marked_so():
    lane = the_lane(Past(hours=(0,), grade=Grade.CRASH), now=SOON)

    assert [(mark.grade, mark.downgraded) for mark in lane.marks] == [(Grade.CRASH, True)]
    assert lane.standing is Standing.RISK


def test_a_gap_begins_when_the_last_point_grew_too_old_and_ends_with_the_next():
    lane = the_lane(Past(hours=(0, 1, 10, 11)), now=SOON)

    (gap,) = lane.gaps
    taken = NOON + timedelta(seconds=2)
    assert (gap.kind, gap.since, gap.until) == (GapKind.PAST, taken - 8 * HOUR, taken - HOUR)


def test_what_is_late_has_an_open_gap_until_now():
    lane = the_lane(Past(hours=hours(26, 40)), now=SOON)

    (gap,) = lane.gaps
    assert (gap.kind, gap.until) == (GapKind.OPEN, SOON)
    assert gap.since == NOON + timedelta(seconds=2) - 24 * HOUR
    assert lane.standing is Standing.LATE


def test_a_gap_that_began_before_what_is_in_sight_is_cut_there():
    timeline = a_timeline(a_promise(), an_estate_with([(DB, Past(hours=(0, 90)))]), now=SOON)

    (gap,) = timeline.tracks[0].lanes[0].gaps
    assert gap.since == timeline.since == SOON - timedelta(days=3)


def test_what_was_never_backed_up_is_one_gap():
    timeline = a_timeline(a_promise(), an_estate(DB))

    (track,) = timeline.tracks
    assert track.standing is Standing.LATE
    assert [kinds(lane) for lane in track.lanes] == [[GapKind.OPEN], [GapKind.OPEN]]
    assert all(lane.gaps[0].since == timeline.since for lane in track.lanes)


def test_without_an_rpo_late_is_open_since_the_slot_that_is_missing():
    policy = a_policy("schedules: [{name: hourly, every: 1h}]")
    lane = the_lane(Past(hours=(30, 40)), policy, now=SOON)

    (gap,) = lane.gaps
    assert gap.kind is GapKind.OPEN
    assert gap.since == lane.fresh.expected_slot


def test_without_an_rpo_nothing_in_the_past_is_a_gap():
    lane = the_lane(Past(hours=(0, 40)), a_policy(), now=SOON)

    assert (lane.standing, lane.gaps) == (Standing.FINE, ())


def test_a_copy_under_way_for_a_new_vm_is_a_risk_and_no_gap():
    lane = the_lane(Past(hours=(0,), copying=frozenset({0})), location=Location.DR, now=SOON)

    assert (lane.standing, lane.gaps) == (Standing.RISK, ())
    assert [mark.state for mark in lane.marks] == [PointState.COPYING]


# -- retention --------------------------------------------------------------------------------------


def test_what_retention_would_have_removed_is_not_called_a_gap():
    kept = (*hours(0, 23), 36, 60)  # 24 hourly ones, then the last of each day
    lane = the_lane(Past(hours=kept), a_promise(THINNING), now=NOON - HOUR / 2 + HOUR)

    assert GapKind.OPEN not in kinds(lane)
    assert kinds(lane)[-1] is GapKind.THINNED


def test_an_hour_that_retention_keeps_is_missed_where_it_has_no_point():
    kept = (*hours(0, 5), *hours(10, 30))
    lane = the_lane(Past(hours=kept), a_promise(THINNING), now=SOON)

    assert kinds(lane) == [GapKind.PAST]


def test_two_empty_days_are_a_gap_though_hours_are_thinned():
    kept = (*hours(0, 11), 61)
    lane = the_lane(Past(hours=kept), a_promise(THINNING), now=SOON)

    assert kinds(lane) == [GapKind.PAST]


@given(taken=st.sets(st.integers(0, 80), min_size=1), thinned=st.booleans())
def test_gaps_are_in_sight_in_order_apart_and_never_over_a_point(taken, thinned):
    policy = a_promise(THINNING if thinned else "")
    timeline = a_timeline(policy, an_estate_with([(DB, Past(hours=sorted(taken)))]), now=SOON)

    lane = timeline.tracks[0].lanes[0]
    edges = [edge for gap in lane.gaps for edge in (gap.since, gap.until)]
    assert edges == sorted(edges)
    assert all(timeline.since <= edge <= timeline.until for edge in edges)
    assert not any(gap.since < mark.at < gap.until for gap in lane.gaps for mark in lane.marks)


@given(taken=st.sets(st.integers(0, 70), min_size=1))
def test_every_moment_is_covered_by_a_fresh_point_or_lies_in_a_gap(taken):
    lane = the_lane(Past(hours=sorted(taken)), now=SOON)

    moments = [mark.at for mark in lane.marks]
    for minutes in range(0, int((SOON - moments[0]) / HOUR * 60), 17):
        moment = moments[0] + timedelta(minutes=minutes)
        fresh = any(timedelta() <= moment - taken_at <= 2 * HOUR for taken_at in moments)
        in_gap = any(gap.since <= moment <= gap.until for gap in lane.gaps)
        assert fresh or in_gap
        assert not (fresh and any(gap.since < moment < gap.until for gap in lane.gaps))


# -- the whole ----------------------------------------------------------------------------------------


def test_the_worst_comes_first():
    timeline = a_timeline(a_promise(THINNING), a_troubled_estate(), now=SOON)

    standings = [track.standing for track in timeline.tracks]
    assert [track.name for track in timeline.tracks[:4]] == [
        "web-new",  # never backed up
        "erp-db01",
        "erp-db02",
        "erp-app01",
    ]
    assert standings == sorted(standings, key=list(Standing).index)
    assert [timeline.count(each) for each in Standing] == [3, 1, 4]


def test_beyond_the_most_the_best_are_judged_and_not_drawn():
    timeline = a_timeline(a_promise(THINNING), a_troubled_estate(), now=SOON, most=3)

    assert [track.drawn for track in timeline.tracks] == [True] * 3 + [False] * 5
    left = [lane for track in timeline.tracks[3:] for lane in track.lanes]
    assert not any(lane.marks or lane.gaps for lane in left)
    assert timeline.tracks[-1].lanes[0].fresh.newest is not None


def test_more_points_than_can_be_drawn_are_counted():
    often = "schedules: [{name: often, every: 10m}]\nobjectives: {rpo: {primary: 6h}}"
    times = [NOON - timedelta(minutes=10) * number for number in range(MOST_MARKS + 20)]
    snapshots = [each for slot in times for each in a_point(DB, slot=slot)]
    timeline = a_timeline(a_policy(often), an_estate(DB, snapshots=snapshots), now=SOON)

    lane = timeline.tracks[0].lanes[0]
    assert (len(lane.marks), lane.unmarked) == (MOST_MARKS, 20)
    assert lane.marks[-1].at == NOON + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("rpo", "days"), [(1, 1), (2, 1), (3, 3), (6, 3), (12, 7), (24, 14), (48, 30), (240, 30)]
)
def test_so_much_is_in_sight_that_one_missed_point_can_be_seen(rpo, days):
    lane = the_lane(Past(hours=(0,)), now=SOON)

    span = choose_span([replace(lane.fresh, rpo=rpo * HOUR)])

    assert span == timedelta(days=days)
    assert span >= RPOS_IN_SIGHT * rpo * HOUR or days == 30


def test_without_any_rpo_a_week_is_in_sight():
    assert choose_span([]) == timedelta(days=7)


def test_standstills_are_measured_against_the_policys_limit():
    track = the_track(Past(hours=hours(0, 5)), now=SOON)

    assert [each.limit for each in track.standstills] == [timedelta(seconds=10)] * 6
    assert all(
        timedelta(seconds=2) <= each.length < 7 * timedelta(seconds=1) for each in track.standstills
    )
    assert the_track(Past(hours=(0,), grade=Grade.CRASH), now=SOON).standstills == ()


def test_a_finished_copy_took_no_longer_than_until_the_next_began():
    track = the_track(Past(hours=(0, 2, 5), copied=frozenset({0, 2, 5})), now=SOON)

    assert [copy.at_most for copy in track.copies] == [2 * HOUR, 3 * HOUR]  # none for the newest


def test_a_copy_that_is_under_way_is_not_among_the_finished():
    timeline = a_timeline(
        a_promise(),
        an_estate_with([(DB, Past(hours=(0, 3), copied=frozenset({3}), copying=frozenset({0})))]),
        now=SOON,
    )

    assert [copy.at_most for copy in timeline.tracks[0].copies] == [3 * HOUR]
    assert [copy.percent for copy in timeline.under_way] == [37.0]


def test_the_fullest_disk_of_each_source_is_shown():
    track = the_track(Past(hours=hours(0, 9)), now=SOON)

    assert track.fullest is not None
    assert track.fullest.used == 10


def test_a_disk_without_a_vm_is_a_track_of_its_own():
    loose = a_disk("archive", state="Unattached")
    timeline = a_timeline(a_promise(), an_estate(DB, disks=(loose,)), now=SOON)

    assert {track.name: track.is_vm for track in timeline.tracks}["archive"] is False


def test_what_takes_too_little_is_remarked():
    rule = "rules: [{name: web, select: {include: [{names: [web]}], expect_at_least: 2}}]"
    timeline = a_timeline(a_policy(rules=rule), an_estate(DB))

    assert timeline.tracks == ()
    assert timeline.remarks == ("rule web takes 0, fewer than the 2 it expects",)


def test_what_no_backup_takes_is_remarked_where_that_is_no_failure():
    odd = a_vm("odd", attachments=(Attachment(name="odd-os", lun=None, disk=None),))
    timeline = a_timeline(a_policy("on_unsupported: warn"), an_estate(DB, odd))

    (remark,) = timeline.remarks
    assert remark.startswith("no backup takes odd, disk odd-os: it is unmanaged")


def test_a_copy_made_before_its_source_was_pruned_is_still_drawn():
    point = a_point(DB, slot=NOON - HOUR)
    timeline = a_timeline(a_promise(), an_estate(DB, snapshots=copies_of(point)), now=SOON)

    home, away = timeline.tracks[0].lanes
    assert (home.marks, len(away.marks)) == ((), 1)
    assert away.region == "westus"
