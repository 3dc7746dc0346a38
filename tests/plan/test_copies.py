"""Copies of sealed points: per disk in creation order, each once, none coming back after a prune."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st
from tests.plan.builders import (
    DR_GROUP,
    NOON,
    PLACES,
    SUBSCRIPTION,
    WEST,
    a_copy,
    a_disk,
    a_point,
    a_policy,
    a_seal,
    a_snapshot,
    a_vm,
    an_estate,
    copies_of,
    disks_of,
    identities_of,
    ours,
)

from diskguard.model.estate import EncryptionSet
from diskguard.model.restore_point import Location, PointState
from diskguard.plan.copies import plan_copies
from diskguard.plan.naming import point_id
from diskguard.plan.naming_tags import COPY_SKIPPED, MemberIdentity
from diskguard.plan.points import assemble_points

DB = a_vm("db01")
NOW = NOON + timedelta(days=30)


def hour(number):
    return NOON + timedelta(hours=number)


def points(*hours, vm=DB, **say):
    return [snapshot for each in hours for snapshot in a_point(vm, slot=hour(each), **say)]


def name_of(number, vm=DB):
    return point_id(vm.id, hour(number))


def plan_of(snapshots, *, policy=None, vms=(DB,), **estate):
    return plan_copies(
        policy or a_policy(), an_estate(*vms, snapshots=snapshots, **estate), now=NOW
    )


def copied_points(plan):
    return sorted({step.point for queue in plan.queues for step in queue.steps})


# -- what is outstanding -------------------------------------------------------------------------


def test_every_sealed_point_is_copied_disk_by_disk_oldest_first():
    plan = plan_of(points(2, 0, 1))

    assert [queue.disk_name for queue in plan.queues] == ["db01-0", "db01-os"]
    for queue in plan.queues:
        assert [step.point for step in queue.steps] == [name_of(0), name_of(1), name_of(2)]
        assert (queue.subscription, queue.region) == (SUBSCRIPTION, WEST)


def test_a_wished_copy_is_complete_in_its_own_region_with_no_word_from_the_other():
    source = points(0)
    steps = [queue.steps[0] for queue in plan_of(source).queues]
    made = [
        replace(
            a_copy(snapshot, a_seal()),
            id=step.wish.id,
            tags=step.wish.tags,
            source_id=step.wish.source,
        )
        for step in steps
        for snapshot in source
        if snapshot.id == step.source
    ]

    (point,) = assemble_points(made, PLACES, now=NOW).points
    dr = point.part(Location.DR)
    assert dr is not None
    assert dr.state is PointState.COMPLETE
    assert dr.seal == ours(source[0]).seal


def test_a_copy_is_wished_for_as_the_policy_says():
    policy = a_policy(
        "tags: {owner: erp}\ncopy: {speed: enhanced}\nprotection: {network_access: allow}",
        dr="region: westus, sku: Standard_ZRS",
    )
    wish = plan_of(points(0), policy=policy).queues[0].steps[0].wish

    assert wish.copy
    assert (wish.id.group, wish.region, wish.sku) == (DR_GROUP, WEST, "Standard_ZRS")
    assert (wish.network_access, wish.enhanced_speed) == ("allow", True)
    assert wish.tags["owner"] == "erp"


@pytest.mark.parametrize("policy", [a_policy(dr=None), a_policy("copy: {to: []}")])
def test_a_policy_that_wishes_no_copies_gets_none(policy):
    assert plan_of(points(0), policy=policy).queues == ()


def test_what_is_copied_is_not_copied_again():
    source = points(0)

    assert plan_of([*source, *copies_of(source)]).queues == ()


@pytest.mark.parametrize(
    "snapshots",
    [points(0, sealed=False), points(0)[1:], points(0)[:1], points(0, percent=50.0)],
    ids=["unsealed", "without its seal", "not whole", "not readable yet"],
)
def test_only_complete_points_are_copied(snapshots):
    assert plan_of(snapshots).queues == ()


def test_a_point_still_copied_in_the_background_makes_the_later_ones_wait():
    waiting = points(0, percent=50.0)

    assert plan_of([*waiting, *points(1)]).queues == ()


def test_a_copy_under_way_is_followed_and_not_asked_for_again():
    source = points(0)
    plan = plan_of([*source, *copies_of(source, percent=37.0), *points(1)])

    for queue in plan.queues:
        assert [(step.running, step.percent) for step in queue.steps] == [
            (True, 37.0),
            (False, None),
        ]


def test_a_failed_copy_is_deleted_and_made_again():
    source = points(0)
    failed = [replace(copy, copy_error="CopySourceNotFound") for copy in copies_of(source)]
    steps = [queue.steps[0] for queue in plan_of([*source, *failed]).queues]

    assert {step.failed_before for step in steps} == {copy.id for copy in failed}
    assert not any(step.running for step in steps)


def test_half_a_copied_point_is_completed():
    source = points(0)
    plan = plan_of([*source, copies_of(source)[0]])

    assert [queue.disk_name for queue in plan.queues] == ["db01-0"]


def test_copies_that_retention_deleted_do_not_come_back():
    source = points(0, 1, 2)
    newest_copied = copies_of(points(1))

    assert copied_points(plan_of([*source, *newest_copied])) == [name_of(2)]


def test_a_failed_copy_older_than_the_newest_is_too_late():
    source = points(0, 1)
    failed = [replace(copy, provisioning_state="Failed") for copy in copies_of(points(0))]

    assert plan_of([*source, *failed, *copies_of(points(1))]).queues == ()


def test_a_disk_made_anew_starts_its_own_queue():
    before = points(0)
    anew = [
        a_snapshot(
            replace(identity, disk_unique_id=f"{identity.disk_unique_id}-2"),
            seal=a_seal(taken_at=hour(1)) if identity.number == 1 else None,
        )
        for identity in identities_of(DB, slot=hour(1))
    ]

    assert len(plan_of([*before, *anew]).queues) == 4


# -- which ---------------------------------------------------------------------------------------

DAILY = "copy: {which: daily-first}"


def test_daily_first_copies_the_first_point_of_each_day():
    plan = plan_of(points(-1, -2, 1, 25, 13), policy=a_policy(DAILY))

    assert copied_points(plan) == [name_of(-2), name_of(13)]


def test_a_day_whose_first_point_lies_only_in_the_other_region_is_done():
    gone_here = copies_of(points(0))

    assert plan_of([*gone_here, *points(1)], policy=a_policy(DAILY)).queues == ()


# -- backlog -------------------------------------------------------------------------------------


def backlog(most):
    return a_policy(f"copy: {{backlog: {{max_pending: {most}}}}}")


def test_the_oldest_unstarted_points_are_given_up_and_that_is_recorded():
    plan = plan_of(points(0, 1, 2, 3), policy=backlog(2))

    assert copied_points(plan) == [name_of(2), name_of(3)]
    assert [skipped.point for skipped in plan.skipped] == [name_of(0), name_of(1)]
    for skipped in plan.skipped:
        assert skipped.first_member.name.endswith("-os")
        assert list(skipped.tags) == [COPY_SKIPPED]


def test_a_point_given_up_stays_given_up():
    source = points(0)
    given_up = replace(source[0], tags={**source[0].tags, COPY_SKIPPED: "backlog"})

    assert copied_points(plan_of([given_up, source[1], *points(1)])) == [name_of(1)]


def test_a_copy_that_was_begun_is_never_given_up():
    begun = points(0)
    plan = plan_of([*begun, *copies_of(begun, percent=5.0), *points(1, 2)], policy=backlog(1))

    assert copied_points(plan) == [name_of(0), name_of(2)]
    assert [skipped.point for skipped in plan.skipped] == [name_of(1)]


# -- trouble -------------------------------------------------------------------------------------


def test_a_copy_that_can_go_nowhere_is_a_failure_once():
    plan = plan_of(points(0, 1), policy=a_policy(dr="region: paired"), pairs={})

    assert plan.queues == ()
    assert [failure.code for failure in plan.failures] == ["no-paired-region"]


def test_a_stranger_under_the_copy_s_name_is_a_failure_and_stops_no_later_point():
    source = points(0)
    stranger = replace(copies_of(source)[0], tags={})
    plan = plan_of([*source, stranger, *points(1)])

    assert [failure.code for failure in plan.failures] == ["name-taken"]
    assert copied_points(plan) == [name_of(1)]


def test_the_source_s_key_decides_which_key_the_copy_needs():
    des = DB.id.of(SUBSCRIPTION, "rg-keys", "Microsoft.Compute/diskEncryptionSets", "des")
    source = points(0, encryption_set=des)

    assert [each.code for each in plan_of(source).failures] == ["encryption-set-missing"]
    policy = a_policy(
        dr=f'region: westus, disk_encryption_sets: [{{from: "*", region: "*", to: "{des}"}}]'
    )
    sets = (EncryptionSet(id=des, region=WEST),)
    plan = plan_of(source, policy=policy, encryption_sets=sets)
    assert {step.wish.encryption_set for queue in plan.queues for step in queue.steps} == {des}


def test_the_points_of_a_source_that_is_gone_are_copied_as_the_policy_says():
    assert copied_points(plan_of(points(0), vms=())) == [name_of(0)]
    assert plan_of(points(0), vms=(), policy=a_policy("copy: {to: []}")).queues == ()


def test_a_rule_s_own_word_counts_for_its_vms():
    policy = a_policy(
        rules='rules: [{name: all, select: {include: [{names: ["*"]}]}, copy: {to: []}}]'
    )

    assert plan_of(points(0), policy=policy).queues == ()


def test_a_disk_without_a_vm_is_copied_too():
    disk = a_disk("archive-1", state="Unattached")
    identity = MemberIdentity(
        point=point_id(disk.id, NOON),
        policy="erp-prod",
        slot=NOON,
        number=1,
        count=1,
        vm=None,
        vm_unique_id="",
        disk_id=disk.id,
        disk_unique_id=disk.unique_id,
        lun=None,
        region=disk.region,
        requested=a_seal().consistency.requested,
    )
    snapshot = a_snapshot(identity, seal=a_seal(1))

    assert [queue.disk_name for queue in plan_of([snapshot], disks=(disk,)).queues] == ["archive-1"]


def test_no_more_copies_at_once_than_azure_or_the_policy_allow():
    assert plan_of(points(0)).parallel == 100
    assert plan_of(points(0), policy=a_policy("limits: {parallel_copies: 7}")).parallel == 7


# -- laws ----------------------------------------------------------------------------------------

fates = st.sampled_from(["absent", "running", "failed", "done"])


@given(
    st.dictionaries(st.integers(0, 12), st.tuples(fates, fates), max_size=7),
    st.integers(1, 4),
    st.sampled_from(["all", "daily-first"]),
)
def test_a_queue_is_in_order_starts_nothing_older_than_what_is_there_and_nothing_twice(
    fated, most, which
):
    snapshots = []
    for number, two in fated.items():
        source = points(number)
        snapshots += source
        for copy, fate in zip(copies_of(source), two, strict=True):
            if fate == "running":
                snapshots.append(replace(copy, percent=3.0))
            elif fate == "failed":
                snapshots.append(replace(copy, provisioning_state="Failed"))
            elif fate == "done":
                snapshots.append(copy)
    sections = f"copy: {{which: {which}, backlog: {{max_pending: {most}}}}}"
    plan = plan_of(snapshots, policy=a_policy(sections), disks=disks_of(DB))
    there = {each.id: each for each in snapshots}

    for queue in plan.queues:
        times = [there[step.source].time_created for step in queue.steps]
        assert times == sorted(set(times), key=str)
        for step in queue.steps:
            found = there.get(step.wish.id)
            assert step.running == (found is not None and not found.failed)
            assert (step.failed_before is not None) == (found is not None and found.failed)
    given_up = {skipped.point for skipped in plan.skipped}
    assert not given_up & set(copied_points(plan))
