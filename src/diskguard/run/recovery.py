"""What a dead run left is put right before anything new is begun."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from diskguard.errors import DiskguardError
from diskguard.model.events import Recovered, Warned
from diskguard.model.report import Failure
from diskguard.model.restore_point import Learned, Seal
from diskguard.plan.prune_plan import Doomed
from diskguard.plan.recovery_plan import LateSeal, RecoveryPlan, StartVm, Undo
from diskguard.ports import Ports
from diskguard.run.azure_time import azure_time
from diskguard.run.deletion import delete_guarded
from diskguard.run.failure import failure_of
from diskguard.run.offline import start_again
from diskguard.run.seal import put_seal
from diskguard.run.together import together

Step = TypeVar("Step")


@dataclass(slots=True)
class Recovering:
    """One run of a recovery plan; what cannot be put right is a failure, and the run goes on."""

    plan: RecoveryPlan
    ports: Ports
    run_id: str
    done: list[str] = field(init=False, default_factory=list)
    failures: list[Failure] = field(init=False, default_factory=list)

    async def put_right(self) -> None:
        """Start what is stopped, then seal what is whole, then undo what is not."""
        await together(self._try(each.vm.name, self._start, each) for each in self.plan.start)
        await together(self._try(each.point, self._seal, each) for each in self.plan.seal)
        await together(self._try(each.point, self._undo, each) for each in self.plan.undo)

    async def _try(self, what: str, act: Callable[[Step], Awaitable[str]], step: Step) -> None:
        now = self.ports.clock.now
        try:
            action = await act(step)
        except DiskguardError as error:
            self.failures.append(failure_of(error))
            warned = Warned(at=now(), source=what, code="not-recovered", message=str(error))
            self.ports.observer.notice(warned)
        else:
            self.done.append(f"{what}: {action}")
            self.ports.observer.notice(Recovered(at=now(), what=what, action=action))

    async def _start(self, step: StartVm) -> str:
        await start_again(step.vm, step.value, self.ports)
        return f"started; an offline backup of {step.value} had stopped it"

    async def _seal(self, step: LateSeal) -> str:
        seal = Seal(
            consistency=step.consistency,
            members=step.members,
            taken_at=step.taken_at,
            sealed_at=azure_time(self.ports),
            run_id=self.run_id,
            learned=Learned(),
        )
        await put_seal(step.first_member, seal, self.ports)
        return f"sealed as {step.consistency.achieved}: {step.consistency.reason}"

    async def _undo(self, step: Undo) -> str:
        await together(
            delete_guarded(Doomed(id=each), self.ports.compute) for each in step.snapshots
        )
        return f"{len(step.snapshots)} snapshots deleted: {step.reason}"
