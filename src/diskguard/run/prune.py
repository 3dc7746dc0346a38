"""Prune, step by step: what is gone is asked for, what is doomed is deleted, what came of it is told."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from diskguard.errors import DiskguardError, SnapshotInUse, StillHeld, Unfinished
from diskguard.model.estate import Snapshot
from diskguard.model.events import PointDeleted, Warned
from diskguard.model.ids import ResourceId
from diskguard.model.report import DeletionOutcome, Failure, Result, RunReport
from diskguard.plan.naming_seal import format_instant
from diskguard.plan.prune import Gone, plan_prune, unlisted_sources
from diskguard.plan.prune_plan import Deletion, Doomed, PrunePlan
from diskguard.policy.model import Policy
from diskguard.ports import Compute, Ports
from diskguard.run.azure_time import azure_time
from diskguard.run.deletion import check_may_go, delete_guarded
from diskguard.run.failure import failure_of
from diskguard.run.observe import Look
from diskguard.run.together import together

AT_ONCE = 16  # points being deleted side by side; the request budget is everybody's


async def observe_gone(sources: Sequence[ResourceId], compute: Compute) -> Gone:
    """Read each source by itself: only Azure's 404 makes one gone, and an error makes a doubt."""
    gone: set[ResourceId] = set()
    doubts: dict[ResourceId, str] = {}
    turns = asyncio.Semaphore(AT_ONCE)

    async def ask(source: ResourceId) -> None:
        is_vm = source.kind.lower().endswith("/virtualmachines")
        try:
            async with turns:
                found = await (compute.find_vm(source) if is_vm else compute.find_disk(source))
        except DiskguardError as error:
            doubts[source] = str(error)
        else:
            if found is None:
                gone.add(source)

    await together(ask(source) for source in sources)
    return Gone(gone=frozenset(gone), doubts=doubts)


async def make_prune_plan(
    policy: Policy, look: Look, ports: Ports, *, at_most: int | None = None
) -> PrunePlan:
    """Plan from one look, asking for what is in no list.

    Raises the error of a subscription that was not seen whole, and what plan_prune raises: then
    nothing may be deleted.
    """
    if look.unseen:
        raise look.unseen[0].error
    gone = await observe_gone(unlisted_sources(policy, look.estate), ports.compute)
    return plan_prune(
        policy,
        look.estate,
        gone=gone,
        now=azure_time(ports),
        clock_offset=ports.compute.clock_offset(),
        at_most=at_most,
    )


@dataclass(slots=True)
class Pruning:
    """One run of a prune plan; what cannot be deleted is an outcome, and the others go on."""

    plan: PrunePlan
    ports: Ports
    _done: dict[tuple[str, str], DeletionOutcome] = field(init=False, default_factory=dict)

    async def delete_all(self) -> None:
        """Delete what the plan says, the points side by side; then take back what was given up."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(deletion: Deletion) -> None:
            async with turns:
                await self._delete(deletion)

        await together(one(each) for each in self.plan.deletions)
        await self._unmark()

    def outcomes(self) -> tuple[DeletionOutcome, ...]:
        """What came of each deletion; what was not reached is unfinished."""
        return tuple(
            self._done.get((each.point, each.location.value), _outcome(each, Result.UNFINISHED))
            for each in self.plan.deletions
        )

    async def _delete(self, deletion: Deletion) -> None:
        now, notice = self.ports.clock.now, self.ports.observer.notice
        try:
            await _delete_point(deletion, self.ports)
        except StillHeld as held:
            outcome = _outcome(deletion, Result.SKIPPED, reason=str(held))
        except DiskguardError as error:
            outcome = _outcome(deletion, Result.FAILED, error=error)
        else:
            outcome = _outcome(deletion, Result.DONE)
        self._done[deletion.point, deletion.location.value] = outcome
        notice(
            PointDeleted(
                at=now(),
                point=deletion.point,
                location=deletion.location.value,
                result=outcome.result.value,
                reason=outcome.reason or (outcome.failure.message if outcome.failure else None),
            )
        )

    async def _unmark(self) -> None:
        for each in self.plan.unmark:
            try:
                await self.ports.compute.remove_tags(each.snapshot, each.tags)
            except DiskguardError as error:
                said = f"its mark of a deletion that was given up stays: {error}"
                warned = Warned(
                    at=self.ports.clock.now(),
                    source=each.snapshot.name,
                    code="mark-left",
                    message=said,
                )
                self.ports.observer.notice(warned)


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneErrand:
    """What one run of prune is to do; `choose` narrows a fresh plan, or refuses it."""

    run_id: str
    policy: Policy
    started_at: datetime
    look_wide: Callable[[], Awaitable[Look]]
    choose: Callable[[PrunePlan], PrunePlan]
    at_most: int | None = None


@dataclass(slots=True)
class PruneRun:
    """One run of prune from its look to its last deletion; `report` can be asked at any time."""

    errand: PruneErrand
    ports: Ports
    pruning: Pruning | None = field(init=False, default=None)
    _failures: list[Failure] = field(init=False, default_factory=list)

    async def to_its_end(self) -> RunReport:
        """Look, plan, delete, report. Raises what forbids every deletion: nothing was done then.

        Cancelled, it reports what it has deleted; the time limit is a cancel that reports 8.
        """
        errand = self.errand
        limit = errand.policy.limits.run_timeout
        deadline = self.ports.clock.loop_time(errand.started_at + limit)
        try:
            async with asyncio.timeout_at(deadline):
                fresh = await make_prune_plan(
                    errand.policy, await errand.look_wide(), self.ports, at_most=errand.at_most
                )
                self.pruning = Pruning(errand.choose(fresh), self.ports)
                await self.pruning.delete_all()
        except TimeoutError:
            late = Unfinished(f"not finished within `run_timeout` ({limit})")
            self._failures.append(failure_of(late))
        except asyncio.CancelledError:
            if self.pruning is None:
                raise
        return self.report()

    def report(self) -> RunReport:
        """What came of it so far."""
        return RunReport(
            run_id=self.errand.run_id,
            policy=self.errand.policy.name,
            started_at=self.errand.started_at,
            ended_at=self.ports.clock.now(),
            deletions=self.pruning.outcomes() if self.pruning else (),
            failures=tuple(self._failures),
        )


async def _delete_point(deletion: Deletion, ports: Ports) -> None:
    """Delete one point in one location; a cut at any request leaves nothing half that looks whole.

    All members are looked at before the first goes. Then the last to go is marked, and the members
    go backwards: the first, with the seal, is there until all others are read as gone. So what is
    left is always seen to be less than its seal says, and the mark tells the next prune to go on.
    A refusal of the very first deletion leaves the point whole, and takes the mark back.
    """
    compute, last = ports.compute, deletion.members[-1].id
    for doomed in deletion.members:
        _check_still(await compute.find_snapshot(doomed.id), doomed, azure_time(ports))
    if deletion.mark:
        await compute.merge_tags(last, deletion.mark)
    for place, doomed in enumerate(deletion.members):
        try:
            await delete_guarded(doomed, compute)
        except DiskguardError as error:
            # Unfinished: Azure may have heard us, and delete it yet.
            if place == 0 and deletion.mark and not isinstance(error, Unfinished):
                with suppress(DiskguardError):
                    await compute.remove_tags(last, deletion.mark)
            raise


def _check_still(snapshot: Snapshot | None, doomed: Doomed, now: datetime) -> None:
    if snapshot is None:
        return
    check_may_go(snapshot, doomed)
    if snapshot.immutable_until is not None and snapshot.immutable_until > now:
        until = format_instant(snapshot.immutable_until)
        raise SnapshotInUse(f"{snapshot.name} is immutable: it can be deleted from {until} on")


def _outcome(
    deletion: Deletion,
    result: Result,
    *,
    reason: str | None = None,
    error: DiskguardError | None = None,
) -> DeletionOutcome:
    return DeletionOutcome(
        point=deletion.point,
        source=deletion.source.name,
        location=deletion.location.value,
        snapshots=len(deletion.members),
        result=result,
        reason=reason,
        failure=None if error is None else failure_of(error),
    )
