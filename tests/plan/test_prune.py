"""What is deleted, and everything that is never deleted."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.plan.builders import (
    NOON,
    a_point,
    a_policy,
    a_seal,
    a_snapshot,
    a_vm,
    an_estate,
    copies_of,
    disks_of,
    identities_of,
    without,
)
from tests.plan.prune_kit import (
    DAY,
    DB,
    daily,
    deleted,
    graded,
    name_of,
    of_db,
    point_at,
    prune,
    tagged,
    together,
    verdict,
)

from diskguard.errors import NothingMatched, PruneRefused
from diskguard.model.estate import OsType
from diskguard.model.restore_point import Grade, Location
from diskguard.plan.prune import Gone, unlisted_sources
from diskguard.plan.prune_plan import Fate

KEEP_TWO = "retention: {primary: {keep_last: 2, min_keep: 1}}"
KEEP_TWO_AND_THREE = "retention: {primary: {keep_last: 2}, dr: {keep_last: 3}}"
NO_DR = a_policy(KEEP_TWO, dr=None)
TWO_PLACES = a_policy(KEEP_TWO_AND_THREE)
GONE_SOURCES = "retention: {gone_sources: {after: 30d, min_keep: 1}}"


# -- the calendar --------------------------------------------------------------------------------


def test_what_no_rule_keeps_is_deleted_and_says_so():
    points = daily(4)

    plan = of_db(NO_DR, together(points))

    assert deleted(plan) == {name_of(points[2]), name_of(points[3])}
    assert "min_keep 1 of 1" in verdict(plan, points[0]).reasons
    assert "keep_last: 2 newer" in verdict(plan, points[3]).reasons


def test_each_location_is_judged_by_its_own_rules():
    points = daily(5, copied=True)

    plan = of_db(TWO_PLACES, together(points))

    assert deleted(plan, Location.PRIMARY) == {name_of(each) for each in points[2:]}
    assert deleted(plan, Location.DR) == {name_of(each) for each in points[3:]}


def test_a_location_without_retention_is_not_pruned():
    points = daily(5, copied=True)

    plan = of_db(a_policy("retention: {dr: {keep_last: 1}}"), together(points))

    assert not deleted(plan, Location.PRIMARY)
    assert "no `retention.primary`" in verdict(plan, points[4]).reasons[0]


def test_the_seals_member_goes_last_and_is_marked_first():
    [*_, oldest] = points = daily(3)

    [deletion] = of_db(NO_DR, together(points)).deletions

    assert [each.id for each in deletion.members] == [oldest[1].id, oldest[0].id]
    assert list(deletion.mark) == ["diskguard-pruning"]


def test_a_point_of_one_disk_needs_no_mark():
    vm = a_vm("web01", data_disks=0)
    snapshots = together(daily(3, vm))

    [deletion] = prune(NO_DR, an_estate(vm, snapshots=snapshots)).deletions

    assert not deletion.mark


# -- never deleted -------------------------------------------------------------------------------


def test_a_held_point_stays_wherever_the_hold_is_written():
    *younger, oldest = daily(5, copied=True)
    original, copies = oldest[:2], oldest[2:]

    plan = of_db(
        TWO_PLACES, [*together(younger), *original, *tagged(copies, hold="2026-11-01 lawsuit")]
    )

    for location in Location:
        assert verdict(plan, oldest, location).fate is Fate.KEEP
        assert "held (2026-11-01 lawsuit)" in verdict(plan, oldest, location).reasons


def test_an_immutable_point_says_from_when_it_can_be_deleted():
    *younger, oldest = daily(3)
    until = NOON + 5 * DAY
    locked = [replace(oldest[0], immutability="Locked", immutable_until=until), *oldest[1:]]

    plan = of_db(NO_DR, [*together(younger), *locked])

    found = verdict(plan, oldest)
    assert (found.fate, found.deletable_from) == (Fate.IMMUTABLE, until)
    assert not plan.deletions


def test_immutability_that_has_passed_keeps_nothing():
    *younger, oldest = daily(3)
    passed = [replace(each, immutable_until=NOON - DAY) for each in oldest]

    assert deleted(of_db(NO_DR, [*together(younger), *passed])) == {name_of(oldest)}


def test_the_newest_point_that_reached_its_grade_outlives_weeks_of_a_dead_agent():
    points = daily(30)
    snapshots = [graded(each, Grade.CRASH) for each in points[:20]] + points[20:]

    plan = of_db(NO_DR, together(snapshots))

    assert verdict(plan, points[20]).fate is Fate.KEEP
    assert "which its rule asks for" in verdict(plan, points[20]).reasons[0]
    assert verdict(plan, points[21]).fate is Fate.DELETE


def test_where_nothing_reached_the_grade_the_best_there_is_stays():
    windows = replace(DB, os_type=OsType.WINDOWS)
    points = daily(5, windows)
    crashed = [graded(each, Grade.CRASH) for each in points[:4]]

    plan = prune(NO_DR, an_estate(windows, snapshots=together([*crashed, points[4]])))

    assert verdict(plan, points[4]).fate is Fate.KEEP
    assert verdict(plan, points[4]).reasons == ("the newest of the best there are (filesystem)",)


def test_an_original_stays_until_its_copy_is_final():
    points = daily(6)
    copied = [*points[4], *copies_of(points[4])]
    half = [*points[3], *copies_of(points[3], percent=40.0)]

    plan = of_db(TWO_PLACES, together([*points[:3], half, copied, points[5]]))

    for waiting in points[:4]:
        assert verdict(plan, waiting).fate is Fate.KEEP
    assert "its copy is not final yet, nor given up" in verdict(plan, points[2]).reasons
    assert "a copy of it is under way" in verdict(plan, points[3]).reasons
    assert verdict(plan, points[5]).fate is Fate.DELETE, "older than the newest copy: given up"


def test_an_original_whose_copy_was_given_up_may_go():
    *younger, oldest = daily(4)

    plan = of_db(TWO_PLACES, [*together(younger), *tagged(oldest, **{"copy-skipped": "backlog"})])

    assert deleted(plan) == {name_of(oldest)}


def test_the_newest_point_of_both_locations_stays_in_both():
    points = daily(8)
    last_copied = [*points[5], *copies_of(points[5])]
    skipped = [tagged(each, **{"copy-skipped": "backlog"}) for each in points[:5]]

    plan = of_db(
        a_policy("retention: {primary: {keep_last: 1}, dr: {keep_last: 1}}"),
        together([*skipped, last_copied]),
    )

    for location in Location:
        assert verdict(plan, points[5], location).fate is Fate.KEEP
    (chain,) = (each for each in verdict(plan, points[5]).reasons if "incremental" in each)
    disks = ", ".join(sorted(each.name for each in disks_of(DB)))
    assert chain == f"the newest in both locations of disks {disks}: copies stay incremental"


def test_of_many_disks_only_the_number_is_told():
    many = a_vm("many", data_disks=6)
    point = point_at(1, many)
    policy = a_policy("retention: {primary: {keep_last: 1}, dr: {keep_last: 1}}")

    plan = prune(policy, an_estate(many, snapshots=[*point, *copies_of(point)]))

    assert any("locations of 7 disks:" in each for each in verdict(plan, point).reasons)


def test_a_disk_that_is_gone_needs_no_chain():
    points = daily(4, copied=True)
    renewed = tuple(replace(each, unique_id=f"new-{each.name}") for each in disks_of(DB))
    policy = a_policy("retention: {primary: {keep_last: 1}, dr: {keep_last: 1}}")
    newest = [tagged(points[0][:2], **{"copy-skipped": "backlog"})]

    plan = prune(policy, an_estate(DB, snapshots=together(newest + points[1:]), disks=renewed))

    assert verdict(plan, points[1]).fate is Fate.DELETE


def test_what_is_not_ours_and_what_is_anothers_has_no_verdict():
    foreign = [replace(each, tags={}) for each in point_at(9)]
    others = [
        a_snapshot(identity, seal=a_seal(2))
        for identity in identities_of(DB, policy="other", slot=NOON - 8 * DAY)
    ]
    points = daily(2)

    plan = of_db(NO_DR, [*together(points), *foreign, *others])

    assert {each.point for each in plan.verdicts} == {name_of(each) for each in points}


def test_an_incomplete_point_is_named_and_not_deleted():
    *younger, oldest = daily(5)

    plan = of_db(NO_DR, [*together(younger), oldest[0]])

    assert verdict(plan, oldest).fate is Fate.UNJUDGED
    assert "reconcile" in verdict(plan, oldest).reasons[0]
    assert verdict(plan, younger[3]).fate is Fate.DELETE


def test_incomplete_points_count_for_nothing():
    newest, *older = daily(4)

    plan = of_db(NO_DR, [newest[0], *together(older)])

    assert verdict(plan, older[1]).fate is Fate.KEEP


@pytest.mark.parametrize("wrong_by", [timedelta(minutes=5, seconds=1), -timedelta(hours=1)])
def test_a_wrong_clock_deletes_nothing(wrong_by):
    with pytest.raises(PruneRefused, match="clock"):
        of_db(NO_DR, together(daily(4)), clock_offset=wrong_by)


def test_a_selection_that_shrank_deletes_nothing():
    rules = 'rules: [{name: all, select: {include: [{names: ["*"]}], expect_at_least: 2}}]'

    with pytest.raises(NothingMatched):
        of_db(a_policy(KEEP_TWO, rules=rules, dr=None), together(daily(4)))


# -- gone and deselected sources -----------------------------------------------------------------

LOST = a_vm("lost01")


def gone_case(ages, *, sections=GONE_SOURCES, gone=frozenset({LOST.id}), doubts=None):
    points = [a_point(LOST, slot=NOON - age * DAY) for age in ages]
    estate = an_estate(DB, snapshots=together(points))
    policy = a_policy(sections, dr=None)
    return points, prune(policy, estate, gone=Gone(gone=gone, doubts=doubts or {}))


def test_points_of_a_gone_vm_stay_until_their_time():
    points, plan = gone_case([29, 60, 90])

    assert not deleted(plan)
    assert "lets it stay until" in verdict(plan, points[2]).reasons[0]


def test_points_of_a_vm_long_gone_go_but_for_min_keep():
    points, plan = gone_case([31, 60, 90])

    assert deleted(plan) == {name_of(points[1]), name_of(points[2])}
    assert verdict(plan, points[0]).reasons == ("gone_sources.min_keep 1 of 1",)


def test_a_vm_that_is_in_no_list_but_exists_loses_nothing():
    points, plan = gone_case([31, 60], gone=frozenset())

    assert not deleted(plan)
    assert "exists all the same" in verdict(plan, points[1]).reasons[0]


def test_a_vm_nobody_could_read_loses_nothing():
    points, plan = gone_case([31, 60], gone=frozenset(), doubts={LOST.id: "403"})

    assert "is not known: 403" in verdict(plan, points[1]).reasons[0]


def test_without_gone_sources_points_of_a_gone_vm_stay():
    points, plan = gone_case([31, 60], sections=KEEP_TWO)

    assert "no `gone_sources`" in verdict(plan, points[1]).reasons[0]
    assert not deleted(plan)


def test_a_deselected_vm_that_exists_loses_nothing():
    web = a_vm("web01")
    rules = 'rules: [{name: db, select: {include: [{names: ["db*"]}]}}]'
    points = daily(5, web)
    estate = an_estate(DB, web, snapshots=together(points))

    plan = prune(a_policy(KEEP_TWO, rules=rules, dr=None), estate)

    assert not deleted(plan)
    assert "no rule takes its VM or disk any more" in verdict(plan, points[4]).reasons[0]


def test_only_sources_that_are_in_no_list_are_asked_for():
    estate = an_estate(DB, snapshots=[*point_at(1), *a_point(LOST)])

    assert unlisted_sources(a_policy(GONE_SOURCES, dr=None), estate) == (LOST.id,)
    assert unlisted_sources(NO_DR, estate) == ()


# -- how much at once ----------------------------------------------------------------------------


def test_at_most_a_quarter_of_a_vms_points_go_at_once_the_oldest_first():
    points = daily(20)

    plan = of_db(NO_DR, together(points), at_most=None)

    assert deleted(plan) == {name_of(each) for each in points[15:]}
    assert verdict(plan, points[14]).fate is Fate.LATER
    assert "at most 5" in verdict(plan, points[14]).reasons[0]


def test_two_of_a_vm_may_always_go():
    points = daily(4)

    assert len(deleted(of_db(NO_DR, together(points), at_most=None))) == 2


def test_at_most_a_tenth_of_a_policys_points_go_at_once():
    vms = [a_vm(f"vm{number:02}", data_disks=0) for number in range(15)]
    points = [each for vm in vms for each in daily(10, vm)]

    plan = prune(NO_DR, an_estate(*vms, snapshots=together(points)), at_most=None)

    assert len(plan.deletions) == 15


def test_max_delete_stands_in_the_place_of_the_shares():
    points = daily(20)

    assert len(deleted(of_db(NO_DR, together(points), at_most=17))) == 17


# -- what a prune began --------------------------------------------------------------------------


def test_what_a_prune_began_to_delete_is_deleted_to_its_end():
    *younger, oldest = daily(3)
    begun = tagged(oldest, pruning="2026-11-22T11:00:00Z")[:1]

    plan = of_db(NO_DR, [*together(younger), *begun])

    [deletion] = plan.deletions
    assert [each.id for each in deletion.members] == [oldest[0].id]
    assert "cut off" in verdict(plan, oldest).reasons[0]


def test_what_a_prune_began_is_left_alone_once_it_is_held():
    *younger, oldest = daily(3)
    begun = tagged(oldest, pruning="2026-11-22T11:00:00Z", hold="2026 audit")[:1]

    assert not of_db(NO_DR, [*together(younger), *begun]).deletions


def test_a_mark_on_a_whole_point_that_stays_is_taken_back():
    points = daily(2)
    marked = tagged(points[0], pruning="2026-11-22T11:00:00Z")

    plan = of_db(NO_DR, together([marked, points[1]]))

    [unmark] = plan.unmark
    assert unmark.snapshot == marked[0].id
    assert unmark.tags == {"diskguard-pruning": "2026-11-22T11:00:00Z"}


def test_a_seal_somebody_took_away_makes_no_deletion():
    *younger, oldest = daily(3)
    unsealed = [replace(each, tags=without(each.tags, "diskguard-seal")) for each in oldest]

    plan = of_db(NO_DR, [*together(younger), *unsealed])

    assert verdict(plan, oldest).fate is Fate.UNJUDGED
