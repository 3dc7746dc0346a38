"""What a set of snapshots may be called, and why (freeze.md, "Proof and grades")."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from diskguard.model.estate import Snapshot
from diskguard.model.guest import Armed, ClockSource, DiskCounters, GuestReport, HoldOutcome
from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Consistency, Grade, Learned
from diskguard.model.wish import OperationState, OperationStatus
from diskguard.plan.naming_tags import nonce_of

WIDEST_SPREAD = timedelta(seconds=60)
LARGEST_CLOCK_STEP = 0.05  # seconds that wall minus boot time may differ (guest-freeze.md)
DATE_GRAIN = timedelta(seconds=1.5)  # Azure's time is known to us from Date headers, to the second
_READINGS = 4  # of wall minus boot time: at arm, freeze, thaw and collect
_MOST_REASONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEvidence:
    """What is known of one member's making.

    `operation` None: its answer was lost and the snapshot found by name. `existed_before`: a
    snapshot of that name was there just before arming.
    """

    disk_id: ResourceId
    disk_unique_id: str
    lun: int | None
    operation: OperationState | None
    snapshot: Snapshot | None
    existed_before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything one attempt brought to light.

    `stopped_throughout`: the VM was seen stopped before the first request and after the last
    completion, and nobody started it in between. `fallback_because` says why no freeze was held,
    where that was decided before (no agent, the guest refused, not asked for); `no_report_because`,
    why an agreed one has no report. `armed_between` and `collected_between`: Azure's instants of our
    asking and of the answer's arrival.
    """

    requested: Grade
    nonce: str
    members: tuple[MemberEvidence, ...]
    armed: Armed | None = None
    report: GuestReport | None = None
    armed_between: tuple[datetime, datetime] | None = None
    collected_between: tuple[datetime, datetime] | None = None
    stopped_throughout: bool = False
    fallback_because: str | None = None
    no_report_because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the set is. `grade` None: not whole; it is undone, never sealed.

    `doubts` names every condition of a better grade that does not hold; `reason` is their short
    form, None where what was asked was reached.
    """

    grade: Grade | None
    reason: str | None = None
    frozen_at: datetime | None = None
    thawed_at: datetime | None = None
    spread: timedelta | None = None
    clock_error: timedelta | None = None
    taken_at: datetime | None = None
    doubts: tuple[str, ...] = ()

    def consistency(self, requested: Grade) -> Consistency:
        """Give what the seal records. Raises ValueError for a set that is not whole."""
        if self.grade is None:
            raise ValueError(f"not whole: {self.reason}")
        return Consistency(
            requested=requested,
            achieved=self.grade,
            reason=self.reason,
            frozen_at=self.frozen_at,
            thawed_at=self.thawed_at,
            spread=self.spread,
            clock_error=self.clock_error,
        )


def grade(evidence: Evidence) -> Proof:
    """Say what the set may be called; anything in doubt is called less.

    An instant the guest gave is kept on the proof only where the freeze is proven.
    """
    missing = tuple(_why_not_whole(evidence))
    if missing:
        return Proof(grade=None, reason=_short(missing), doubts=missing)
    instants = [each.snapshot.time_created for each in evidence.members if each.snapshot]
    known = [instant for instant in instants if instant is not None]
    taken_at, spread = max(known), max(known) - min(known)
    if evidence.stopped_throughout:
        return Proof(grade=Grade.OFFLINE, taken_at=taken_at, spread=spread)
    doubts = tuple(_why_not_frozen(evidence))
    if not doubts and evidence.report is not None:
        return _frozen(evidence, evidence.report, taken_at=taken_at, spread=spread)
    return _crash(evidence.requested, doubts, taken_at=taken_at, spread=spread)


def spread_is_too_wide(spread: timedelta) -> bool:
    """True when the disks of a set that was not frozen lie too far apart to be one moment."""
    return spread > WIDEST_SPREAD


def learn(
    *,
    armed: Armed | None,
    arrived_at: datetime | None,
    report: GuestReport | None,
    operations: Sequence[OperationState],
) -> Learned:
    """Say what this attempt teaches the next one of the same VM, with room.

    `arrived_at` is when "armed" reached us. The lead is twice its way plus 4 s, 8 s to 60 s: Run
    Command's delays vary by a factor, not by an amount. The hold is half as much again as the
    slowest member needed, plus half a second, and never under two: it only has to reach the last
    completion, and what is wasted of it a VM stands still.
    """
    ends = [each.ended_at for each in operations if each.ended_at is not None]
    took = [
        each.ended_at - each.started_at for each in operations if each.started_at and each.ended_at
    ]
    frozen_at = report.frozen_at if report is not None else None
    return Learned(
        lead=_lead(armed, arrived_at),
        hold=_hold(max(ends) - frozen_at) if frozen_at and ends else None,
        completion=max(took, default=None),
    )


def _lead(armed: Armed | None, arrived_at: datetime | None) -> timedelta | None:
    if armed is None or arrived_at is None:
        return None
    way = max(arrived_at - armed.armed_at, timedelta())
    return min(max(2 * way + timedelta(seconds=4), timedelta(seconds=8)), timedelta(seconds=60))


def _hold(needed: timedelta) -> timedelta | None:
    if needed <= timedelta():
        return None  # finished before the freeze: teaches nothing
    return max(needed * 3 / 2 + timedelta(milliseconds=500), timedelta(seconds=2))


# -- the set as such -----------------------------------------------------------------------------


def _why_not_whole(evidence: Evidence) -> Iterator[str]:
    if not evidence.members:
        yield "it has no member"
    for member in evidence.members:
        trouble = _why_no_data(member, evidence.nonce)
        if trouble is not None:
            yield f"{member.disk_id.name}: {trouble}"


def _why_no_data(member: MemberEvidence, nonce: str) -> str | None:
    operation = member.operation
    if operation is not None and operation.status is not OperationStatus.SUCCEEDED:
        return f"its snapshot is {operation.status} ({operation.error_code or 'no error code'})"
    if member.snapshot is None:
        return "its snapshot is not there"
    if nonce_of(member.snapshot) != nonce:
        return "its snapshot is of another attempt"
    return _why_unfinished(member.snapshot)


def _why_unfinished(snapshot: Snapshot) -> str | None:
    if snapshot.failed or snapshot.provisioning_state != "Succeeded":
        return f"its snapshot is {snapshot.provisioning_state}"
    return None if snapshot.time_created is not None else "its snapshot has no point in time"


def _crash(
    requested: Grade, doubts: tuple[str, ...], *, taken_at: datetime, spread: timedelta
) -> Proof:
    if spread_is_too_wide(spread):
        apart = f"its disks lie {spread.total_seconds():.1f} s apart"
        return Proof(grade=None, reason=apart, spread=spread, doubts=(apart, *doubts))
    asked = requested is Grade.CRASH
    return Proof(
        grade=Grade.CRASH,
        reason=None if asked else _short(doubts),
        taken_at=taken_at,
        spread=spread,
        doubts=() if asked else doubts,
    )


def _frozen(
    evidence: Evidence, report: GuestReport, *, taken_at: datetime, spread: timedelta
) -> Proof:
    return Proof(
        grade=Grade.FILESYSTEM,
        frozen_at=report.frozen_at,
        thawed_at=report.thawed_at,
        spread=spread,
        clock_error=_clock_error(evidence.armed, report),
        taken_at=taken_at,
    )


def _short(doubts: Sequence[str]) -> str:
    more = len(doubts) - _MOST_REASONS
    said = "; ".join(doubts[:_MOST_REASONS])
    return f"{said}; and {more} more" if more > 0 else said


# -- the freeze: one function per condition ------------------------------------------------------

Condition = Callable[[Evidence, Armed, GuestReport], Iterator[str]]


def _why_not_frozen(evidence: Evidence) -> Iterator[str]:
    armed, report = evidence.armed, evidence.report
    if evidence.fallback_because is not None:
        yield evidence.fallback_because
    elif evidence.requested is Grade.OFFLINE:
        yield "the VM was not stopped all the time"
    elif armed is None:
        yield "no freeze was agreed with the guest"
    elif report is None:
        why = evidence.no_report_because
        yield f"the guest's report of the freeze is missing{': ' + why if why else ''}"
    else:
        # A freeze that was not held is not judged any further: its report has nothing more to say.
        held = report.outcome is HoldOutcome.HELD
        for condition in _CONDITIONS if held else (_same_attempt, _held):
            yield from condition(evidence, armed, report)


def _same_attempt(evidence: Evidence, armed: Armed, report: GuestReport) -> Iterator[str]:
    if {armed.attempt, report.attempt} != {evidence.nonce}:
        yield "the guest's report is of another attempt"


def _held(_: Evidence, armed: Armed, report: GuestReport) -> Iterator[str]:
    if report.outcome is not HoldOutcome.HELD:
        verb = "" if report.outcome is HoldOutcome.FAILED else "was "
        yield f"the freeze {verb}{report.outcome}: {report.reason or 'no reason given'}"
    elif report.faulty:
        yield f"{report.faulty[0].what}: {report.faulty[0].reason}"
    elif armed.mount_count < 1 or report.mount_count != armed.mount_count:
        yield f"{report.mount_count} of {armed.mount_count} mounts were frozen"


def _clock_can_be_trusted(_: Evidence, armed: Armed, report: GuestReport) -> Iterator[str]:
    """The host's clock needs no more; the guest's own must be synchronised and must not step."""
    if min(armed.clock_error, report.clock_error) < timedelta():
        yield "the guest's clock error makes no sense"
    clocks = {armed.clock, report.clock}
    if clocks == {ClockSource.HOST}:
        return
    if ClockSource.UNSYNCHRONISED in clocks:
        yield "the guest's clock is not synchronised"
    readings = report.wall_minus_boot
    if len(readings) != _READINGS:
        yield "the guest's clock was not read often enough to exclude a step"
    elif not all(abs(one - two) <= LARGEST_CLOCK_STEP for one in readings for two in readings):
        yield "the guest's clock stepped, or its host paused"


def _clock_agrees(evidence: Evidence, armed: Armed, report: GuestReport) -> Iterator[str]:
    """What the guest did between our question and its answer, its clock must place there too.

    A clock that is wrong and believes itself right would else prove a window nothing lay in.
    """
    readings = (
        ("arm", armed.armed_at, evidence.armed_between),
        ("collect", report.collected_at, evidence.collected_between),
    )
    for step, reading, between in readings:
        if reading is None or between is None:
            yield f"the guest's clock was not held against Azure's at {step}"
        elif not lies_between(reading, between):
            yield f"the guest's clock disagrees with Azure's at {step}"


def lies_between(instant: datetime, between: tuple[datetime, datetime]) -> bool:
    """True when a guest's instant can be true, as far as Azure's clock is known to us."""
    return between[0] - DATE_GRAIN <= instant <= between[1] + DATE_GRAIN


def _stood_still(evidence: Evidence, armed: Armed, report: GuestReport) -> Iterator[str]:
    if report.frozen_at is None or report.thawed_at is None:
        yield "the guest did not say when it froze and thawed"
        return
    if report.thawed_at < report.frozen_at:
        yield "the guest's clock was stepped back during the standstill"
        return
    error = _clock_error(armed, report)
    opened, closed = report.frozen_at + error, report.thawed_at - error
    if opened >= closed:
        yield "the standstill is shorter than the clocks' error"
    for member in evidence.members:
        for trouble in _outside(member, opened, closed):
            yield f"{member.disk_id.name}: {trouble}"


def _outside(member: MemberEvidence, opened: datetime, closed: datetime) -> Iterator[str]:
    operation, snapshot = member.operation, member.snapshot
    if operation is None or operation.started_at is None or operation.ended_at is None:
        yield "when its snapshot was made is not known"
    elif operation.started_at <= opened:
        yield "its snapshot was begun before everything was frozen"
    elif operation.ended_at >= closed:
        yield "its snapshot was finished after the thaw began"
    created = snapshot.time_created if snapshot is not None else None
    if created is None or not opened <= created <= closed:
        yield "its point in time lies outside the standstill"


def _made_now(evidence: Evidence, _: Armed, __: GuestReport) -> Iterator[str]:
    for member in evidence.members:
        if member.existed_before:
            yield f"{member.disk_id.name}: a snapshot of that name was there before"
        elif not _is_of_its_disk(member):
            yield f"{member.disk_id.name}: its snapshot was made of another disk"


def _is_of_its_disk(member: MemberEvidence) -> bool:
    snapshot = member.snapshot
    if snapshot is None or snapshot.source_id != member.disk_id:
        return False
    return (snapshot.source_unique_id or "").lower() == member.disk_unique_id.lower()


def _quiet(evidence: Evidence, _: Armed, report: GuestReport) -> Iterator[str]:
    """Raw devices, swap and idle vfat are judged by the kernel's counters, not by their type."""
    for member in evidence.members:
        seen = [disk for disk in report.disks if disk.lun == member.lun]
        if not seen:
            yield f"{member.disk_id.name}: the guest did not count its writes"
        for disk in seen:
            if _written(disk.before, disk.after):
                yield f"{member.disk_id.name}: it was written to during the standstill"


def _written(before: DiskCounters, after: DiskCounters) -> bool:
    moved = (before.writes, before.discards) != (after.writes, after.discards)
    return moved or before.in_flight != 0 or after.in_flight != 0


def _clock_error(armed: Armed | None, report: GuestReport) -> timedelta:
    return max(armed.clock_error, report.clock_error) if armed else report.clock_error


_CONDITIONS: tuple[Condition, ...] = (
    _same_attempt,
    _held,
    _clock_can_be_trusted,
    _clock_agrees,
    _stood_still,
    _made_now,
    _quiet,
)
