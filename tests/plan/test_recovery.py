"""What a dead run left is started, sealed or undone; what may live or is not ours is left alone."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st
from tests.plan.builders import (
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

from diskguard.model.restore_point import Grade
from diskguard.plan.naming import point_id
from diskguard.plan.points import ATTEMPT_LIFETIME
from diskguard.plan.recovery import plan_recovery

DB = a_vm("db01")
POINT = point_id(DB.id, NOON)
LATER = NOON + timedelta(hours=3)


def recovery_of(snapshots=(), *, vms=(DB,), policy=None, now=LATER):
    return plan_recovery(policy or a_policy(), an_estate(*vms, snapshots=snapshots), now=now)


def unsealed(**say):
    return a_point(DB, sealed=False, **say)


# -- stopped VMs ---------------------------------------------------------------------------------


def test_a_vm_an_offline_backup_stopped_is_started_at_once():
    stopped = replace(DB, tags={"Diskguard-Stopped": POINT, "owner": "erp"})
    plan = recovery_of(vms=(stopped,), now=NOON)

    (start,) = plan.start
    assert (start.vm, start.tag, start.value) == (DB.id, "Diskguard-Stopped", POINT)
    assert not plan.nothing_to_do


def test_it_is_started_whether_or_not_a_rule_takes_it():
    stopped = a_vm("web01", tags={"diskguard-stopped": point_id(a_vm("web01").id, NOON)})
    policy = a_policy(rules='rules: [{name: db, select: {include: [{names: ["db*"]}]}}]')

    assert [each.vm.name for each in recovery_of(vms=(DB, stopped), policy=policy).start] == [
        "web01"
    ]


@pytest.mark.parametrize("value", ["", "yes", point_id(a_vm("db02").id, NOON)])
def test_a_stop_tag_that_names_no_point_of_the_vm_starts_nothing(value):
    plan = recovery_of(vms=(replace(DB, tags={"diskguard-stopped": value}),))

    assert plan.start == ()
    assert [each.what for each in plan.left_alone] == [DB.id.text]


# -- unsealed sets -------------------------------------------------------------------------------


def test_nothing_left_behind_is_nothing_to_do():
    plan = recovery_of(a_point(DB))

    assert plan.nothing_to_do
    assert plan.left_alone == ()


def test_a_set_whose_run_may_live_is_left_alone():
    plan = recovery_of(unsealed(), now=NOON + ATTEMPT_LIFETIME)

    assert plan.nothing_to_do
    assert [each.what for each in plan.left_alone] == [POINT]


def test_a_whole_set_of_a_dead_run_is_sealed_as_crash_never_as_consistent():
    plan = recovery_of(unsealed())

    (seal,) = plan.seal
    assert (seal.point, seal.members) == (POINT, 2)
    assert seal.first_member.name.endswith("-os")
    assert seal.taken_at == NOON + timedelta(seconds=2)
    assert (seal.consistency.requested, seal.consistency.achieved) == (
        Grade.FILESYSTEM,
        Grade.CRASH,
    )
    assert seal.consistency.reason
    assert plan.undo == ()


def test_a_whole_set_that_was_to_be_crash_is_what_was_asked():
    snapshots = [a_snapshot(each) for each in identities_of(DB, requested=Grade.CRASH)]
    policy = a_policy("consistency: {fallback: none}")

    (seal,) = recovery_of(snapshots, policy=policy).seal
    assert seal.consistency.reason is None


def with_second(snapshots, **changes):
    first, second = snapshots
    return [first, replace(second, **changes)]


LEFTOVERS = {
    "a member less": lambda: unsealed()[:1],
    "the first less": lambda: unsealed()[1:],
    "two attempts": lambda: [unsealed()[0], unsealed(nonce="f" * 16)[1]],
    "a failed member": lambda: with_second(unsealed(), provisioning_state="Failed"),
    "an unfinished member": lambda: with_second(unsealed(), provisioning_state="Creating"),
    "no point in time": lambda: with_second(unsealed(), time_created=None),
    "over a minute apart": lambda: with_second(
        unsealed(), time_created=NOON + timedelta(seconds=63)
    ),
}


@pytest.mark.parametrize("leftover", LEFTOVERS.values(), ids=LEFTOVERS)
def test_a_set_that_is_not_whole_is_undone_and_never_completed(leftover):
    snapshots = leftover()
    plan = recovery_of(snapshots)

    (undo,) = plan.undo
    assert set(undo.snapshots) == {snapshot.id for snapshot in snapshots}
    assert undo.reason
    assert plan.seal == ()


NO_FALLBACK = "consistency: {fallback: none}"


@pytest.mark.parametrize(
    "policy",
    [
        a_policy(NO_FALLBACK),
        a_policy(
            rules='rules: [{name: all, select: {include: [{names: ["*"]}]}, '
            "consistency: {fallback: none}}]"
        ),
    ],
)
def test_where_the_policy_allows_no_fallback_a_whole_set_is_undone(policy):
    plan = recovery_of(unsealed(), policy=policy)

    assert (len(plan.undo), plan.seal) == (1, ())


def test_the_points_of_a_vm_that_is_gone_follow_the_policy_s_own_word():
    assert len(recovery_of(unsealed(), vms=()).seal) == 1
    assert len(recovery_of(unsealed(), vms=(), policy=a_policy(NO_FALLBACK)).undo) == 1


def test_what_was_ever_copied_is_left_alone():
    sealed = a_point(DB)
    robbed = unsealed()
    plan = recovery_of([*robbed, *copies_of(sealed)])

    assert plan.nothing_to_do
    assert "sealed once" in plan.left_alone[0].reason


@pytest.mark.parametrize("second", [0, 1])
def test_a_seal_on_any_member_readable_or_not_keeps_a_set_from_being_undone(second):
    snapshots = a_point(DB)
    del snapshots[second - 1]
    broken = replace(unsealed()[0], tags={**unsealed()[0].tags, "diskguard-seal": "{"})

    assert recovery_of([broken]).nothing_to_do
    assert recovery_of(a_point(DB)[:1]).nothing_to_do


def test_a_set_with_a_stranger_among_its_names_is_left_alone():
    first, second = unsealed()
    plan = recovery_of([first, replace(second, tags={})])

    assert plan.nothing_to_do
    assert "not ours" in plan.left_alone[0].reason


def test_points_of_other_policies_are_not_touched_and_those_of_former_names_are():
    other = [a_snapshot(each) for each in identities_of(DB, policy="erp-old")]

    assert recovery_of(other).nothing_to_do
    assert len(recovery_of(other, policy=a_policy("previous_names: [erp-old]")).seal) == 1


states = st.sampled_from(["Succeeded", "Failed", "Creating"])
ages = st.integers(0, 60).map(lambda minutes: timedelta(minutes=minutes))


@given(
    st.lists(st.tuples(st.integers(0, 1), states, st.booleans(), st.booleans(), ages), max_size=4),
    st.booleans(),
)
def test_only_unsealed_dead_sets_of_ours_are_ever_deleted(made, copied):
    snapshots = {}
    for number, state, sealed, forged, age in made:
        identity = identities_of(DB)[number]
        snapshot = a_snapshot(
            identity,
            seal=a_seal() if sealed else None,
            provisioning_state=state,
            time_created=LATER - age,
        )
        snapshots[number] = replace(snapshot, source_unique_id="x") if forged else snapshot
    copies = copies_of(a_point(DB)) if copied else []
    plan = recovery_of([*snapshots.values(), *copies])
    by_id = {snapshot.id: snapshot for snapshot in snapshots.values()}

    for undo in plan.undo:
        for gone in undo.snapshots:
            assert "diskguard-seal" not in by_id[gone].tags
            assert by_id[gone].source_unique_id != "x"
            made_at = by_id[gone].time_created
            assert made_at is not None
            assert made_at <= LATER - ATTEMPT_LIFETIME
    assert not (copied and plan.undo)
