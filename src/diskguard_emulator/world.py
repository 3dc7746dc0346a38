"""The world: what exists, by id, by kind and by group; time, chance and tasks. No HTTP, no rules."""

import asyncio
import logging
import random
import uuid
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from diskguard_emulator.clock import Clock
from diskguard_emulator.copies import CopyBook
from diskguard_emulator.ids import key
from diskguard_emulator.operations import OperationBook
from diskguard_emulator.resources import Resource, Vm
from diskguard_emulator.settings import Settings, Span
from diskguard_emulator.wire import JsonObject

_LOGGER = logging.getLogger(__name__)
Kind = TypeVar("Kind", bound=Resource)


@dataclass(slots=True, kw_only=True)
class Group:
    """A resource group and what is in it, by kind."""

    name: str
    location: str
    tags: dict[str, str] | None = None
    kinds: dict[str, dict[str, Resource]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Subscription:
    """A subscription: groups, registered providers, and an index of everything by kind."""

    id: str
    tenant: str
    name: str
    locations: list[JsonObject]
    groups: dict[str, Group] = field(default_factory=dict)
    kinds: dict[str, dict[str, Resource]] = field(default_factory=dict)
    unregistered: set[str] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A management lock at a scope."""

    id: str
    name: str
    scope: str
    level: str
    notes: str | None = None


class World:
    """One pretended cloud. `close` ends what still runs in it."""

    def __init__(self, clock: Clock, settings: Settings | None = None, seed: int = 1) -> None:
        self.clock = clock
        self.settings = settings or Settings()
        self.random = random.Random(seed)  # noqa: S311 - chance for a play, not for a secret
        self.subscriptions: dict[str, Subscription] = {}
        self.operations = OperationBook()
        self.locks: dict[str, Lock] = {}
        self.dead_regions: set[str] = set()
        self.bugs: list[BaseException] = []
        self.copies = CopyBook()
        self._by_id: dict[str, Resource] = {}
        self._serial = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------------ chance and time

    def guid(self) -> str:
        """A fresh guid, the same in every run of the same seed."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def draw(self, span: Span) -> float:
        """A duration of that span, in seconds."""
        return self.random.uniform(span.low, span.high)

    async def takes(self, span: Span) -> None:
        """Let that much time pass."""
        await asyncio.sleep(self.draw(span))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` go on by itself; a bug in it is kept in `bugs`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            self.bugs.append(bug)
            _LOGGER.error("the emulator's background work failed", exc_info=bug)

    async def close(self) -> None:
        """End all work under way and close every guest."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks) if tasks else None
        for vm in self.every(Vm):
            try:
                await vm.guest.close()
            except Exception as bug:  # noqa: BLE001 - the other guests are closed all the same
                self.bugs.append(bug)

    # ------------------------------------------------------------------ what exists

    def find(self, resource_id: str) -> Resource | None:
        """The resource of this id, however spelled, be it visible yet or not."""
        return self._by_id.get(key(resource_id))

    def add(self, resource: Resource) -> None:
        """It exists from now on; it is found and listed after the world's lag."""
        subscription = self.subscriptions[resource.subscription.lower()]
        group = subscription.groups[resource.group.lower()]
        self._serial += 1
        resource.serial = self._serial
        lag = self.settings.lag
        if lag.get or lag.lists:
            resource.found_from = self.clock.now() + lag.get
            resource.listed_from = self.clock.now() + lag.lists
        self._by_id[resource.key] = resource
        kind = resource.kind.lower()
        subscription.kinds.setdefault(kind, {})[resource.key] = resource
        group.kinds.setdefault(kind, {})[resource.key] = resource

    def remove(self, resource: Resource) -> None:
        """It is gone; removing it twice is fine."""
        if self._by_id.pop(resource.key, None) is None:
            return
        subscription = self.subscriptions[resource.subscription.lower()]
        kind = resource.kind.lower()
        del subscription.kinds[kind][resource.key]
        del subscription.groups[resource.group.lower()].kinds[kind][resource.key]

    def listed(self, subscription: str, kind: str, group: str | None = None) -> list[Resource]:
        """What a list of this kind shows now, oldest first."""
        home = self.subscriptions[subscription.lower()]
        kinds = home.kinds if group is None else home.groups[group.lower()].kinds
        now = self.clock.now()
        found = kinds.get(kind.lower(), {}).values()
        return [each for each in found if each.listed_from is None or each.listed_from <= now]

    def every(self, kind: type[Kind]) -> Iterator[Kind]:
        """Everything of a class, in the order of creation."""
        return (each for each in list(self._by_id.values()) if isinstance(each, kind))

    # ------------------------------------------------------------------ disasters

    def kill_region(self, region: str) -> None:
        """Nothing in that region answers any more; copies from and to it stand still."""
        self.dead_regions.add(region.lower())
        for snapshot in self.copies.touching(region):
            if snapshot.progress is not None:
                snapshot.progress.stand(self.clock.now())

    def revive_region(self, region: str) -> None:
        """It answers again; its copies go on."""
        self.dead_regions.discard(region.lower())
        for snapshot in self.copies.touching(region):
            if snapshot.progress is not None:
                snapshot.progress.go_on(self.clock.now())
