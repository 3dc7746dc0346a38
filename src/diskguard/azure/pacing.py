"""The budget at work: requests wait their turn here, and answers teach it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from diskguard.azure.charges import Call, charges_of, charges_of_window, subscription_of
from diskguard.azure.failures import parse_retry_after
from diskguard.azure.throttle import Bucket, Budget, Limit, Wait, Window, parse_remaining
from diskguard.errors import Throttled
from diskguard.model.events import Event, Slowed
from diskguard.model.report import Traffic
from diskguard.ports import Clock, Reservation

_AFTER_WINDOW: Final = 2  # writes of a VM whose window is over: the script that collects, the seal
PATIENCE: Final = 600.0  # a longer Retry-After is the next run's affair
_RESOURCE: Final = "x-ms-ratelimit-remaining-resource"
_SUBSCRIPTION: Final = "x-ms-ratelimit-remaining-subscription-"
_UNSAID: Final = (
    10.0  # a 429 always carries Retry-After (arm-wire 6); this is for one that does not
)


@dataclass(slots=True)
class ClockOffset:
    """Azure's clock minus ours, between two bounds that every Date header may tighten."""

    low: float = float("-inf")
    high: float = float("inf")

    def learn(self, date: str | None, sent: datetime, answered: datetime) -> None:
        """Take in one answer: its Date was cut to a second, somewhere between sent and answered."""
        stamp = _parse_date(date)
        if stamp is None:
            return
        low, high = (stamp - answered).total_seconds(), (stamp - sent).total_seconds() + 1
        self.low, self.high = max(self.low, low), min(self.high, high)
        if self.low > self.high:  # one of the clocks was set: only the newest answer counts
            self.low, self.high = low, high

    @property
    def value(self) -> timedelta:
        """The middle of what is possible; zero before the first answer."""
        if self.low == float("-inf"):
            return timedelta()
        return timedelta(seconds=(self.low + self.high) / 2)


@dataclass(slots=True, kw_only=True)
class Pacer:
    """Lets requests out as the budget allows; one for a whole run."""

    clock: Clock
    notice: Callable[[Event], None]
    budget: Budget = field(default_factory=Budget)
    offset: ClockOffset = field(default_factory=ClockOffset)
    sent: int = field(init=False, default=0)
    refused: int = field(init=False, default=0)
    _turns: defaultdict[str, asyncio.Lock] = field(
        init=False, default_factory=lambda: defaultdict(asyncio.Lock)
    )
    _lines: defaultdict[Bucket, asyncio.Lock] = field(
        init=False, default_factory=lambda: defaultdict(asyncio.Lock)
    )
    _waiting: Counter[Bucket] = field(init=False, default_factory=Counter)

    async def admit(self, method: str, url: str, call: Call) -> dict[Bucket, Limit]:
        """Return, with what it was charged to, when the request may be sent.

        Raises Throttled at once for a window's request that would have to wait, and for any whose
        wait, by Azure's own word, is longer than PATIENCE.
        """
        charges = charges_of(method, url, call)
        if call.window:
            self._take_in_window(charges, call.reserved)
        else:
            await self._wait_for_turn(charges, subscription_of(url))
        self.sent += 1
        return charges

    def traffic(self) -> Traffic:
        """What was sent so far, and what of it was one too many."""
        return Traffic(requests=self.sent, throttled=self.refused)

    async def _wait_for_turn(self, charges: Mapping[Bucket, Limit], subscription: str) -> None:
        while (wait := self._take(charges, subscription)) is not None:
            if wait.bucket is None or wait.closed:
                await asyncio.sleep(wait.seconds)
            else:
                await self._stand_in_line(wait.bucket, charges[wait.bucket])

    def _take_in_window(self, charges: Mapping[Bucket, Limit], reserved: str) -> None:
        wait = self.budget.take_in_window(charges, self._now(), reserved)
        if wait is not None:
            raise _throttled(wait)

    def _take(self, charges: Mapping[Bucket, Limit], subscription: str) -> Wait | None:
        wait = self.budget.take(charges, self._now(), subscription=subscription)
        if wait is not None and wait.closed and wait.seconds > PATIENCE:
            raise _throttled(wait)
        return wait

    async def _stand_in_line(self, bucket: Bucket, limit: Limit) -> None:
        """Wait until the bucket has a token, one after the other: a crowd that wakes at every new
        token would keep this machine busier than Azure."""
        self._waiting[bucket] += 1
        try:
            async with self._lines[bucket]:
                seconds = self.budget.shortage(bucket, limit, self._now())
                while seconds > 0:
                    await asyncio.sleep(max(seconds, 0.001))
                    seconds = self.budget.shortage(bucket, limit, self._now())
        finally:
            self._waiting[bucket] -= 1

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def reserve(self, window: Reservation, within: timedelta) -> None:
        """Promise a window its requests, until they are given back. Raises Throttled after `within`.

        One after the other, in the order they came: who waits here holds back only those who have
        not begun, so the requests of VMs under way go first and nobody waits for ever.
        """
        async with self._turns[window.subscription.lower()]:
            await self._reserve(window, within)

    async def _reserve(self, window: Reservation, within: timedelta) -> None:
        limits = charges_of_window(window.subscription, window.region)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within.total_seconds()
        while (wait := self._keep(window, limits)) is not None:
            if loop.time() + wait.seconds > deadline:
                raise _throttled(wait)
            await asyncio.sleep(max(wait.seconds, 0.001))

    def _keep(self, window: Reservation, limits: Mapping[Bucket, Limit]) -> Wait | None:
        wished = Window(
            name=window.attempt,
            requests=window.snapshots,
            ahead=window.ahead.total_seconds(),
            after=_AFTER_WINDOW,
        )
        return self.budget.keep(wished, limits, self._now(), waiting=self._waiting)

    def learn(self, charges: Mapping[Bucket, Limit], headers: Any, sent: datetime) -> None:
        """Take in what an answer says of the budget and of the time."""
        self.offset.learn(headers.get("Date"), sent, self.clock.now())
        now = asyncio.get_running_loop().time()
        self.budget.learn(charges, read_remaining(headers), now)

    def slow_down(self, url: str, charges: Mapping[Bucket, Limit], headers: Any) -> None:
        """Azure refused a request for being one too many: the whole run slows, and is told so."""
        self.refused += 1
        said = parse_retry_after(headers.get("Retry-After"))
        seconds = _UNSAID if said is None else said
        closed = _empty_ones(charges, read_remaining(headers))
        subscription = subscription_of(url)
        now = asyncio.get_running_loop().time()
        if self.budget.close(closed, seconds, now, subscription=subscription):
            self.notice(_slowed(self.clock.now(), subscription, closed, seconds))


def read_remaining(headers: Any) -> dict[str, int]:
    """What is left of each bucket, by the answer's headers."""
    everything = getattr(headers, "getall", None)
    values = everything(_RESOURCE, []) if everything else [headers.get(_RESOURCE) or ""]
    remaining = parse_remaining(values)
    for kind in ("reads", "writes", "deletes"):
        for name in (kind, f"global-{kind}"):
            left = headers.get(f"{_SUBSCRIPTION}{name}")
            if left is not None and left.isdecimal():
                remaining[name] = int(left)
    return remaining


def _empty_ones(
    charges: Mapping[Bucket, Limit], remaining: Mapping[str, int]
) -> dict[Bucket, Limit]:
    """The buckets a 429 speaks of; all of Compute's where it names none."""
    empty = [name for name, left in remaining.items() if left == 0]
    named = {
        bucket: limit
        for bucket, limit in charges.items()
        if any(bucket.name.startswith(name) for name in empty)
    }
    of_compute = {b: limit for b, limit in charges.items() if not b.scope.startswith("arm/")}
    return named or of_compute or dict(charges)


def _slowed(
    now: datetime, subscription: str, closed: Mapping[Bucket, Limit], seconds: float
) -> Slowed:
    first = min(closed)
    side, _, rest = first.scope.partition("/")
    region = rest.rpartition("/")[2] if side in ("vm", "disk") else ""
    return Slowed(
        at=now, subscription=subscription, region=region, bucket=first.name, seconds=seconds
    )


def _throttled(wait: Wait) -> Throttled:
    bucket = f" of {wait.bucket.name}" if wait.bucket else ""
    who = "Azure takes" if wait.closed else "the budget allows"
    if wait.seconds == float("inf"):
        return Throttled(f"{who} never so many requests{bucket} at once", retry_after_seconds=None)
    return Throttled(
        f"{who} no further request{bucket} for {wait.seconds:.0f} s",
        retry_after_seconds=wait.seconds,
    )


def _parse_date(text: str | None) -> datetime | None:
    try:
        stamp = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return stamp.replace(tzinfo=UTC) if stamp and stamp.tzinfo is None else stamp
