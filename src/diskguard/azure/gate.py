"""The one policy of ours in the SDK's pipeline: every request passes here, every page of a list too."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from diskguard.azure.charges import Call
from diskguard.azure.failures import clean, parse_retry_after
from diskguard.azure.pacing import PATIENCE, Pacer
from diskguard.errors import EndpointRefused

_OPTION: Final = "diskguard"  # the keyword under which a Call travels through the SDK
_TRIES: Final = 4
# Seconds to connect and to answer; azure-core would give both 300. Requests here are small.
_USUAL: Final = {"connection_timeout": 10, "read_timeout": 60}
_IN_WINDOW: Final = {"connection_timeout": 3, "read_timeout": 20}
_PASSING: Final = frozenset({408, 500, 502, 503, 504})


def told(call: Call) -> dict[str, Any]:
    """Keywords for a method of the SDK that say what its URL does not."""
    return {_OPTION: call}


class _Next(Protocol):
    async def send(self, request: Any) -> Any: ...


@dataclass(slots=True)
class Gate:
    """Asks the budget, sends, learns, and resends only what may be sent twice.

    It stands in the place of the SDK's retry policy, which resends POSTs, sleeps any Retry-After
    and knows no budget (arm-wire 9). A 429 means "not done", so whatever met one may go again;
    after a lost answer only reads may, and what its caller marked `resend`. In a window: nothing.
    """

    pacer: Pacer
    endpoint: str
    next: _Next | None = None

    async def send(self, request: Any) -> Any:
        """Give the answer of the last try."""
        call = request.context.options.pop(_OPTION, None) or Call()
        self._stay_at_home(request.http_request.url)
        request.context.options.update(_IN_WINDOW if call.window else _USUAL)
        retrying = _retrying(call, request.http_request.method)
        return await retrying(self._once, request, call)

    async def _once(self, request: Any, call: Call) -> Any:
        """Send when the budget allows, again after each 429; a window's 429 is the answer."""
        assert self.next is not None  # noqa: S101 - the pipeline chains its policies when built
        url, method = request.http_request.url, request.http_request.method
        loop = asyncio.get_running_loop()
        patient_until = loop.time() + PATIENCE
        while True:
            charges = await self.pacer.admit(method, url, call)
            sent = self.pacer.clock.now()
            response = await self.next.send(request)
            headers = response.http_response.headers
            self.pacer.learn(charges, headers, sent)
            if response.http_response.status_code != 429:
                return response
            self.pacer.slow_down(url, charges, headers)
            if call.window or loop.time() > patient_until:
                return response
            await response.http_response.close()

    def _stay_at_home(self, url: str) -> None:
        """Refuse to carry the token elsewhere: a page or operation may name any URL."""
        home, there = urlsplit(self.endpoint), urlsplit(url)
        host = there.hostname or ""
        same = host == home.hostname or host.endswith(f".{home.hostname}")
        if there.scheme != "https" or not same or there.port != home.port:
            raise EndpointRefused(
                f"an answer of {self.endpoint} leads to {clean(url)}: not followed"
            )


def _retrying(call: Call, method: str) -> Any:
    from azure.core.exceptions import AzureError, ClientAuthenticationError
    from tenacity import AsyncRetrying, retry_if_exception, retry_if_result, stop_after_attempt

    def lost(error: BaseException) -> bool:
        return isinstance(error, AzureError) and not isinstance(error, ClientAuthenticationError)

    def passing(response: Any) -> bool:
        return response.http_response.status_code in _PASSING and _pause(response) <= PATIENCE

    twice = method == "GET" or call.resend
    return AsyncRetrying(
        stop=stop_after_attempt(_TRIES if twice and not call.window else 1),
        retry=retry_if_exception(lost) | retry_if_result(passing),
        wait=_wait,
        sleep=asyncio.sleep,
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )


def _wait(state: Any) -> float:
    """Up to a second, then up to twice as long, by lot; longer where Azure says so."""
    from tenacity import wait_random_exponential

    usual = wait_random_exponential(multiplier=1, max=8)(state)
    if state.outcome is None or state.outcome.failed:
        return usual
    return max(usual, _pause(state.outcome.result()))


def _pause(response: Any) -> float:
    return parse_retry_after(response.http_response.headers.get("Retry-After")) or 0.0
