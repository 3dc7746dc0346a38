"""The straight line of `diskguard backup` and `diskguard copy`: look, put right, plan, run, report."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from diskguard.errors import DiskguardError, NothingMatched, Unfinished
from diskguard.model.estate import Estate
from diskguard.model.events import RunStarted, Warned
from diskguard.model.ids import ResourceId
from diskguard.model.report import CopyOutcome, Failure, RunReport, VmOutcome
from diskguard.plan.backup_plan import BackupPlan
from diskguard.plan.copies_plan import CopyPlan
from diskguard.plan.immutability import ImmutabilityPlan
from diskguard.plan.prune_plan import PrunePlan
from diskguard.plan.recovery_plan import RecoveryPlan
from diskguard.ports import Ports
from diskguard.run.backup import BackingUp
from diskguard.run.copy import Copying
from diskguard.run.failure import failure_of
from diskguard.run.immutability import Protecting
from diskguard.run.observe import Look, join_snapshots
from diskguard.run.prune import Pruning
from diskguard.run.recovery import Recovering

# Pauses between looks for what was just made: a list may lag behind a create (arm-wire 3).
UNTIL_SHOWN = tuple(timedelta(seconds=seconds) for seconds in (3, 7, 15, 30))


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What one run is to do: how to look, and how to decide from what is seen.

    `look_wide` shows the whole estate, `look_at_points` only the restore points. A step that is
    None is left out: `copy` has no `plan_backup`, `backup --no-copy` no `plan_copies`. Copies are
    planned from a look after the backup: what is copied is what Azure then shows, whoever made it.
    `due_only` goes with a `plan_backup` of that kind: where nothing is due, a VM that a dead run
    left stopped is started, and nothing else in Azure is changed. `make_prune` is asked after a
    run that is complete, and only then.
    """

    run_id: str
    policy: str
    started_at: datetime
    time_limit: timedelta
    parallel: int
    look_wide: Callable[[], Awaitable[Look]]
    look_at_points: Callable[[], Awaitable[Look]]
    plan_recovery: Callable[[Estate], RecoveryPlan] | None = None
    plan_backup: Callable[[Estate], BackupPlan] | None = None
    plan_copies: Callable[[Estate], CopyPlan] | None = None
    plan_immutability: Callable[[Estate], ImmutabilityPlan] | None = None
    make_prune: Callable[[Look], Awaitable[PrunePlan]] | None = None
    wait: bool = True
    due_only: bool = False


def plan_from(look: Look, plan_backup: Callable[[Estate], BackupPlan]) -> BackupPlan:
    """Plan from one look. A subscription that was not seen explains a selection that is too small.

    Raises the unseen subscription's error instead of NothingMatched then.
    """
    try:
        return plan_backup(look.estate)
    except NothingMatched:
        if look.unseen:
            raise look.unseen[0].error from None
        raise


def _hidden(sealed: frozenset[ResourceId], look: Look) -> list[ResourceId]:
    """What exists and is not shown, in the subscriptions that were seen."""
    unseen = {each.subscription.lower() for each in look.unseen}
    shown = {snapshot.id for snapshot in look.estate.snapshots}
    return sorted(each for each in sealed - shown if each.subscription.lower() not in unseen)


@dataclass(slots=True)
class Run:
    """One run from its first look to its last copy; `report` can be asked at any time."""

    errand: Errand
    ports: Ports
    plan: BackupPlan | None = field(init=False, default=None)
    _failures: list[Failure] = field(init=False, default_factory=list)
    _recovering: Recovering | None = field(init=False, default=None)
    _backing_up: BackingUp | None = field(init=False, default=None)
    _copying: Copying | None = field(init=False, default=None)
    _pruning: Pruning | None = field(init=False, default=None)

    async def to_its_end(self) -> RunReport:
        """Do the errand and report; an expected failure is in the report, never raised.

        Cancelled, it waits out the windows that are open, starts what it stopped, and reports too:
        the caller marks the report with the signal. The time limit is a cancel that reports 8.
        """
        deadline = self.ports.clock.loop_time(self.errand.started_at + self.errand.time_limit)
        try:
            async with asyncio.timeout_at(deadline):
                await self._steps()
        except TimeoutError:
            late = Unfinished(f"not finished within `run_timeout` ({self.errand.time_limit})")
            self._failures.append(failure_of(late))
        except asyncio.CancelledError:
            pass  # what is unfinished says so in the report; the caller knows the signal
        except DiskguardError as error:
            self._failures.append(failure_of(error))
        return self.report()

    async def _steps(self) -> None:
        errand = self.errand
        look = await errand.look_wide()
        plan = None
        if errand.plan_backup is not None:
            look = await self._put_right(look)
            plan = plan_from(look, errand.plan_backup)
        self._failures += [failure_of(each.error) for each in look.unseen]
        if plan is not None and plan.nothing_due:
            self.plan = plan
            return
        if plan is not None:
            await self._back_up(plan)
        if errand.plan_copies is not None:
            await self._copy(errand.plan_copies(await self._estate_after(look)))
        if errand.plan_immutability is not None:
            later = await errand.look_at_points()
            await self._protect(errand.plan_immutability(join_snapshots(look.estate, later.estate)))
        if errand.make_prune is not None and self.report().exit_status == 0:
            self._pruning = Pruning(await errand.make_prune(await errand.look_wide()), self.ports)
            await self._pruning.delete_all()

    async def _estate_after(self, look: Look) -> Estate:
        """The estate with its restore points as they are after the backup, if there was one."""
        if self._backing_up is None:
            return look.estate
        later = await self._look_until_shown(self._backing_up.sealed())
        told = {each.subscription for each in look.unseen}
        self._failures += [
            failure_of(each.error) for each in later.unseen if each.subscription not in told
        ]
        return join_snapshots(look.estate, later.estate)

    async def _look_until_shown(self, sealed: frozenset[ResourceId]) -> Look:
        """Look until the lists show what this run has sealed, or say that they do not."""
        clock = self.ports.clock
        look = await self.errand.look_at_points()
        for pause in UNTIL_SHOWN:
            if not _hidden(sealed, look):
                return look
            await clock.sleep_until(clock.now() + pause)
            look = await self.errand.look_at_points()
        if hidden := _hidden(sealed, look):
            late = Unfinished(f"Azure's lists do not show {hidden[0].name} yet: it is not copied")
            self._failures.append(failure_of(late))
        return look

    async def _put_right(self, look: Look) -> Look:
        """Put right what a dead run left, and look again if that changed anything."""
        if self.errand.plan_recovery is None:
            return look
        recovery = self.errand.plan_recovery(look.estate)
        if not recovery.nothing_to_do and self._nothing_due(look):
            recovery = recovery.only_starts()
        if recovery.nothing_to_do:
            return look
        self._recovering = Recovering(recovery, self.ports, self.errand.run_id)
        await self._recovering.put_right()
        return await self.errand.look_wide()

    def _nothing_due(self, look: Look) -> bool:
        """A plan that cannot be made says so later; what should run is started before."""
        if not self.errand.due_only or self.errand.plan_backup is None:
            return False
        try:
            return self.errand.plan_backup(look.estate).nothing_due
        except DiskguardError:
            return True

    async def _back_up(self, plan: BackupPlan) -> None:
        self.plan = plan
        self._backing_up = BackingUp(plan, self.ports, self.errand.run_id, self.errand.parallel)
        self._announce(plan)
        await self._backing_up.back_up_all()

    async def _protect(self, plan: ImmutabilityPlan) -> None:
        protecting = Protecting(plan, self.ports)
        try:
            await protecting.make_immutable()
        finally:
            self._failures += protecting.failures

    async def _copy(self, plan: CopyPlan) -> None:
        self._copying = Copying(plan, self.ports)
        await self._copying.start_and_follow(wait=self.errand.wait)

    def _announce(self, plan: BackupPlan) -> None:
        now, notice = self.ports.clock.now(), self.ports.observer.notice
        notice(
            RunStarted(
                at=now,
                run_id=self.errand.run_id,
                policy=self.errand.policy,
                vms=len(plan.vms),
                disks=sum(len(each.members) for each in plan.vms),
            )
        )
        for each in plan.warnings:
            notice(Warned(at=now, source=each.source, code=each.code, message=each.message))

    # -- reporting -----------------------------------------------------------------------------

    def report(self) -> RunReport:
        """What came of it so far."""
        errand = self.errand
        return RunReport(
            run_id=errand.run_id,
            policy=errand.policy,
            started_at=errand.started_at,
            ended_at=self.ports.clock.now(),
            vms=self._vms(),
            copies=self._copies(),
            deletions=self._pruning.outcomes() if self._pruning else (),
            recovered=tuple(self._recovering.done) if self._recovering else (),
            warnings=self._warnings(),
            failures=self._all_failures(),
        )

    def _vms(self) -> tuple[VmOutcome, ...]:
        return self._backing_up.outcomes() if self._backing_up else ()

    def _copies(self) -> tuple[CopyOutcome, ...]:
        return self._copying.outcomes(waited=self.errand.wait) if self._copying else ()

    def _warnings(self) -> tuple[str, ...]:
        planned = self.plan.warnings if self.plan else ()
        return tuple(f"{each.source.rpartition('/')[2]}: {each.message}" for each in planned)

    def _all_failures(self) -> tuple[Failure, ...]:
        planned = self.plan.failures if self.plan else ()
        copies = self._copying.plan.failures if self._copying else ()
        recovering = self._recovering.failures if self._recovering else ()
        return (*self._failures, *planned, *copies, *recovering)
