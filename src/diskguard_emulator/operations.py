"""Long-running operations: begun, followed, ended; their URLs are signed and come back byte for byte."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from diskguard_emulator.refusals import Refusal
from diskguard_emulator.wire import JsonObject

Work = Callable[[], Awaitable[JsonObject | None]]
OnFailure = Callable[[Refusal], None]

_CERTIFICATE = secrets.token_urlsafe(1800)  # about 2.4 kB, as Azure's certificate in the key `c`
_SECRET = secrets.token_bytes(32)
_TICKS_TO_1970: Final = 621_355_968_000_000_000


def _sealed(text: bytes) -> str:
    return urlsafe_b64encode(hashlib.blake2b(text, key=_SECRET).digest()).decode().rstrip("=")


def wire_time(instant: datetime) -> str:
    """An instant as Compute writes it: seven digits of a second, offset +00:00 (recorded)."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond:06d}0+00:00"


@dataclass(slots=True, kw_only=True)
class Operation:
    """One operation; `vm_key` charges reads of a VM's operation to that VM's bucket."""

    id: str
    kind: str
    subscription: str
    location: str
    started: datetime
    api_version: str
    correlation: str
    vm_key: str | None = None
    status: str = "InProgress"
    ended: datetime | None = None
    output: JsonObject | None = None
    error: JsonObject | None = None

    @property
    def path(self) -> str:
        """Where it is followed."""
        return (
            f"/subscriptions/{self.subscription}/providers/Microsoft.Compute"
            f"/locations/{self.location}/{self.kind}/{self.id}"
        )

    def query(self, *, monitor: bool) -> str:
        """The query under which alone it may be read; the two forms are signed apart."""
        ticks = _TICKS_TO_1970 + int(self.started.timestamp() * 10_000_000)
        mark = "&monitor=true" if monitor else ""
        seal = f"{self.id}{monitor}".encode()
        return (
            f"p={self.correlation}{mark}&api-version={self.api_version}&t={ticks}"
            f"&c={_CERTIFICATE}&s={_sealed(seal * 3)}{_sealed(seal * 2)}&h={_sealed(seal)}"
        )

    def body(self) -> JsonObject:
        """The status answer, its keys in the recorded order."""
        answer: JsonObject = {"startTime": wire_time(self.started)}
        if self.ended is not None:
            answer["endTime"] = wire_time(self.ended)
        answer["status"] = self.status
        if self.output is not None:
            answer["properties"] = {"output": self.output}
        if self.error is not None:
            answer["error"] = self.error
        return answer | {"name": self.id}

    def end(self, now: datetime, *, output: JsonObject | None, error: JsonObject | None) -> None:
        """It is over, well or not."""
        self.status = "Succeeded" if error is None else "Failed"
        self.ended, self.output, self.error = now, output, error


class OperationBook:
    """Every operation of a world, by id."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}

    def add(self, operation: Operation) -> None:
        """Keep it; operations are never forgotten in a run."""
        self._operations[operation.id] = operation

    def find(self, operation_id: str) -> Operation | None:
        """The operation of this id, if there is one."""
        return self._operations.get(operation_id.lower())

    def running(self) -> list[Operation]:
        """Those that have not ended."""
        return [each for each in self._operations.values() if each.ended is None]
