"""The snapshots of one set: requested at once, followed to their end, or undone."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from diskguard.errors import CloudUnreachable, DiskguardError, NotTheSame, Unfinished
from diskguard.model.estate import Snapshot
from diskguard.model.wish import OperationState, OperationStatus, Requested, SnapshotWish
from diskguard.plan.backup_plan import MemberPlan, VmPlan, wish_for_attempt
from diskguard.plan.naming_tags import nonce_of
from diskguard.plan.prune_plan import Doomed
from diskguard.ports import Compute, Ports, Reservation
from diskguard.run.deletion import delete_guarded
from diskguard.run.together import together

# A lost answer may be about a request Azure is still taking in; a read just after a create can
# still say 404 (arm-wire 3). So a snapshot is looked for this often, with these pauses.
LOOKS = tuple(timedelta(seconds=seconds) for seconds in (0, 3, 7, 15))
UNDER_WAY = ("Creating", "Updating")  # Azure's words for what is neither made nor failed yet
# Pauses between reads of an operation that is not finished when it should be.
FOLLOW = tuple(timedelta(seconds=seconds) for seconds in (2, 3, 5, 10, 15, 30))
GIVE_UP_AFTER = timedelta(minutes=8)  # well within ATTEMPT_LIFETIME, with COLLECT and the seal
FIRST_GUESS = timedelta(seconds=1)  # a snapshot's operation took 0.4 s to 1.2 s (arm-wire 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One member as it was asked for: accepted, lost (answer unknown) or refused (`error`)."""

    member: MemberPlan
    wish: SnapshotWish
    nonce: str
    sent_at: datetime
    requested: Requested | None = None
    error: DiskguardError | None = None

    @property
    def lost(self) -> bool:
        """True when no answer came: Azure may have heard us or not."""
        return isinstance(self.error, CloudUnreachable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One member that exists and carries this attempt's nonce.

    `operation` is None for one whose answer was lost and that was adopted afterwards: it is ours,
    but when exactly it was made Azure told somebody who did not hear it.
    """

    asked: Asked
    snapshot: Snapshot
    operation: OperationState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A window that is open: until when, and what was reserved for it."""

    until: datetime
    reserved: Reservation


async def request_members(
    plan: VmPlan, ports: Ports, *, nonce: str, opening: Opening | None = None
) -> tuple[Asked, ...]:
    """Ask for every member at once, each exactly once; what came of each is data, not an error."""
    return await together(
        _request(member, ports, nonce=nonce, opening=opening) for member in plan.members
    )


async def _request(
    member: MemberPlan, ports: Ports, *, nonce: str, opening: Opening | None
) -> Asked:
    sent_at = ports.clock.now()
    requested_at = sent_at + ports.compute.clock_offset()  # other machines read it
    wish = wish_for_attempt(member, nonce=nonce, requested_at=requested_at)
    asked = Asked(member=member, wish=wish, nonce=nonce, sent_at=sent_at)
    try:
        requested = await ports.compute.request_snapshot(
            wish,
            until=opening.until if opening else None,
            window=opening.reserved if opening else None,
        )
    except DiskguardError as error:
        return replace(asked, error=error)
    return replace(asked, requested=requested)


async def follow_to_end(
    asked: Sequence[Asked], plan: VmPlan, ports: Ports
) -> tuple[Taken | DiskguardError, ...]:
    """Say of every member what became of it: taken, or the error that means it is not.

    One read each at about the time it should be done, then only for the unfinished.
    """
    return await together(_follow(each, plan, ports) for each in asked)


async def _follow(asked: Asked, plan: VmPlan, ports: Ports) -> Taken | DiskguardError:
    try:
        if asked.requested is None:
            return await _adopt(asked, ports)
        due = asked.requested.answered_at + (plan.completion or FIRST_GUESS)
        await ports.clock.sleep_until(due)
        return await _finish(asked, asked.requested, ports)
    except DiskguardError as error:
        return error


async def _adopt(asked: Asked, ports: Ports) -> Taken:
    """Look for a snapshot whose answer was lost; ours only if it carries this attempt's nonce."""
    if asked.error is not None and not asked.lost:
        raise asked.error
    for pause in LOOKS:
        await ports.clock.sleep_until(ports.clock.now() + pause)
        snapshot = await ports.compute.find_snapshot(asked.wish.id)
        if snapshot is not None and snapshot.provisioning_state not in UNDER_WAY:
            return _own(asked, snapshot, None)
    raise Unfinished(f"{asked.wish.id.name}: the answer was lost and no such snapshot was finished")


async def _finish(asked: Asked, requested: Requested, ports: Ports) -> Taken:
    state = await _read_until_done(requested, ports)
    if state.status is OperationStatus.RUNNING:
        raise Unfinished(f"{asked.wish.id.name} is not finished after {GIVE_UP_AFTER}")
    if state.status is OperationStatus.FAILED:
        raise DiskguardError(
            f"{asked.wish.id.name} failed: {state.error_code}: {state.error_message}"
        )
    snapshot = state.snapshot or await ports.compute.find_snapshot(asked.wish.id)
    if snapshot is None:
        raise DiskguardError(f"{asked.wish.id.name} was made and is gone already")
    return _own(asked, snapshot, state)


async def _read_until_done(requested: Requested, ports: Ports) -> OperationState:
    """Read until finished, or for as long as is worth waiting; a lost read is read again."""
    give_up = ports.clock.now() + GIVE_UP_AFTER
    pauses = iter(FOLLOW)
    pause = FOLLOW[-1]
    state = OperationState(status=OperationStatus.RUNNING)
    while True:
        try:
            state = await ports.compute.read_operation(requested)
        except Unfinished:
            if ports.clock.now() >= give_up:
                raise
        if state.status is not OperationStatus.RUNNING or ports.clock.now() >= give_up:
            return state
        pause = next(pauses, pause)
        await ports.clock.sleep_until(ports.clock.now() + pause)


def _own(asked: Asked, snapshot: Snapshot, operation: OperationState | None) -> Taken:
    """Give the member as taken; a snapshot of another attempt under its name is none of ours."""
    if nonce_of(snapshot) != asked.nonce:
        raise DiskguardError(
            f"{snapshot.id} was made by another run at the same time; it is left as it is"
        )
    return Taken(asked=asked, snapshot=snapshot, operation=operation)


async def undo_members(asked: Iterable[Asked], compute: Compute) -> None:
    """Make every snapshot of this attempt gone, and read that it is.

    Raises the first error after all have been tried; another attempt's snapshot stays.
    """
    errors: list[DiskguardError] = []

    async def undo(each: Asked) -> None:
        try:
            await _undo(each, compute)
        except DiskguardError as error:
            errors.append(error)

    await together(undo(each) for each in asked)
    if errors:
        raise errors[0]


async def _undo(asked: Asked, compute: Compute) -> None:
    # Just after a create a read may still say 404: what Azure accepted is deleted all the same.
    made = asked.requested is not None
    with suppress(NotTheSame):
        await delete_guarded(Doomed(id=asked.wish.id, nonce=asked.nonce, just_made=made), compute)
