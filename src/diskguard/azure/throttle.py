"""The request budget: who may send when. A pure state machine; `now` is any clock that only rises."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

_LONGEST_PAUSE: Final = 10.0  # of everybody, after anybody's 429
_RESERVED_FOR: Final = 300.0  # a reservation nobody used or gave back falls back then
_LATE: Final = 30.0  # a window may depart so long after it said: Azure is slow to start a script
_GLANCE: Final = 0.25  # who waits for others to depart looks again after so long

# When, how many more tokens are due from then on, how many are gone.
Dues = list[tuple[float, float, float]]


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """One allowance: whose it is, and what Azure calls it."""

    scope: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many tokens at most, so many new ones a second."""

    capacity: float
    refill: float

    @property
    def usable(self) -> float:
        """The capacity we use: a second's refill less.

        Azure counts a request when it arrives, we when it leaves; without the reserve a burst that
        travels slowly and a later one that travels fast would arrive together as one too many.
        """
        return max(1.0, self.capacity - max(1.0, self.refill))


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window to come: so many requests at once, `ahead` seconds from now or later.

    `after`: how many more its VM will take of the same buckets: the script that collects, the seal.
    """

    name: str
    requests: int
    ahead: float = 0.0
    after: int = 0


@dataclass(slots=True)
class _Promise:
    """A window's tokens: `left` are its own from `departs` on, `after` is what its VM asks besides.

    It departs by `latest`, or is late and keeps what is left until `until`.
    """

    departs: float
    latest: float
    until: float
    left: dict[Bucket, float]
    after: float

    def dues(self, bucket: Bucket, now: float, *, besides: float = 0.0) -> Dues:
        """When its tokens are due and when they are gone; who is late has them for good."""
        amount = self.left.get(bucket, 0.0)
        if not amount:
            return []
        due = (max(now, self.departs), amount, besides)
        gone = (self.latest, -amount, amount)
        return [due, gone] if self.latest > now else [due]


@dataclass(slots=True)
class _Fill:
    """How full a bucket is, as far as we know; what is promised to windows is still in it."""

    limit: Limit
    tokens: float
    at: float
    closed_until: float = 0.0

    def flow(self, now: float) -> None:
        grown = self.tokens + max(0.0, now - self.at) * self.limit.refill
        self.tokens, self.at = min(self.limit.usable, grown), max(now, self.at)

    def lowest(self, spend: float, dues: Dues) -> float:
        """The least that is ever free from now on, if so much goes at once.

        Windows depart as late as they may: the worst case, for a full bucket gains nothing.
        """
        level, at, due = self.tokens - spend, self.at, 0.0
        lowest = level
        for when, more, gone in dues:
            level = min(self.limit.usable, level + (when - at) * self.limit.refill) - gone
            at, due = when, due + more
            lowest = min(lowest, level - due)
        return lowest

    def wait_for(self, spend: float, dues: Dues, now: float) -> float:
        """Seconds until that many tokens may go; 0 means now. May be too few while others are due."""
        lowest = self.lowest(spend, dues)
        missing = 0.0 if lowest >= 0 else max(_GLANCE if dues else 0.0, self._until(spend, dues))
        return max(self.closed_until - now, missing)

    def _until(self, spend: float, dues: Dues) -> float:
        """Seconds until the tokens are there beside those that are overdue."""
        overdue = sum(more for when, more, _ in dues if when <= self.at)
        return (spend + overdue - self.tokens) / self.limit.refill


@dataclass(frozen=True, slots=True)
class Wait:
    """What stands between a request and its sending. `closed`: Azure said so, not we."""

    seconds: float
    bucket: Bucket | None = None
    closed: bool = False


@dataclass(slots=True)
class Budget:
    """Tokens of every bucket seen so far, and those promised to windows.

    Law: of a bucket, never more than `capacity` + `refill` x time requests are admitted. And a
    window that departs when it said, or at most 30 s later, finds what it was promised: before that
    it counts on what flows in, then its tokens are really there. Once its guest has agreed to an
    instant it is settled, and others need not reckon with its being late.
    """

    _fills: dict[Bucket, _Fill] = field(default_factory=dict)
    _promises: dict[str, _Promise] = field(default_factory=dict)
    _paused_until: dict[str, float] = field(default_factory=dict)

    def take(
        self, charges: Mapping[Bucket, Limit], now: float, *, subscription: str = ""
    ) -> Wait | None:
        """Take one token of each bucket and give None, or take nothing and say how long to wait."""
        fills = self._current(charges, now)
        pause = self._paused_until.get(subscription, 0.0) - now
        longest = Wait(pause, None, closed=True) if pause > 0 else None
        for bucket, fill in fills.items():
            wait = fill.wait_for(1, self._dues(bucket, now), now)
            if wait > 0 and (longest is None or wait > longest.seconds):
                longest = Wait(wait, bucket, closed=fill.closed_until > now)
        if longest is None:
            for fill in fills.values():
                fill.tokens -= 1
        return longest

    def shortage(self, bucket: Bucket, limit: Limit, now: float) -> float:
        """Seconds until a token of that bucket is free; 0 means now."""
        fill = self._current({bucket: limit}, now)[bucket]
        return fill.wait_for(1, self._dues(bucket, now), now)

    def take_in_window(
        self, charges: Mapping[Bucket, Limit], now: float, window: str = ""
    ) -> Wait | None:
        """The same for a window's request: its own tokens first, and no pause for others' sake."""
        fills = self._current(charges, now)
        promise = self._promises.get(window)
        own = {b for b in fills if promise is not None and promise.left.get(b, 0.0) >= 1}
        for bucket, fill in fills.items():
            wait = fill.wait_for(1, [] if bucket in own else self._dues(bucket, now), now)
            if wait > 0:
                return Wait(wait, bucket, closed=fill.closed_until > now)
        for bucket, fill in fills.items():
            fill.tokens -= 1
            if promise is not None and bucket in own:
                promise.left[bucket] -= 1
        return None

    def keep(
        self,
        window: Window,
        limits: Mapping[Bucket, Limit],
        now: float,
        *,
        waiting: Mapping[Bucket, int] | None = None,
    ) -> Wait | None:
        """Promise a window its tokens and give None, or promise nothing and say how long to wait.

        Nothing is promised that would hold up requests `waiting`, or those that the VMs already on
        their way to a window will still need: whoever has begun goes first.
        """
        fills = self._current(limits, now)
        new = _Promise(
            departs=now + window.ahead,
            latest=now + window.ahead + _LATE,
            until=now + window.ahead + _RESERVED_FOR,
            left=dict.fromkeys(limits, float(window.requests)),
            after=float(window.after),
        )
        for bucket, fill in fills.items():
            if window.requests >= fill.limit.usable:
                return Wait(float("inf"), bucket)  # never that many at once
            claims = self._claims(bucket, now, new)
            before = 1 + (waiting or {}).get(bucket, 0)  # its own arming, and who came before
            missing = -min(0.0, fill.lowest(before, claims)) / fill.limit.refill
            wait = max(fill.closed_until - now, missing)
            if wait > 0:
                return Wait(wait, bucket, closed=fill.closed_until > now)
        self._promises[window.name] = new
        return None

    def settle(self, window: str, departs: float, latest: float) -> None:
        """Its guest has agreed: from now on it is known when the window departs."""
        promise = self._promises.get(window)
        if promise is not None:
            promise.departs, promise.latest = departs, max(departs, latest)

    def give_back(self, window: str) -> None:
        """Nothing is promised to that window any more."""
        self._promises.pop(window, None)

    def learn(
        self, limits: Mapping[Bucket, Limit], remaining: Mapping[str, int], now: float
    ) -> None:
        """Believe Azure where it says that less is left than we thought."""
        for bucket, fill in self._current(limits, now).items():
            if bucket.name in remaining:
                fill.tokens = min(fill.tokens, remaining[bucket.name])

    def close(
        self, buckets: Mapping[Bucket, Limit], seconds: float, now: float, *, subscription: str = ""
    ) -> bool:
        """Nobody sends on these for so long; everybody else of the subscription pauses a little.

        True when that is news: several requests on their way meet the same refusal.
        """
        news = False
        for fill in self._current(buckets, now).values():
            news = news or now + seconds > fill.closed_until + 1
            fill.closed_until = max(fill.closed_until, now + seconds)
            fill.tokens = min(fill.tokens, 1.0)
        paused = now + min(seconds, _LONGEST_PAUSE)
        self._paused_until[subscription] = max(self._paused_until.get(subscription, 0.0), paused)
        return news

    def _current(self, limits: Mapping[Bucket, Limit], now: float) -> dict[Bucket, _Fill]:
        """The fills of these buckets as of now; a bucket never seen is full."""
        self._forget(now)
        for bucket, limit in limits.items():
            if bucket not in self._fills:
                self._fills[bucket] = _Fill(limit, limit.usable, now)
            self._fills[bucket].flow(now)
        return {bucket: self._fills[bucket] for bucket in limits}

    def _forget(self, now: float) -> None:
        """Promises that are used up, or that nobody used in time, are none."""
        for name, promise in list(self._promises.items()):
            if promise.until <= now or not any(promise.left.values()):
                del self._promises[name]

    def _dues(self, bucket: Bucket, now: float) -> Dues:
        """What windows were promised of the bucket, in the order of their departure."""
        return sorted(
            due for promise in self._promises.values() for due in promise.dues(bucket, now)
        )

    def _claims(self, bucket: Bucket, now: float, new: _Promise) -> Dues:
        """The same with `new` among them, and with all that their VMs will take besides."""
        room = self._fills[bucket].limit.usable - 1
        return sorted(
            due
            for promise in (*self._promises.values(), new)
            for due in promise.dues(
                bucket,
                now,
                besides=max(0.0, min(promise.after, room - promise.left.get(bucket, 0.0))),
            )
        )


def parse_remaining(values: Iterable[str]) -> dict[str, int]:
    """Read x-ms-ratelimit-remaining-resource: buckets joined by commas, or several headers.

    "Microsoft.Compute/PutVM3Min;239,Microsoft.Compute/PutVM30Min;1194"; what is not of that form
    is left out.
    """
    remaining: dict[str, int] = {}
    for part in ",".join(values).split(","):
        name, _, left = part.strip().partition(";")
        if name and left.strip().isdecimal():
            remaining[name.rsplit("/", 1)[-1]] = int(left)
    return remaining
