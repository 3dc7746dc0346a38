"""The whole cloud behind one call: `answer(request)`. Both doors, HTTPS and in process, lead here."""

import asyncio
from typing import Final

from diskguard_emulator import rules
from diskguard_emulator.access import Principal, require
from diskguard_emulator.bodies import parse_body
from diskguard_emulator.call import Call
from diskguard_emulator.faults import (
    Delays,
    Effect,
    Fails,
    FaultBook,
    Hangs,
    LosesAnswer,
    Malformed,
    Resets,
    Throttles,
)
from diskguard_emulator.ids import key
from diskguard_emulator.log import Entry, Log
from diskguard_emulator.paths import shape_of
from diskguard_emulator.refusals import Refusal, gateway, subscription_not_found
from diskguard_emulator.render import upper_case_groups
from diskguard_emulator.routes import Route, check_version, find_route
from diskguard_emulator.throttle import Throttle, arm_refusal
from diskguard_emulator.wire import ConnectionLost, Headers, Request, Response
from diskguard_emulator.world import World

OWNER: Final = Principal(name="owner")
_COMMON: Final = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}


class Api:
    """A world with its door: who may enter, what is charged, which faults strike, what was asked."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.principals: dict[str, Principal] = {}
        self.faults = FaultBook()
        self.log = Log()
        self.throttle = Throttle(world)

    def admit(self, token: str, principal: Principal = OWNER) -> None:
        """From now on this bearer token is that principal's."""
        self.principals[token] = principal

    async def answer(self, request: Request) -> Response:
        """The answer, or ConnectionLost where a fault wants none."""
        entry = self.log.open(request, self.world.clock.now())
        correlation = self.world.guid()
        try:
            response = await self._serve(request, entry, correlation)
        except Refusal as refusal:
            entry.code = refusal.code
            response = refusal.response()
        except ConnectionLost:
            entry.code = "ConnectionLost"
            raise
        entry.status, entry.answered_at = response.status, self.world.clock.now()
        return self._dress(response, correlation)

    async def _serve(self, request: Request, entry: Entry, correlation: str) -> Response:
        principal = self.principal_of(request)
        entry.caller = principal.name
        body = parse_body(request)
        effect = self.faults.effect_on(request, body)
        await self._suffer_before(effect)
        literals, names = shape_of(request.path)
        route = find_route(request.method, literals)
        entry.action = route.action
        check_version(route, request.api_version)
        call = Call(
            world=self.world,
            request=request,
            names=names,
            body=body,
            principal=principal,
            action=route.action,
            correlation=correlation,
            effect=effect,
        )
        headers = self._admit(call, route)
        span = self.world.settings.latencies
        latency = self.world.draw(span.write if request.is_write else span.read) / 2
        await asyncio.sleep(latency)
        self._check_region(call)
        response = await route.handler(call)
        await asyncio.sleep(latency)
        response.headers.update(headers)
        return await _suffer_after(effect, response)

    # ------------------------------------------------------------------ at the gate

    def principal_of(self, request: Request) -> Principal:
        """Whose token it is. Raises Refusal 401 with a challenge, as ARM answers without a token."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        principal = self.principals.get(token) if scheme.lower() == "bearer" else None
        if principal is None:
            raise Refusal(
                401,
                "InvalidAuthenticationToken" if token else "AuthenticationFailed",
                "Authentication failed. The bearer token is missing or not of this start.",
                {"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        return principal

    def _admit(self, call: Call, route: Route) -> Headers:
        """All that Resource Manager checks before a provider hears of it, then Compute's buckets."""
        request, scope = call.request, scope_of(call.request.path)
        subscription = subscription_of(request.path)
        if subscription is None:
            require(call.principal, route.action, "/")
            return Headers()
        if subscription.lower() not in self.world.subscriptions:
            raise subscription_not_found(subscription)
        region = self._region(call)
        headers = self.throttle.charge_arm(
            request.method, subscription, call.principal.name, region
        )
        require(call.principal, route.action, scope)
        if request.is_write:
            self._check_write(request, route, scope)
        if route.charge is not None:
            self._check_registered(subscription)
            vm = self._charged_vm(call)
            charged = self.throttle.charge_compute(route.charge, subscription, region, vm)
            headers.update(charged)
        return headers

    def _check_write(self, request: Request, route: Route, scope: str) -> None:
        if self.world.settings.read_only:
            raise Refusal(
                403, "EmulatorReadOnly", f"The emulator is read-only; {request.method} is refused."
            )
        if "/locks/" not in route.action:
            above = [lock for lock in self.world.locks.values() if within(scope, lock.scope)]
            rules.check_locks(above, scope, deletes=request.method == "DELETE")

    def _check_registered(self, subscription: str) -> None:
        """Witness: MissingSubscriptionRegistration makes the SDK register by itself."""
        if "Microsoft.Compute" in self.world.subscriptions[subscription.lower()].unregistered:
            raise gateway(
                409,
                "MissingSubscriptionRegistration",
                "The subscription is not registered to use namespace 'Microsoft.Compute'. "
                "See https://aka.ms/rps-not-found for how to register subscriptions.",
            )

    def _region(self, call: Call) -> str:
        """Where the request is served: the resource's region, the body's, or the path's location."""
        found = self.world.find(scope_of(call.request.path))
        if found is not None:
            return found.location.lower()
        parts = call.request.path.lower().split("/locations/", maxsplit=1)
        if len(parts) == 2:
            return parts[1].split("/", maxsplit=1)[0]
        return str(call.body.get("location", "global")).lower()

    def _charged_vm(self, call: Call) -> str | None:
        """The VM whose own bucket pays: that of the path, or of the operation."""
        path = call.request.path.lower()
        if "/virtualmachines/" in path:
            head, _, tail = path.partition("/virtualmachines/")
            return f"{head}/virtualmachines/{tail.split('/', maxsplit=1)[0]}"
        if "/operations/" in path:
            operation = self.world.operations.find(path.rsplit("/", maxsplit=1)[-1])
            return operation.vm_key if operation is not None else None
        return None

    def _check_region(self, call: Call) -> None:
        region = self._region(call)
        rules.check_alive(region, self.world)
        if region == "global" and self.world.settings.lists_fail_in_dead_regions:
            for dead in self.world.dead_regions:
                rules.check_alive(dead, self.world)

    # ------------------------------------------------------------------ faults and manners

    async def _suffer_before(self, effect: Effect | None) -> None:
        match effect:
            case Fails():
                wait = effect.retry_after
                headers = {} if wait is None else {"Retry-After": str(wait)}
                raise Refusal(effect.status, effect.code, effect.message, headers)
            case Throttles(retry_after=wait, by_compute=True):
                raise self.throttle.compute_refusal("HighCostGet", wait)
            case Throttles(retry_after=wait):
                header = "x-ms-ratelimit-remaining-subscription-reads"
                raise arm_refusal(header, wait, "read", ("-", "-"))
            case Hangs():
                await asyncio.sleep(effect.for_.total_seconds())
                raise ConnectionLost
            case Resets():
                raise ConnectionLost
            case _:
                return

    def _dress(self, response: Response, correlation: str) -> Response:
        headers = Headers(_COMMON)
        headers["Date"] = f"{self.world.clock.now():%a, %d %b %Y %H:%M:%S} GMT"
        headers["x-ms-request-id"] = correlation
        headers["x-ms-correlation-request-id"] = correlation
        headers["x-ms-routing-request-id"] = f"EMULATOR:{correlation}"
        if response.body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        headers.update(response.headers)
        response.headers = headers
        if self.world.settings.upper_case_ids and response.body is not None:
            response.body = upper_case_groups(response.payload().decode())
        return response


async def _suffer_after(effect: Effect | None, response: Response) -> Response:
    match effect:
        case LosesAnswer():
            raise ConnectionLost
        case Delays():
            await asyncio.sleep(effect.by.total_seconds())
        case Malformed():
            return Response(status=200, body=effect.body, headers=response.headers)
        case _:
            pass
    return response


def subscription_of(path: str) -> str | None:
    """The subscription a path is about."""
    parts = path.strip("/").split("/")
    return parts[1] if len(parts) > 1 and parts[0].lower() == "subscriptions" else None


def scope_of(path: str) -> str:
    """The resource, group or subscription whose rights and locks decide."""
    literals, names = shape_of(path)
    if literals[0] == "{scope}":
        return names[0]
    parts = path.strip("/").split("/")
    if literals[-1] != "{}":
        parts = parts[:-1]
    if len(parts) >= 2 and parts[-2].lower() == "providers":
        parts = parts[:-2]
    return "/" + "/".join(parts)


def within(scope: str, outer: str) -> bool:
    """True if `scope` is `outer` or lies below it."""
    return f"{key(scope)}/".startswith(f"{key(outer)}/")
