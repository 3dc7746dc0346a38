"""What is whole is made immutable, one snapshot like the other; what Azure refuses is said."""

import asyncio
from dataclasses import dataclass, field

from diskguard.errors import DiskguardError
from diskguard.model.events import MadeImmutable
from diskguard.model.report import Failure
from diskguard.plan.immutability import ImmutabilityPlan, ImmutabilityStep, days_to_ask
from diskguard.ports import Ports
from diskguard.run.azure_time import azure_time
from diskguard.run.failure import failure_of
from diskguard.run.together import together

AT_ONCE = 16


@dataclass(slots=True)
class Protecting:
    """One run of an immutability plan; a failure stays with its snapshot."""

    plan: ImmutabilityPlan
    ports: Ports
    failures: list[Failure] = field(init=False)

    def __post_init__(self) -> None:
        self.failures = [*self.plan.failures]

    async def make_immutable(self) -> None:
        """Do every step; each snapshot is read right before, because nothing is to be shortened."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(step: ImmutabilityStep) -> None:
            async with turns:
                try:
                    await self._one(step)
                except DiskguardError as error:
                    self.failures.append(failure_of(error))

        await together(one(step) for step in self.plan.steps)

    async def _one(self, step: ImmutabilityStep) -> None:
        compute, now = self.ports.compute, azure_time(self.ports)
        snapshot = await compute.find_snapshot(step.snapshot)
        days = None if snapshot is None else days_to_ask(snapshot, step, now)
        if days is None:
            return
        await compute.set_immutability(step.snapshot, days=days, locked=step.locked)
        self.ports.observer.notice(
            MadeImmutable(
                at=self.ports.clock.now(),
                point=step.point,
                snapshot=step.snapshot.name,
                location=step.location.value,
                days=days,
                locked=step.locked,
            )
        )
