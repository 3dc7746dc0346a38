"""Consistent is said only with proof; every condition counts alone."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st
from tests.plan.builders import NONCE, NOON, a_point, a_vm, without

from diskguard.model.guest import (
    Armed,
    ClockSource,
    DiskCounters,
    GuestReport,
    HoldOutcome,
    LeftOut,
    QuietDisk,
)
from diskguard.model.restore_point import Grade
from diskguard.model.wish import OperationState, OperationStatus
from diskguard.plan.proof import Evidence, MemberEvidence, Proof, grade, learn

FROZEN, THAWED = NOON + timedelta(seconds=1), NOON + timedelta(seconds=5)
COLLECTED = THAWED + timedelta(seconds=8)
STILL = DiskCounters(writes=100, discards=3, in_flight=0)


def seconds(number):
    return timedelta(seconds=number)


def armed(**changes):
    promise = Armed(
        attempt=NONCE,
        armed_at=NOON - seconds(10),
        freeze_at=NOON,
        thaw_by=NOON + seconds(10),
        clock=ClockSource.HOST,
        clock_error=timedelta(milliseconds=20),
        supervisor="systemd",
        mount_count=3,
        mounts=(),
    )
    return replace(promise, **changes)


def report(**changes):
    held = GuestReport(
        attempt=NONCE,
        outcome=HoldOutcome.HELD,
        reason=None,
        frozen_at=FROZEN,
        thawed_at=THAWED,
        freezing_took=seconds(0.1),
        clock=ClockSource.HOST,
        clock_error=timedelta(milliseconds=20),
        wall_minus_boot=(1000.0, 1000.0, 1000.01, 1000.0),
        mount_count=3,
        collected_at=COLLECTED,
        disks=tuple(QuietDisk(lun=lun, before=STILL, after=STILL) for lun in (None, 0)),
    )
    return replace(held, **changes)


def a_member(snapshot, lun):
    operation = OperationState(
        status=OperationStatus.SUCCEEDED,
        started_at=FROZEN + seconds(1),
        ended_at=FROZEN + seconds(2),
    )
    return MemberEvidence(
        disk_id=snapshot.source_id,
        disk_unique_id=snapshot.source_unique_id,
        lun=lun,
        operation=operation,
        snapshot=snapshot,
    )


def proven():
    """Evidence of a freeze with nothing to complain of."""
    snapshots = a_point(a_vm("db01"), sealed=False, taken_at=FROZEN + seconds(1))
    members = tuple(a_member(each, lun) for each, lun in zip(snapshots, (None, 0), strict=True))
    return Evidence(
        requested=Grade.FILESYSTEM,
        nonce=NONCE,
        members=members,
        armed=armed(),
        report=report(),
        armed_between=around(armed().armed_at),
        collected_between=around(COLLECTED),
    )


def around(instant):
    """Azure's instants of a question and its answer, as Run Command takes them."""
    return instant - seconds(6), instant + seconds(14)


def with_second(evidence, **changes):
    first, second = evidence.members
    return replace(evidence, members=(first, replace(second, **changes)))


def with_second_snapshot(evidence, **changes):
    return with_second(evidence, snapshot=replace(evidence.members[1].snapshot, **changes))


def with_operation(evidence, **changes):
    operation = evidence.members[1].operation
    return with_second(evidence, operation=replace(operation, **changes))


def with_report(evidence, **changes):
    return replace(evidence, report=replace(evidence.report, **changes))


def with_armed(evidence, **changes):
    return replace(evidence, armed=replace(evidence.armed, **changes))


def on_the_guest_s_clock(evidence, *readings):
    own = {"clock": ClockSource.SYNCHRONISED}
    return with_report(with_armed(evidence, **own), **own, wall_minus_boot=readings)


def with_counters(evidence, **after):
    disks = (
        evidence.report.disks[0],
        replace(evidence.report.disks[1], after=replace(STILL, **after)),
    )
    return with_report(evidence, disks=disks)


BROKEN = {
    "when it was armed is not known": (
        lambda e: replace(e, armed_between=None),
        "not held against Azure's at arm",
    ),
    "armed by a wrong clock": (
        lambda e: replace(e, armed_between=around(e.armed.armed_at + seconds(60))),
        "disagrees with Azure's at arm",
    ),
    "collected by a wrong clock": (
        lambda e: with_report(e, collected_at=COLLECTED + seconds(60)),
        "disagrees with Azure's at collect",
    ),
    "when it was collected is not known": (
        lambda e: with_report(e, collected_at=None),
        "not held against Azure's at collect",
    ),
    "not armed": (lambda e: replace(e, armed=None), "no freeze was agreed"),
    "no report": (lambda e: replace(e, report=None), "report of the freeze is missing"),
    "no report, and it is known why": (
        lambda e: replace(e, report=None, no_report_because="another script runs"),
        "is missing: another script runs",
    ),
    "thawed before it froze, by its clock": (
        lambda e: with_report(e, thawed_at=FROZEN - seconds(1)),
        "clock was stepped back during the standstill",
    ),
    "fallback": (lambda e: replace(e, fallback_because="no agent"), "no agent"),
    "another attempt armed": (lambda e: with_armed(e, attempt="x"), "of another attempt"),
    "another attempt's report": (lambda e: with_report(e, attempt="x"), "of another attempt"),
    "stolen": (
        lambda e: with_report(e, outcome=HoldOutcome.STOLEN, reason="EINVAL"),
        "stolen: EINVAL",
    ),
    "failed": (lambda e: with_report(e, outcome=HoldOutcome.FAILED), "failed: no reason given"),
    "aborted": (lambda e: with_report(e, outcome=HoldOutcome.ABORTED), "aborted"),
    "a faulty mount": (
        lambda e: with_report(e, faulty=(LeftOut(what="/data", reason="EIO"),)),
        "/data: EIO",
    ),
    "a mount less": (lambda e: with_report(e, mount_count=2), "2 of 3 mounts"),
    "no mount": (
        lambda e: with_report(with_armed(e, mount_count=0), mount_count=0),
        "0 of 0 mounts",
    ),
    "clock not synchronised at arm": (
        lambda e: with_armed(e, clock=ClockSource.UNSYNCHRONISED),
        "not synchronised",
    ),
    "clock not synchronised at collect": (
        lambda e: with_report(e, clock=ClockSource.UNSYNCHRONISED),
        "not synchronised",
    ),
    "a negative clock error": (
        lambda e: with_report(e, clock_error=seconds(-1)),
        "makes no sense",
    ),
    "a stepped clock": (lambda e: on_the_guest_s_clock(e, 0.0, 0.0, 0.2, 0.2), "stepped"),
    "a clock of no number": (
        lambda e: on_the_guest_s_clock(e, 0.0, float("nan"), 0.0, 0.0),
        "stepped",
    ),
    "too few readings": (lambda e: on_the_guest_s_clock(e, 0.0, 0.0), "not read often enough"),
    "no instants": (lambda e: with_report(e, frozen_at=None), "did not say when"),
    "no thaw": (lambda e: with_report(e, thawed_at=None), "did not say when"),
    "error wider than the standstill": (
        lambda e: with_report(e, clock_error=seconds(2)),
        "shorter than the clocks' error",
    ),
    "begun too early": (
        lambda e: with_operation(e, started_at=FROZEN + timedelta(milliseconds=20)),
        "begun before",
    ),
    "ended too late": (
        lambda e: with_operation(e, ended_at=THAWED - timedelta(milliseconds=20)),
        "finished after",
    ),
    "unknown start": (lambda e: with_operation(e, started_at=None), "is not known"),
    "unknown end": (lambda e: with_operation(e, ended_at=None), "is not known"),
    "adopted": (lambda e: with_second(e, operation=None), "is not known"),
    "taken before the freeze": (
        lambda e: with_second_snapshot(e, time_created=FROZEN),
        "point in time lies outside",
    ),
    "taken after the thaw": (
        lambda e: with_second_snapshot(e, time_created=THAWED),
        "point in time lies outside",
    ),
    "the name existed": (lambda e: with_second(e, existed_before=True), "was there before"),
    "of another disk": (
        lambda e: with_second_snapshot(e, source_id=e.members[0].disk_id),
        "made of another disk",
    ),
    "of a disk made anew": (
        lambda e: with_second_snapshot(e, source_unique_id=None),
        "made of another disk",
    ),
    "writes": (lambda e: with_counters(e, writes=101), "written to"),
    "discards": (lambda e: with_counters(e, discards=4), "written to"),
    "in flight": (lambda e: with_counters(e, in_flight=1), "written to"),
    "not counted": (lambda e: with_report(e, disks=e.report.disks[:1]), "did not count"),
}


def test_a_freeze_with_nothing_to_complain_of_is_filesystem():
    proof = grade(proven())

    assert proof == Proof(
        grade=Grade.FILESYSTEM,
        frozen_at=FROZEN,
        thawed_at=THAWED,
        spread=timedelta(),
        clock_error=timedelta(milliseconds=20),
        taken_at=FROZEN + seconds(1),
    )
    assert proof.consistency(Grade.FILESYSTEM).window == seconds(4)


@pytest.mark.parametrize(("broken", "reason"), BROKEN.values(), ids=BROKEN)
def test_one_condition_that_fails_makes_it_crash_and_is_the_reason(broken, reason):
    proof = grade(broken(proven()))

    assert proof.grade is Grade.CRASH
    assert reason in (proof.reason or "")
    assert (proof.frozen_at, proof.thawed_at) == (None, None)


@given(st.lists(st.sampled_from(sorted(BROKEN)), min_size=1, max_size=6, unique=True))
def test_no_mixture_of_broken_conditions_is_ever_filesystem(names):
    evidence = proven()
    for name in names:
        try:
            evidence = BROKEN[name][0](evidence)
        except (AttributeError, IndexError, TypeError):
            continue  # what this one would break is gone already
    proof = grade(evidence)

    assert proof.grade is not Grade.FILESYSTEM
    assert proof.doubts


@given(
    st.floats(-20, 20), st.floats(-20, 20), st.floats(-20, 20), st.floats(-1, 5), st.floats(-20, 20)
)
def test_filesystem_means_that_every_instant_lies_in_the_standstill(start, end, made, error, thaw):
    evidence = with_operation(
        proven(), started_at=FROZEN + seconds(start), ended_at=FROZEN + seconds(end)
    )
    evidence = with_second_snapshot(evidence, time_created=FROZEN + seconds(made))
    evidence = with_report(evidence, clock_error=seconds(error), thawed_at=FROZEN + seconds(thaw))
    proof = grade(evidence)

    if proof.grade is Grade.FILESYSTEM:
        bound = max(seconds(error), timedelta(milliseconds=20))
        assert bound < seconds(start)
        assert seconds(end) < seconds(thaw) - bound
        assert bound <= seconds(made) <= seconds(thaw) - bound


def test_a_guest_s_own_clock_that_stayed_in_step_proves_as_well():
    evidence = on_the_guest_s_clock(proven(), 1000.0, 1000.01, 1000.02, 1000.04)

    assert grade(evidence).grade is Grade.FILESYSTEM


NOT_WHOLE = {
    "no member": lambda e: replace(e, members=()),
    "a failed operation": lambda e: with_operation(
        e, status=OperationStatus.FAILED, error_code="SnapshotsLimitReached"
    ),
    "a running operation": lambda e: with_operation(e, status=OperationStatus.RUNNING),
    "no snapshot": lambda e: with_second(e, snapshot=None),
    "a failed snapshot": lambda e: with_second_snapshot(e, provisioning_state="Failed"),
    "an unfinished snapshot": lambda e: with_second_snapshot(e, provisioning_state="Creating"),
    "no point in time": lambda e: with_second_snapshot(e, time_created=None),
    "another attempt": lambda e: with_second_snapshot(
        e, tags=without(e.members[1].snapshot.tags, "diskguard-nonce")
    ),
    "more than a minute apart": lambda e: replace(
        with_second_snapshot(e, time_created=NOON + seconds(63)), report=None
    ),
}


@pytest.mark.parametrize("broken", NOT_WHOLE.values(), ids=NOT_WHOLE)
@pytest.mark.parametrize("requested", [Grade.FILESYSTEM, Grade.CRASH])
def test_a_set_that_is_not_whole_has_no_grade_and_is_never_sealed(broken, requested):
    evidence = replace(proven(), requested=requested)
    proof = grade(broken(replace(evidence, report=None) if requested is Grade.CRASH else evidence))

    assert proof.grade is None
    assert proof.reason
    with pytest.raises(ValueError, match="not whole"):
        proof.consistency(requested)


def test_a_vm_that_was_stopped_throughout_is_offline_however_far_its_disks_lie_apart():
    evidence = replace(
        with_second_snapshot(proven(), time_created=NOON + seconds(300)),
        requested=Grade.OFFLINE,
        armed=None,
        report=None,
        stopped_throughout=True,
    )
    proof = grade(evidence)

    assert (proof.grade, proof.reason, proof.spread) == (Grade.OFFLINE, None, seconds(298))
    assert proof.taken_at == NOON + seconds(300)


def test_a_vm_somebody_started_in_between_is_crash():
    proof = grade(replace(proven(), requested=Grade.OFFLINE, armed=None, report=None))

    assert (proof.grade, proof.reason) == (Grade.CRASH, "the VM was not stopped all the time")


def test_crash_that_was_asked_for_needs_no_reason():
    proof = grade(replace(proven(), requested=Grade.CRASH, armed=None, report=None))

    assert (proof.grade, proof.reason, proof.spread) == (Grade.CRASH, None, timedelta())
    assert not proof.consistency(Grade.CRASH).downgraded


def test_many_doubts_are_counted_beyond_the_third():
    own = with_report(proven(), clock=ClockSource.UNSYNCHRONISED, mount_count=1, disks=())
    proof = grade(with_report(own, attempt="x"))

    assert len(proof.doubts) == 5
    assert "and 2 more" in (proof.reason or "")


def test_a_freeze_that_was_not_held_is_told_by_its_own_reason_alone():
    failed = with_report(
        proven(),
        outcome=HoldOutcome.FAILED,
        reason="/data: FIFREEZE hangs",
        faulty=(LeftOut(what="/data", reason="FIFREEZE hangs"),),
        clock=ClockSource.UNSYNCHRONISED,
        frozen_at=None,
        thawed_at=None,
        mount_count=0,
        disks=(),
    )

    assert grade(failed).reason == "the freeze failed: /data: FIFREEZE hangs"


# -- what an attempt teaches ---------------------------------------------------------------------


def operation_of(start, end):
    return OperationState(
        status=OperationStatus.SUCCEEDED,
        started_at=FROZEN + seconds(start),
        ended_at=FROZEN + seconds(end),
    )


def test_lead_hold_and_completion_are_learned_with_room():
    learned = learn(
        armed=armed(),
        arrived_at=NOON - seconds(1),
        report=report(),
        operations=[operation_of(1, 2), operation_of(1, 3)],
    )

    assert learned.lead == seconds(22)
    assert learned.hold == seconds(5)
    assert learned.completion == seconds(2)


def test_nothing_known_teaches_nothing():
    learned = learn(armed=None, arrived_at=None, report=None, operations=[])

    assert (learned.lead, learned.hold, learned.completion) == (None, None, None)
    assert (
        learn(
            armed=armed(), arrived_at=None, report=report(), operations=[operation_of(-5, -4)]
        ).hold
        is None
    )


@given(st.floats(-100, 1000), st.floats(0.001, 100))
def test_what_is_learned_stays_within_reason(way, end):
    learned = learn(
        armed=armed(),
        arrived_at=armed().armed_at + seconds(way),
        report=report(),
        operations=[operation_of(0, end)],
    )

    assert seconds(8) <= (learned.lead or timedelta()) <= seconds(60)
    assert max(seconds(2), seconds(end)) <= (learned.hold or timedelta())
