"""Long-running operations: where an accepted request is followed, and following it to its end."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from diskguard.azure.charges import Call
from diskguard.azure.clients import Clients
from diskguard.azure.failures import AnswerUnreadable, Refusal, refusal_of, translate_refusal
from diskguard.azure.gate import told
from diskguard.azure.translate import Document, parse_operation
from diskguard.errors import CloudUnreachable
from diskguard.model.wish import OperationState, OperationStatus


@dataclass(slots=True)
class Accepted:
    """Keeps an act's answer: given to the SDK as its `raw_response_hook`."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, response: Any) -> None:
        """Take the last answer; a refused try's answer is overwritten by the next."""
        self.status = response.http_response.status_code
        self.headers = response.http_response.headers

    @property
    def operation(self) -> str | None:
        """The URL to ask, signed, to be kept byte for byte; None where all is done already."""
        return self.headers.get("Azure-AsyncOperation") or self.headers.get("Location")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at an operation. `output` is what a finished one gives back."""

    state: OperationState
    document: Document


async def read_operation(clients: Clients, subscription: str, url: str, call: Call) -> Reading:
    """Look once at the operation behind that URL. Raises SDK errors and ours."""
    from azure.core.rest import HttpRequest

    # The SDK's client formats every URL, also a whole one: braces must survive that.
    request = HttpRequest("GET", url.replace("{", "{{").replace("}", "}}"))
    client = clients.compute(subscription)
    response = await client.send_request(request, **told(call))
    if response.status_code >= 400:
        raise translate_refusal(refusal_of(response), "asking how far an operation is")
    if response.status_code == 202:  # the Location form says no more while it runs (arm-wire 1)
        return Reading(state=OperationState(status=OperationStatus.RUNNING), document={})
    document = response.json()
    if not isinstance(document, Mapping):
        raise AnswerUnreadable("an operation that is no object")
    if "status" not in document:  # and then shows the bare result
        done = OperationState(status=OperationStatus.SUCCEEDED)
        return Reading(state=done, document={"properties": {"output": document}})
    return Reading(state=parse_operation(document), document=document)


async def follow(look: Callable[[], Any], pauses: Iterable[float], *, doing: str) -> Reading:
    """Look after each pause until the operation ends. Raises what a failed one says.

    Raises CloudUnreachable when the pauses are used up: it still runs.
    """
    for pause in pauses:
        await asyncio.sleep(pause)
        reading: Reading = await look()
        if reading.state.status == OperationStatus.FAILED:
            raise translate_refusal(_refusal(reading.state), doing)
        if reading.state.status == OperationStatus.SUCCEEDED:
            return reading
    raise CloudUnreachable(f"{doing}: still not done, and we stopped asking")


def paced(first: Iterable[float], then: float, *, at_most: float) -> Iterator[float]:
    """The `first` pauses, then the same one again and again, `at_most` seconds altogether."""
    spent = 0.0
    for pause in first:
        spent += pause
        yield pause
    while spent < at_most:
        spent += then
        yield then


def _refusal(state: OperationState) -> Refusal:
    """A failed operation's error as the refusal it is; its own HTTP status was 200."""
    return Refusal(status=409, code=state.error_code or "", message=state.error_message or "")
