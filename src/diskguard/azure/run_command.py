"""Run Command, version 1: the Guest port over the SDK."""

import asyncio
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

from diskguard.azure.charges import Call
from diskguard.azure.clients import Clients
from diskguard.azure.failures import azure_failures
from diskguard.azure.gate import told
from diskguard.azure.operations import Accepted, Reading, follow, paced, read_operation
from diskguard.azure.translate import parse_messages, parse_output
from diskguard.errors import (
    CloudRefused,
    CloudUnreachable,
    GuestAnswerUnreadable,
    GuestBusy,
    GuestRefused,
    ResourceConflict,
)
from diskguard.guest import dialogue
from diskguard.model.guest import Armed, FreezeRequest, GuestReport, ThawReport
from diskguard.model.ids import ResourceId
from diskguard.model.wish import OperationState

BUSY_FOR: Final = timedelta(minutes=3)
RUNS_FOR: Final = timedelta(minutes=5)
_BUSY_AGAIN: Final = 15.0  # a VM takes 4 updates a minute (arm-wire 6)
_UNKNOWN: Final = (3.0, 7.0, 8.0)  # looks at 3, 10, 18 s: "about 20 s" usually, seldom much less
_THEN: Final = 4.0  # a VM's operation may be read 15 times a minute


@dataclass(slots=True)
class Durations:
    """How long Run Commands lately took, by Azure's own instants: so that looks are few."""

    seen: deque[float] = field(default_factory=lambda: deque(maxlen=8))

    def learn(self, state: OperationState) -> None:
        """Take in a finished operation."""
        if state.started_at is not None and state.ended_at is not None:
            self.seen.append(max(0.0, (state.ended_at - state.started_at).total_seconds()))

    def first_pauses(self) -> Sequence[float]:
        """When to look first: as the quickest of the last runs ends, or at a guess."""
        return (min(self.seen) + 0.3, 1.2, 2.5) if self.seen else _UNKNOWN


@dataclass(frozen=True, slots=True)
class AzureGuest:
    """The Guest port. Its promises are those of ports.Guest."""

    clients: Clients
    busy_for: timedelta = BUSY_FOR
    runs_for: timedelta = RUNS_FOR
    durations: Durations = field(default_factory=Durations)

    async def arm(self, vm: ResourceId, request: FreezeRequest) -> Armed:
        """Run Command 1."""
        sentinel = secrets.token_hex(16)
        output = await self.run(vm, dialogue.render_arm(request, sentinel=sentinel))
        return dialogue.parse_armed(output, sentinel=sentinel, request=request)

    async def collect(self, vm: ResourceId, attempt: str) -> GuestReport:
        """Run Command 2."""
        sentinel = secrets.token_hex(16)
        output = await self.run(vm, dialogue.render_collect(attempt, sentinel=sentinel))
        return dialogue.parse_report(output, sentinel=sentinel, attempt=attempt)

    async def thaw(self, vm: ResourceId) -> ThawReport:
        """The emergency's Run Command."""
        sentinel = secrets.token_hex(16)
        output = await self.run(vm, dialogue.render_thaw(sentinel=sentinel))
        return dialogue.parse_thawed(output, sentinel=sentinel)

    async def run(self, vm: ResourceId, script: Iterable[str]) -> str:
        """Have a Linux guest run a script; give all it printed, as far as Azure kept it.

        Sent once; again only when Azure refused because another script runs. Raises GuestBusy when
        that lasts longer than `busy_for`, GuestRefused when the VM does not run,
        GuestAnswerUnreadable when the run failed, CloudUnreachable when its answer was lost or did
        not come within `runs_for`: then the script may have run.
        """
        operation = await self._send(vm, list(script))
        doing = f"running a script in {vm.name}"
        look = partial(read_operation, self.clients, vm.subscription, operation, Call(vm=vm))
        try:
            with azure_failures(doing):
                reading = await follow(look, self._pauses(), doing=doing)
        except CloudRefused as refused:
            raise GuestAnswerUnreadable(
                str(refused), correlation_id=refused.correlation_id
            ) from refused
        self.durations.learn(reading.state)
        return _printed(reading)

    def _pauses(self) -> Iterator[float]:
        return paced(self.durations.first_pauses(), _THEN, at_most=self.runs_for.total_seconds())

    async def _send(self, vm: ResourceId, script: list[str]) -> str:
        """POST until Azure takes it; give the operation to follow."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.busy_for.total_seconds()
        while True:
            try:
                return await self._post(vm, script)
            except ResourceConflict as conflict:
                _check_busy(vm, conflict)
                if loop.time() + _BUSY_AGAIN > deadline:
                    raise GuestBusy(
                        f"{vm.name}: another script has held Run Command for {self.busy_for}",
                        hint="It can hang for 90 minutes; a restart of the VM does not always end it.",
                        correlation_id=conflict.correlation_id,
                    ) from conflict
            await asyncio.sleep(_BUSY_AGAIN)

    async def _post(self, vm: ResourceId, script: list[str]) -> str:
        machines = self.clients.compute(vm.subscription).virtual_machines
        answer = Accepted()
        with azure_failures(f"sending a script to {vm.name}"):
            _ = await machines.begin_run_command(
                vm.group,
                vm.name,
                {"commandId": "RunShellScript", "script": script},
                polling=False,
                raw_response_hook=answer,
                **told(Call()),
            )
        if answer.operation is None:
            raise CloudUnreachable(f"{vm.name}: the script was taken without a word on its outcome")
        return answer.operation


def _check_busy(vm: ResourceId, conflict: ResourceConflict) -> None:
    """Return when another script runs, or another change of the VM; else say what hinders.

    Wording: arm-wire 4; that a VM must run is said in two ways, both met by other tools.
    """
    text = str(conflict).lower()
    if "not running" in text or "to be running" in text:
        raise GuestRefused(f"{vm.name} does not run", reason="vm-not-running") from conflict
    if "in progress" not in text and "concurrent" not in text:
        raise conflict


def _printed(reading: Reading) -> str:
    messages = parse_messages(parse_output(reading.document))
    return "\n".join(messages)
