"""The same restore points in the other region: copies started in order and followed to their end."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from diskguard.errors import CloudUnreachable, DiskguardError, NameTaken, ResourceMissing, Throttled
from diskguard.model.estate import Snapshot
from diskguard.model.events import CopyProgressed
from diskguard.model.ids import Region, ResourceId
from diskguard.model.report import CopyOutcome, Result
from diskguard.plan.copies_plan import CopyPlan, CopyQueue, CopyStep, SkippedPoint
from diskguard.plan.naming_tags import is_copy_as_wished
from diskguard.plan.prune_plan import Doomed
from diskguard.ports import Ports
from diskguard.run.deletion import delete_guarded
from diskguard.run.failure import failure_of
from diskguard.run.together import together

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=1)
TRIES = 3  # of one CopyStart, when its answer was lost or Azure asked to wait
WAIT_AFTER_THROTTLE = timedelta(seconds=30)
MISSED_LOOKS = 3  # a list may lag behind a create (arm-wire 3)


@dataclass(slots=True)
class _Progress:
    """How far one queue is: `at` is the step under way or next; `active` while Azure copies it."""

    queue: CopyQueue
    at: int = 0
    active: bool = False
    stopped: bool = False
    missed: int = 0
    percent: float | None = None

    @property
    def step(self) -> CopyStep | None:
        """The step under way or next, or None when the queue is done or stopped."""
        if self.stopped or self.at >= len(self.queue.steps):
            return None
        return self.queue.steps[self.at]

    def open(self, *, waited: bool) -> list[CopyOutcome]:
        """The outcomes of what is not ended: under way, or waiting behind that or behind a failure."""
        under_way = Result.UNFINISHED if waited else Result.STARTED
        waiting = Result.UNFINISHED if waited else Result.SKIPPED
        return [
            CopyOutcome(
                point=step.point,
                disk=self.queue.disk_name,
                region=self.queue.region,
                result=under_way if self.active and step is self.step else waiting,
                percent=self.percent if step is self.step else None,
                reason=self._why_open(step),
            )
            for step in self.queue.steps[self.at + self.stopped :]
        ]

    @property
    def under_way(self) -> bool:
        """True while Azure copies for this queue, also before we have begun to follow it."""
        return self.active or (self.step is not None and self.step.running)

    @property
    def place(self) -> tuple[str, Region]:
        """Where Azure counts parallel copies."""
        return self.queue.subscription, self.queue.region

    def _why_open(self, step: CopyStep) -> str | None:
        if self.stopped:
            return "waits behind a copy of its disk that failed; the next run goes on from there"
        if step is not self.step:
            return "waits for the copy before it"
        return None if self.under_way else "waits until fewer copies are under way"


@dataclass(slots=True)
class Copying:
    """One run of a copy plan; `outcomes` can be asked at any time, also after a cancel."""

    plan: CopyPlan
    ports: Ports
    _queues: list[_Progress] = field(init=False)
    _ended: list[CopyOutcome] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._queues = [_Progress(queue=queue) for queue in self.plan.queues]

    async def start_and_follow(self, *, wait: bool) -> None:
        """Start what may start; with `wait`, follow and go on until nothing is left to copy.

        A failed copy stops only its own disk's queue. Copies under way go on in Azure whatever
        becomes of this process.
        """
        await together(self._record_skip(skipped) for skipped in self.plan.skipped)
        await self._start_what_may()
        pause = FIRST_PAUSE
        while wait and any(progress.active for progress in self._queues):
            await self.ports.clock.sleep_until(self.ports.clock.now() + pause)
            ended = await self._look()
            await self._start_what_may()
            pause = FIRST_PAUSE if ended else min(pause * 2, LONGEST_PAUSE)

    def outcomes(self, *, waited: bool) -> tuple[CopyOutcome, ...]:
        """What came of every copy so far; what is under way is unfinished unless nobody waits."""
        return (
            *self._ended,
            *(outcome for each in self._queues for outcome in each.open(waited=waited)),
        )

    # -- starting ------------------------------------------------------------------------------

    async def _start_what_may(self) -> None:
        """Start the next step of every idle queue, within the limit of parallel copies."""
        running = Counter(progress.place for progress in self._queues if progress.under_way)
        chosen = []
        for progress in self._queues:
            if progress.step is None or progress.active:
                continue
            if progress.under_way:
                chosen.append(progress)
            elif running[progress.place] < self.plan.parallel:
                running[progress.place] += 1
                chosen.append(progress)
        await together(
            self._start(progress, progress.queue.steps[progress.at]) for progress in chosen
        )

    async def _start(self, progress: _Progress, step: CopyStep) -> None:
        try:
            if step.failed_before is not None:
                failed = Doomed(id=step.failed_before, sealed=True, failed_only=True)
                await delete_guarded(failed, self.ports.compute)
            if not step.running:
                await self._request(step)
        except DiskguardError as error:
            self._fail(progress, step, error)
            return
        progress.active, progress.missed, progress.percent = True, 0, step.percent
        self._say(progress, step, "copying" if step.running else "started")

    async def _request(self, step: CopyStep) -> None:
        """Have Azure accept the copy; a name that exists is adopted or refused, never PUT over."""
        for attempt in range(1, TRIES + 1):
            existing = await self.ports.compute.find_snapshot(step.wish.id)
            if existing is not None:
                _check_ours(existing, step)
                return
            try:
                await self.ports.compute.request_snapshot(step.wish)
            except (CloudUnreachable, Throttled) as trouble:
                if attempt == TRIES:
                    raise
                await self._wait_after(trouble)
            else:
                return

    async def _wait_after(self, trouble: DiskguardError) -> None:
        asked = trouble.retry_after_seconds if isinstance(trouble, Throttled) else None
        pause = WAIT_AFTER_THROTTLE if asked is None else timedelta(seconds=asked)
        await self.ports.clock.sleep_until(self.ports.clock.now() + pause)

    # -- following -----------------------------------------------------------------------------

    async def _look(self) -> bool:
        """Read each target group once; say whether a copy ended. No answer is no news."""
        active = [progress for progress in self._queues if progress.active]
        groups = sorted({_group(progress) for progress in active})
        lists = await together(self._list(*group) for group in groups)
        heard = {
            group: listed for group, listed in zip(groups, lists, strict=True) if listed is not None
        }
        seen = {snapshot.id: snapshot for listed in heard.values() for snapshot in listed}
        ended = [self._advance(progress, seen) for progress in active if _group(progress) in heard]
        return any(ended)

    async def _list(self, subscription: str, group: str) -> tuple[Snapshot, ...] | None:
        try:
            return await self.ports.inventory.list_snapshots(subscription, group)
        except (CloudUnreachable, Throttled):
            return None

    def _advance(self, progress: _Progress, seen: dict[ResourceId, Snapshot]) -> bool:
        step = progress.queue.steps[progress.at]
        snapshot = seen.get(step.wish.id)
        if snapshot is None:
            return self._missed(progress, step)
        progress.missed = 0
        if snapshot.failed:
            reason = snapshot.copy_error or snapshot.provisioning_state
            self._fail(
                progress, step, DiskguardError(f"the copy of {step.source.name} failed: {reason}")
            )
            return True
        if snapshot.readable:
            self._finish(progress, step)
            return True
        self._note(progress, step, snapshot.percent)
        return False

    def _missed(self, progress: _Progress, step: CopyStep) -> bool:
        progress.missed += 1
        if progress.missed <= MISSED_LOOKS:
            return False
        self._fail(progress, step, ResourceMissing(f"{step.wish.id} was being copied and is gone"))
        return True

    def _note(self, progress: _Progress, step: CopyStep, percent: float | None) -> None:
        if percent != progress.percent:
            progress.percent = percent
            self._say(progress, step, "copying", percent=percent)

    def _finish(self, progress: _Progress, step: CopyStep) -> None:
        self._ended.append(
            CopyOutcome(
                point=step.point,
                disk=progress.queue.disk_name,
                region=progress.queue.region,
                result=Result.DONE,
                percent=100.0,
            )
        )
        self._say(progress, step, "complete", percent=100.0)
        progress.active, progress.at = False, progress.at + 1

    def _fail(self, progress: _Progress, step: CopyStep, error: DiskguardError) -> None:
        self._ended.append(
            CopyOutcome(
                point=step.point,
                disk=progress.queue.disk_name,
                region=progress.queue.region,
                result=Result.UNFINISHED if error.exit_status == 8 else Result.FAILED,
                failure=failure_of(error),
            )
        )
        self._say(progress, step, "failed", reason=str(error))
        progress.active, progress.stopped = False, True

    # -- telling -------------------------------------------------------------------------------

    async def _record_skip(self, skipped: SkippedPoint) -> None:
        failure = None
        try:
            if skipped.tags:
                await self.ports.compute.merge_tags(skipped.first_member, skipped.tags)
        except DiskguardError as error:
            failure = failure_of(error)
        self._ended.append(
            CopyOutcome(
                point=skipped.point,
                disk="*",
                region="*",
                result=Result.SKIPPED if failure is None else Result.FAILED,
                failure=failure,
                reason=skipped.reason,
            )
        )

    def _say(
        self,
        progress: _Progress,
        step: CopyStep,
        state: str,
        *,
        percent: float | None = None,
        reason: str | None = None,
    ) -> None:
        self.ports.observer.notice(
            CopyProgressed(
                at=self._now(),
                point=step.point,
                disk=progress.queue.disk_name,
                region=progress.queue.region,
                state=state,
                percent=percent,
                reason=reason,
            )
        )

    def _now(self) -> datetime:
        return self.ports.clock.now()


def _group(progress: _Progress) -> tuple[str, str]:
    target = progress.queue.steps[progress.at].wish.id
    return target.subscription, target.group.lower()


def _check_ours(existing: Snapshot, step: CopyStep) -> None:
    """A snapshot of that name is adopted if it is a copy of the same source, of the same attempt."""
    if existing.source_id != step.source or not is_copy_as_wished(existing, step.wish.tags):
        raise NameTaken(f"{existing.id} bears the copy's name and is not a copy of {step.source}")
