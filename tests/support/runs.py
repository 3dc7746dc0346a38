"""Whole runs of `diskguard backup` in virtual time: the real line, the real SDK, the emulated cloud."""

import asyncio
import itertools
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from tests.support.inprocess import BASE_URL, Cloud, Fuse, TestCredential, running_cloud

from diskguard.azure.client import open_azure
from diskguard.azure.cloud import Cloud as AzureCloud
from diskguard.model.estate import Snapshot
from diskguard.model.events import Event
from diskguard.model.report import RunReport
from diskguard.model.restore_point import RestorePoint
from diskguard.plan.backup import plan_backup
from diskguard.plan.copies import plan_copies
from diskguard.plan.points import Assembly, assemble_points, places_of
from diskguard.plan.recovery import plan_recovery
from diskguard.policy.load import parse_policy
from diskguard.policy.model import Policy
from diskguard.ports import Ports
from diskguard.run.line import Errand, Run
from diskguard.run.observe import Look, Scope, observe_estate, observe_snapshots
from diskguard_emulator.faults import Effect, Fault
from diskguard_emulator.guests.virtual import VirtualGuest
from diskguard_emulator.resources import Vm

E = TypeVar("E", bound=Event)
EPOCH = datetime(2026, 11, 22, 12, tzinfo=UTC)
POLICY = """
version: 1
name: test-policy
azure:
  subscriptions: ["{subscription}"]
locations:
  primary: {{resource_group: rg-diskguard-eus}}
  dr: {{region: paired, resource_group: rg-diskguard-wus, sku: Standard_LRS}}
rules:
  - name: all
    select: {{include: [{{names: ["*"]}}]}}
"""


EMULATED = AzureCloud(
    name="emulated", endpoint=BASE_URL, audience=BASE_URL, authority="https://login.emulator.test"
)


class LoopClock:
    """The virtual loop's time as wall clock; `wrong_by` makes this machine's clock wrong."""

    def __init__(self, wrong_by: timedelta = timedelta()) -> None:
        self.wrong_by = wrong_by

    def now(self) -> datetime:
        """The present instant, as this machine believes."""
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time()) + self.wrong_by

    def loop_time(self, when: datetime) -> float:
        """The loop's time at that instant."""
        return (when - EPOCH - self.wrong_by).total_seconds()

    async def sleep_until(self, when: datetime) -> None:
        """Return at that instant."""
        await asyncio.sleep(max(0.0, (when - self.now()).total_seconds()))


@dataclass
class Ear:
    """An observer that remembers."""

    heard: list[Event] = field(default_factory=list)

    def notice(self, event: Event) -> None:
        """Take note."""
        self.heard.append(event)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self.heard if isinstance(event, kind)]


def nonces(process: str) -> Callable[[], str]:
    """A nonce that counts: every one another, of every process, and in every test the same."""
    numbers: Iterator[int] = itertools.count(1)
    return lambda: f"{zlib.crc32(process.encode()):08x}{next(numbers):08x}"


@dataclass
class Stage:
    """A cloud, a policy, and runs of diskguard on one machine against them."""

    cloud: Cloud
    policy: Policy
    clock: LoopClock = field(default_factory=LoopClock)
    ear: Ear = field(default_factory=Ear)
    credential: TestCredential = field(default_factory=TestCredential)
    machine: str = "this"
    runs: int = 0

    def on_another_machine(self, *, wrong_by: timedelta = timedelta()) -> "Stage":
        """The same cloud and policy, seen from elsewhere."""
        clock = LoopClock(wrong_by)
        return Stage(cloud=self.cloud, policy=self.policy, clock=clock, machine="another")

    @property
    def scope(self) -> Scope:
        """Where the policy looks."""
        dr = self.policy.locations.dr
        groups = [self.policy.locations.primary.resource_group]
        groups += [dr.resource_group] if dr else []
        return Scope(subscriptions=tuple(self.policy.azure.subscriptions), groups=tuple(groups))

    @asynccontextmanager
    async def ports(self, fuse: Fuse | None = None) -> AsyncIterator[Ports]:
        """The doors of one process; with a fuse that process dies when it blows."""
        self.runs += 1
        async with open_azure(
            EMULATED,
            clock=self.clock,
            notice=self.ear.notice,
            environment={},
            transport=self.cloud.transport(fuse),
            credential=self.credential,
        ) as azure:
            yield Ports(
                inventory=azure.inventory,
                compute=azure.compute,
                guest=azure.guest,
                observer=self.ear,
                clock=self.clock,
                nonce=nonces(f"{self.machine} {self.runs}"),
            )

    def errand(self, ports: Ports, **changes: Any) -> Errand:
        """What `diskguard backup` does for this policy now."""
        now = self.clock.now()
        policy = self.policy
        facts: dict[str, Any] = {
            "run_id": f"run-{self.runs}",
            "policy": policy.name,
            "started_at": now,
            "time_limit": policy.limits.run_timeout,
            "parallel": policy.limits.parallel_vms,
            "look_wide": lambda: observe_estate(self.scope, ports.inventory, now=self.clock.now()),
            "look_at_points": lambda: observe_snapshots(
                self.scope, ports.inventory, now=self.clock.now()
            ),
            "plan_recovery": lambda estate: plan_recovery(
                policy, estate, now=self.clock.now() + ports.compute.clock_offset()
            ),
            "plan_backup": lambda estate: plan_backup(policy, estate, now=now),
            "plan_copies": lambda estate: plan_copies(policy, estate, now=self.clock.now()),
        }
        return Errand(**{**facts, **changes})

    async def back_up(self, **changes: Any) -> RunReport:
        """One undisturbed process, from its first look to its last copy."""
        async with self.ports() as ports:
            return await Run(self.errand(ports, **changes), ports).to_its_end()

    async def back_up_if_due(self, **changes: Any) -> RunReport:
        """One process of `diskguard backup --due-only`, as cron starts it."""
        now = self.clock.now()
        async with self.ports() as ports:
            errand = self.errand(
                ports,
                due_only=True,
                plan_backup=lambda estate: plan_backup(
                    self.policy, estate, now=now + ports.compute.clock_offset(), due_only=True
                ),
                **changes,
            )
            return await Run(errand, ports).to_its_end()

    async def copy(self, **changes: Any) -> RunReport:
        """One process of `diskguard copy`."""
        return await self.back_up(**{"plan_backup": None, "plan_recovery": None, **changes})

    async def back_up_cancelled(self, after: timedelta, **changes: Any) -> RunReport:
        """One process that gets SIGTERM after so long, and its report."""
        async with self.ports() as ports:
            run = asyncio.ensure_future(Run(self.errand(ports, **changes), ports).to_its_end())
            await asyncio.sleep(after.total_seconds())
            run.cancel()
            return await run

    async def back_up_until(self, fuse: Fuse, **changes: Any) -> RunReport | None:
        """One process that dies when the fuse blows: None then, its report if it outlived it."""
        async with self.ports(fuse) as ports:
            run = asyncio.ensure_future(Run(self.errand(ports, **changes), ports).to_its_end())
            blown = asyncio.ensure_future(fuse.blown.wait())
            done, _ = await asyncio.wait({run, blown}, return_when=asyncio.FIRST_COMPLETED)
            blown.cancel()
            if run in done:
                return run.result()
            await _kill(run, fuse)
            return None

    async def look(self) -> Look:
        """What Azure holds now."""
        async with self.ports() as ports:
            return await observe_estate(self.scope, ports.inventory, now=self.clock.now())

    async def assembly(self) -> Assembly:
        """Every restore point Azure holds now."""
        return assemble_points(
            (await self.look()).estate.snapshots,
            places_of(self.policy),
            now=self.clock.now(),
            policies=(self.policy.name, *self.policy.previous_names),
        )

    async def points(self) -> tuple[RestorePoint, ...]:
        """The same, newest first."""
        return (await self.assembly()).points

    async def snapshots(self) -> tuple[Snapshot, ...]:
        """Every snapshot of the policy's groups."""
        return (await self.look()).estate.snapshots

    def guest(self, vm: str = "db01") -> VirtualGuest:
        """The inside of that VM."""
        guest = self.vm(vm).guest
        assert isinstance(guest, VirtualGuest)
        return guest

    def vm(self, name: str = "db01") -> Vm:
        """That VM, as Azure has it."""
        return next(vm for vm in self.cloud.world.every(Vm) if vm.name == name)

    def suffers(
        self, effect: Effect, method: str | None = None, path: str = "", **facts: Any
    ) -> None:
        """From now on a request of that kind fares like this (diskguard_emulator.faults)."""
        self.cloud.api.faults.add(Fault(effect=effect, method=method, path=path, **facts))


async def _kill(task: "asyncio.Future[Any]", fuse: Fuse) -> None:
    """End a process that is dead already: it can reach nothing, so its clean-up does nothing."""
    task.cancel()
    fuse.bury()
    await asyncio.wait({task})


def a_policy(subscription: str, text: str = POLICY) -> Policy:
    """The policy of that text, for that subscription."""
    return parse_policy(text.format(subscription=subscription), file="policy.yaml")


@asynccontextmanager
async def a_stage(estate: Any, text: str = POLICY, **facts: Any) -> AsyncIterator[Stage]:
    """A cloud with that estate, and diskguard before it."""
    async with running_cloud(estate, Path("unused")) as cloud:
        yield Stage(cloud=cloud, policy=a_policy(cloud.subscription, text), **facts)
