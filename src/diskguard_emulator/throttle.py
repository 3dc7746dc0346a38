"""Token buckets: Resource Manager's and Compute's, their headers and their 429."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from diskguard_emulator.operations import wire_time
from diskguard_emulator.refusals import Refusal
from diskguard_emulator.wire import Headers, JsonObject
from diskguard_emulator.world import World


@dataclass(frozen=True, slots=True)
class Limit:
    """So many tokens at most, so many new ones a second."""

    name: str
    capacity: float
    per_second: float


def _per_minute(name: str, refill: float, capacity: float) -> Limit:
    return Limit(name, capacity, refill / 60)


def _window(name: str, three_minutes: float, thirty_minutes: float) -> tuple[Limit, Limit]:
    return (
        Limit(f"{name}3Min", three_minutes, three_minutes / 180),
        Limit(f"{name}30Min", thirty_minutes, thirty_minutes / 1800),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a call of one kind is charged to."""

    subscription: tuple[Limit, ...]
    vm: tuple[Limit, ...] = ()


def _vm_side(name: str, vm: tuple[float, float] | None, all_: tuple[float, float]) -> Policy:
    return Policy(
        subscription=(_per_minute(f"{name}3Min", *all_),),
        vm=(_per_minute(name, *vm),) if vm else (),
    )


# Witness, VM side: compute-throttling-limits.md @1a043fb3a20b, tokens a minute and capacity; the
# names in the header are those of the recordings. No recording shows a VM's own bucket in it.
# Witness, disk side: readings of x-ms-ratelimit-remaining-resource in the recordings named in
# docs/emulator.md; that the windows refill evenly is inferred.
POLICIES: Final = {
    "PutVM": _vm_side("PutVM", (4, 12), (500, 1500)),
    "UpdateVM": _vm_side("UpdateVM", (4, 12), (500, 1500)),
    "DeleteVM": _vm_side("DeleteVM", (4, 12), (500, 1500)),
    "LowCostGetVM": _vm_side("LowCostGet", (12, 36), (8000, 24000)),
    "HighCostGetVM": _vm_side("HighCostGet", None, (300, 900)),
    "GetVMOperation": _vm_side("GetOperation", (15, 45), (5000, 15000)),
    "HighCostSnapshotCreateHydrate": Policy(
        subscription=_window("HighCostSnapshotCreateHydrate", 1000, 8000)
    ),
    "CreateUpdateDisks": Policy(subscription=_window("CreateUpdateDisks", 3000, 25000)),
    "DeleteDisks": Policy(subscription=_window("DeleteDisks", 3000, 24000)),
    "LowCostGet": Policy(subscription=_window("LowCostGet", 15000, 120000)),
    "HighCostGet": Policy(subscription=_window("HighCostGet", 240, 1920)),
    "GetDiskOperation": Policy(subscription=_window("GetOperation", 50000, 400000)),
}

# Witness: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
# for the first of each pair; the global ones are 15 times that in the recordings (…-global-reads: 3749).
_ARM: Final = {
    "reads": (Limit("reads", 250, 25), Limit("global-reads", 3750, 375)),
    "writes": (Limit("writes", 200, 10), Limit("global-writes", 3000, 150)),
    "deletes": (Limit("deletes", 200, 10), Limit("global-deletes", 3000, 150)),
}


@dataclass(slots=True)
class Bucket:
    """A limit with its present fill."""

    limit: Limit
    tokens: float
    at: float

    def fill(self, now: float) -> None:
        """Let the tokens of the time since the last look flow in."""
        grown = self.tokens + (now - self.at) * self.limit.per_second
        self.tokens, self.at = min(self.limit.capacity, grown), now

    @property
    def wait(self) -> int:
        """Whole seconds until one token is there, at least one."""
        return max(1, math.ceil((1 - self.tokens) / self.limit.per_second))


class Throttle:
    """The buckets of a world, made when first used."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def charge_arm(self, method: str, subscription: str, caller: str, region: str) -> Headers:
        """Take a token of Resource Manager's buckets. Raises Refusal 429."""
        kind = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")
        own, common = _ARM[kind]
        taken = [
            self._bucket(f"arm|{subscription}|{caller}|{region}", own),
            self._bucket(f"arm|{subscription}", common),
        ]
        prefix = "x-ms-ratelimit-remaining-subscription"
        if (empty := self._take(taken)) is not None:
            header = f"{prefix}-{empty.limit.name}"
            raise arm_refusal(header, empty.wait, kind.rstrip("s"), (subscription, caller))
        return Headers({f"{prefix}-{each.limit.name}": str(int(each.tokens)) for each in taken})

    def charge_compute(
        self, policy: str, subscription: str, region: str, vm: str | None
    ) -> Headers:
        """Take a token of Compute's buckets. Raises Refusal 429 in Compute's own form."""
        rules = POLICIES[policy]
        scope = f"{policy}|{subscription}|{region}"
        common = [self._bucket(scope, limit) for limit in rules.subscription]
        own = [self._bucket(f"{policy}|{vm}", limit) for limit in rules.vm if vm is not None]
        if (empty := self._take(common + own)) is not None:
            raise self.compute_refusal(empty.limit.name, empty.wait, int(empty.limit.capacity))
        return Headers({"x-ms-ratelimit-remaining-resource": _remaining(common)})

    def compute_refusal(self, bucket: str, wait: int, allowed: int = 300) -> "ComputeThrottled":
        """Compute's 429 for this bucket."""
        now = wire_time(self._world.clock.now())
        details = (
            f'{{"operationGroup":"{bucket}","startTime":"{now}","endTime":"{now}",'
            f'"allowedRequestCount":{allowed},"measuredRequestCount":{allowed + 1}}}'
        )
        return ComputeThrottled(bucket, wait, details)

    def _bucket(self, scope: str, limit: Limit) -> Bucket:
        place = (scope, limit.name)
        bucket = self._buckets.get(place)
        if bucket is None:
            now = self._world.clock.now().timestamp()
            bucket = self._buckets[place] = Bucket(limit, limit.capacity, now)
        return bucket

    def _take(self, buckets: list[Bucket]) -> Bucket | None:
        """Take one of each, or none and say which was empty."""
        now = self._world.clock.now().timestamp()
        for bucket in buckets:
            bucket.fill(now)
        if self._world.settings.throttling:
            for bucket in buckets:
                if bucket.tokens < 1:
                    return bucket
        for bucket in buckets:
            bucket.tokens = max(0.0, bucket.tokens - 1)
        return None


def _remaining(buckets: Iterable[Bucket]) -> str:
    return ",".join(f"Microsoft.Compute/{each.limit.name};{int(each.tokens)}" for each in buckets)


def arm_refusal(header: str, wait: int, kind: str, who: tuple[str, str]) -> Refusal:
    """Resource Manager's own 429: the header that stands at 0 tells it apart; wording as met in 2026."""
    return Refusal(
        429,
        "SubscriptionRequestsThrottled",
        f"Number of '{kind}' requests for subscription '{who[0]}' actor '{who[1]}' exceeded. "
        f"Please try again after '{wait}' seconds.",
        {header: "0", "Retry-After": str(wait), "x-ms-failure-cause": "gateway"},
    )


class ComputeThrottled(Refusal):
    """Compute's 429, whose body has no outer `error`.

    Witness: SupportArticles-docs troubleshooting-throttling-errors.md @0a1f3ea5280f.
    """

    def __init__(self, bucket: str, wait: int, details: str) -> None:
        super().__init__(
            429,
            "OperationNotAllowed",
            "The server rejected the request because too many requests have been received "
            "for this subscription.",
            {
                "x-ms-ratelimit-remaining-resource": f"Microsoft.Compute/{bucket};0",
                "Retry-After": str(wait),
            },
        )
        self.bucket = bucket
        self.details = details

    def body(self) -> JsonObject:
        detail = {"code": "TooManyRequests", "target": self.bucket, "message": self.details}
        return {**self.error(), "details": [detail]}
