"""Faults as values: the nth request that matches fares as told."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from diskguard_emulator.wire import JsonObject, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Fails:
    """Answered with this error; nothing is done."""

    status: int
    code: str = "InternalServerError"
    message: str = "Encountered internal server error."
    retry_after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttles:
    """Answered with 429, Compute's form without an outer `error`, or Resource Manager's own."""

    retry_after: int
    by_compute: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangs:
    """Nothing is done and no answer comes, for so long; then the connection is reset."""

    for_: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Resets:
    """The connection is reset; nothing is done."""


@dataclass(frozen=True, slots=True)
class LosesAnswer:
    """Everything is done, and then the connection is reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Everything is done, and the answer comes so much later."""

    by: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """Everything is done, and the body is cut: 200, not JSON."""

    body: str = '{"value": [{"name": "tru'


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationFails:
    """Accepted with 202; the operation ends as Failed with this error."""

    code: str = "InternalServerError"
    message: str = "An internal execution error occurred. Please retry later."
    after: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationStalls:
    """Accepted with 202; the work is done so much later."""

    by: timedelta


Effect = (
    Fails
    | Throttles
    | Hangs
    | Resets
    | LosesAnswer
    | Delays
    | Malformed
    | OperationFails
    | OperationStalls
)


@dataclass(slots=True, kw_only=True)
class Fault:
    """Requests `nth` to `nth + times - 1` of those that match have this effect.

    `path` is a regular expression searched in the path, without case. `body` looks at the parsed body.
    """

    effect: Effect
    method: str | None = None
    path: str = ""
    body: Callable[[JsonObject], bool] | None = None
    nth: int = 1
    times: int = 1
    seen: int = field(default=0, init=False)

    def strikes(self, request: Request, body: JsonObject) -> bool:
        """True if this request is one of those; every match is counted."""
        if self.method is not None and self.method != request.method:
            return False
        if re.search(self.path, request.path, re.IGNORECASE) is None:
            return False
        if self.body is not None and not self.body(body):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


class FaultBook:
    """The faults of a world; the first that strikes wins, all of them count."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        """From now on these too."""
        self._faults.extend(faults)

    def clear(self) -> None:
        """No faults any more."""
        self._faults.clear()

    def effect_on(self, request: Request, body: JsonObject) -> Effect | None:
        """What this request suffers, or None."""
        struck = [fault.effect for fault in self._faults if fault.strikes(request, body)]
        return struck[0] if struck else None
