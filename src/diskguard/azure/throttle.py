"""The request budget: who may send when. A pure state machine; `now` is any clock that only rises."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

_LONGEST_PAUSE: Final = 10.0  # of everybody, after anybody's 429
_RESERVED_FOR: Final = 300.0  # a reservation nobody used falls back then


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


@dataclass(slots=True)
class _Kept:
    until: float
    left: dict[Bucket, float]


@dataclass(slots=True)
class _Fill:
    """How full a bucket is, as far as we know; what is kept of it for windows is still in it.

    A window's tokens are really there from before its guest is armed. Counting on what flows in
    until the window opens would be quicker for a large estate, and was tried: windows that open
    later than the earliest instant then find the bucket short, and a guest freezes for nothing.
    """

    limit: Limit
    tokens: float
    at: float
    kept: float = 0.0
    closed_until: float = 0.0

    def flow(self, now: float) -> None:
        grown = self.tokens + max(0.0, now - self.at) * self.limit.refill
        self.tokens, self.at = min(self.limit.usable, grown), max(now, self.at)

    def wait_for(self, amount: float, now: float) -> float:
        """Seconds until that many tokens are there; 0 means now."""
        missing = max(0.0, amount - self.tokens) / self.limit.refill
        return max(self.closed_until - now, missing)


@dataclass(frozen=True, slots=True)
class Wait:
    """What stands between a request and its sending. `closed`: Azure said so, not we."""

    seconds: float
    bucket: Bucket | None = None
    closed: bool = False


@dataclass(slots=True)
class Budget:
    """Tokens of every bucket seen so far, and those kept for windows.

    Law: of a bucket, never more than `capacity` + `refill` x time requests are admitted.
    """

    _fills: dict[Bucket, _Fill] = field(default_factory=dict)
    _kept: list[_Kept] = field(default_factory=list)
    _paused_until: dict[str, float] = field(default_factory=dict)

    def take(
        self, charges: Mapping[Bucket, Limit], now: float, *, subscription: str = ""
    ) -> Wait | None:
        """Take one token of each bucket and give None, or take nothing and say how long to wait."""
        fills = self._current(charges, now)
        pause = self._paused_until.get(subscription, 0.0) - now
        longest = Wait(pause, None, closed=True) if pause > 0 else None
        for bucket, fill in fills.items():
            wait = fill.wait_for(fill.kept + 1, now)
            if wait > 0 and (longest is None or wait > longest.seconds):
                longest = Wait(wait, bucket, closed=fill.closed_until > now)
        if longest is None:
            for fill in fills.values():
                fill.tokens -= 1
        return longest

    def shortage(self, bucket: Bucket, limit: Limit, now: float) -> float:
        """Seconds until a token of that bucket is free; 0 means now."""
        fill = self._current({bucket: limit}, now)[bucket]
        return fill.wait_for(fill.kept + 1, now)

    def take_in_window(self, charges: Mapping[Bucket, Limit], now: float) -> Wait | None:
        """The same for a window's request: kept tokens first, and no pause for others' sake."""
        fills = self._current(charges, now)
        keepers = {bucket: self._keeper(bucket) for bucket in fills}
        for bucket, fill in fills.items():
            wait = fill.wait_for(1 if keepers[bucket] else fill.kept + 1, now)
            if wait > 0:
                return Wait(wait, bucket, closed=fill.closed_until > now)
        for bucket, fill in fills.items():
            fill.tokens -= 1
            keeper = keepers[bucket]
            if keeper is not None:
                keeper.left[bucket] -= 1
                fill.kept -= 1
        return None

    def keep(
        self, amounts: Mapping[Bucket, float], limits: Mapping[Bucket, Limit], now: float
    ) -> Wait | None:
        """Set tokens aside for a window and give None, or set nothing aside and say how long."""
        fills = self._current(limits, now)
        for bucket, fill in fills.items():
            wait = fill.wait_for(fill.kept + amounts[bucket], now)
            if amounts[bucket] > fill.limit.usable:
                wait = float("inf")  # never that many at once
            if wait > 0:
                return Wait(wait, bucket, closed=fill.closed_until > now)
        for bucket, fill in fills.items():
            fill.kept += amounts[bucket]
        self._kept.append(_Kept(now + _RESERVED_FOR, dict(amounts)))
        return None

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
        self._give_back(now)
        for bucket, limit in limits.items():
            if bucket not in self._fills:
                self._fills[bucket] = _Fill(limit, limit.usable, now)
            self._fills[bucket].flow(now)
        return {bucket: self._fills[bucket] for bucket in limits}

    def _give_back(self, now: float) -> None:
        """Forget reservations that are used up, or that nobody used in time."""
        for kept in [each for each in self._kept if each.until <= now]:
            for bucket, amount in kept.left.items():
                self._fills[bucket].kept -= amount
        self._kept = [each for each in self._kept if each.until > now and any(each.left.values())]

    def _keeper(self, bucket: Bucket) -> _Kept | None:
        return next((kept for kept in self._kept if kept.left.get(bucket, 0.0) >= 1), None)


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
