"""One task per VM; a failure stays with its VM."""

import asyncio
from dataclasses import dataclass, field

from diskguard.errors import DiskguardError, Unfinished
from diskguard.model.events import SourceFailed
from diskguard.model.ids import ResourceId
from diskguard.model.report import Failure, Result, VmOutcome
from diskguard.plan.backup_plan import BackupPlan, VmPlan
from diskguard.ports import Ports
from diskguard.run.attempt import enter
from diskguard.run.claim import AnotherRunMakesThis
from diskguard.run.failure import failure_of
from diskguard.run.vm_backup import back_up_vm


@dataclass(slots=True)
class BackingUp:
    """One run of a backup plan; `outcomes` can be asked at any time, also after a cancel."""

    plan: BackupPlan
    ports: Ports
    run_id: str
    parallel: int
    _done: dict[str, VmOutcome] = field(init=False, default_factory=dict)

    async def back_up_all(self) -> None:
        """Back up every VM of the plan, at most `parallel` at once.

        Cancelling waits out the windows that are open; what was begun stays unsealed and is put
        right by the next run.
        """
        turn = asyncio.Semaphore(self.parallel)
        async with asyncio.TaskGroup() as tasks:
            for plan in self.plan.vms:
                tasks.create_task(self._one(plan, turn))

    def outcomes(self) -> tuple[VmOutcome, ...]:
        """What came of every source, in the plan's order; what did not end is unfinished."""
        refused = [
            VmOutcome(source=each.source.name, result=Result.FAILED, failure=each.failure)
            for each in self.plan.refused
        ]
        taken = [
            self._done.get(plan.point)
            or VmOutcome(source=plan.name, result=Result.UNFINISHED, disks=len(plan.members))
            for plan in self.plan.vms
        ]
        return (*taken, *refused)

    def sealed(self) -> frozenset[ResourceId]:
        """Every snapshot of the points this run has sealed."""
        return frozenset(
            member.wish.id
            for plan in self.plan.vms
            if plan.point in self._done and self._done[plan.point].result is Result.DONE
            for member in plan.members
        )

    async def _one(self, plan: VmPlan, turn: asyncio.Semaphore) -> None:
        enter(plan, "queued", self.ports)
        async with turn:
            self._done[plan.point] = await self._outcome(plan)

    async def _outcome(self, plan: VmPlan) -> VmOutcome:
        try:
            return await back_up_vm(plan, self.ports, run_id=self.run_id)
        except AnotherRunMakesThis:
            return VmOutcome(
                source=plan.name,
                result=Result.SKIPPED,
                point=plan.point,
                disks=len(plan.members),
            )
        except DiskguardError as error:
            return self._failed(plan, failure_of(error), unfinished=isinstance(error, Unfinished))
        except Exception as bug:  # noqa: BLE001 - a bug met in one VM must not cancel the others, some of them frozen
            return self._failed(plan, _bug(bug), unfinished=False)

    def _failed(self, plan: VmPlan, failure: Failure, *, unfinished: bool) -> VmOutcome:
        self.ports.observer.notice(
            SourceFailed(
                at=self.ports.clock.now(),
                source=plan.name,
                code=failure.code,
                message=failure.message,
            )
        )
        return VmOutcome(
            source=plan.name,
            result=Result.UNFINISHED if unfinished else Result.FAILED,
            point=plan.point,
            failure=failure,
            disks=len(plan.members),
        )


def _bug(bug: Exception) -> Failure:
    return Failure(
        code="internal-error",
        message=f"{type(bug).__name__}: {bug}",
        exit_status=1,
        hint="This is a bug in diskguard; please report it with the log of `-v`.",
    )
