"""One request on its way through the emulator: everything a handler may want."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from diskguard_emulator import ids
from diskguard_emulator.access import Principal
from diskguard_emulator.faults import Effect, OperationFails, OperationStalls
from diskguard_emulator.operations import OnFailure, Operation, Work
from diskguard_emulator.refusals import Refusal, group_not_found, resource_not_found
from diskguard_emulator.resources import Resource, Vm
from diskguard_emulator.wire import Headers, JsonObject, Request, Response
from diskguard_emulator.world import Group, Subscription, World

Kind = TypeVar("Kind", bound=Resource)


@dataclass(slots=True, kw_only=True)
class Call:
    """A request that was routed, authorised and charged."""

    world: World
    request: Request
    names: tuple[str, ...]
    body: JsonObject
    principal: Principal
    action: str
    correlation: str
    effect: Effect | None = None

    @property
    def subscription(self) -> Subscription:
        """The subscription of the path. Raises KeyError where the path has none."""
        return self.world.subscriptions[self.names[0].lower()]

    @property
    def group(self) -> Group:
        """The group of the path. Raises Refusal 404 ResourceGroupNotFound."""
        group = self.subscription.groups.get(self.names[1].lower())
        if group is None:
            raise group_not_found(self.names[1])
        return group

    def resource_id(self, kind: str) -> str:
        """The id the path asks for, in the group's own spelling."""
        return ids.of_resource(
            self.subscription.id, self.group.name, kind, "/".join(self.names[2:])
        )

    def existing(self, kind: str, of: type[Kind]) -> Kind:
        """The resource of the path. Raises Refusal 404 ResourceNotFound."""
        found = self.maybe(kind, of)
        if found is None:
            raise resource_not_found(kind, "/".join(self.names[2:]), self.names[1])
        return found

    def maybe(self, kind: str, of: type[Kind]) -> Kind | None:
        """The resource of the path, if it is there and visible. Raises Refusal 404 for the group."""
        found = self.world.find(self.resource_id(kind))
        if not isinstance(found, of):
            return None
        if found.found_from is not None and found.found_from > self.world.clock.now():
            return None
        return found

    # ------------------------------------------------------------------ long-running operations

    def begin(
        self,
        kind: str,
        location: str,
        work: Work,
        *,
        on_failure: OnFailure | None = None,
        vm: Vm | None = None,
    ) -> Operation:
        """Start `work`; a Refusal it raises is how the operation ends, and is told to `on_failure`."""
        operation = Operation(
            id=self.world.guid(),
            kind=kind,
            subscription=self.subscription.id,
            location=location,
            started=self.world.clock.now(),
            api_version=self.request.api_version,
            correlation=self.correlation,
            vm_key=vm.key if vm is not None else None,
        )
        self.world.operations.add(operation)
        self.world.spawn(self._run(operation, _suffering(self.effect, work), on_failure))
        return operation

    async def _run(self, operation: Operation, work: Work, on_failure: OnFailure | None) -> None:
        output, error = None, None
        try:
            output = await work()
        except Refusal as refusal:
            error = refusal.error()
            if on_failure is not None:
                on_failure(refusal)
        except Exception as bug:
            error = {"code": "EmulatorBug", "message": f"{type(bug).__name__}: {bug}"}
            raise
        finally:
            operation.end(self.world.clock.now(), output=output, error=error)

    def accepted(
        self,
        operation: Operation,
        body: JsonObject | None = None,
        *,
        status: int = 202,
        location: bool = True,
    ) -> Response:
        """The answer that tells where to follow; both headers as recorded, `Location` on demand."""
        url = self.request.base + operation.path
        headers = Headers({"Azure-AsyncOperation": f"{url}?{operation.query(monitor=False)}"})
        if location:
            headers["Location"] = f"{url}?{operation.query(monitor=True)}"
        wait = self.world.settings.retry_after_on_accept
        if operation.kind == "DiskOperations":
            headers["x-ms-operation-identifier"] = self.identifier(operation)
            if wait is not None:  # Witness: PS-dup 2020, ASO-snap 2024; not seen on VM operations
                headers["Retry-After"] = str(wait)
        headers["x-ms-request-id"] = operation.id
        return Response(status=status, body=body, headers=headers)

    def identifier(self, operation: Operation) -> str:
        """Who asked, where, and which operation it is (disks and snapshots, 2025-01-02)."""
        who = f"tenantId={self.subscription.tenant},objectId={self.principal.object_id}"
        return f"{who}/{operation.location}/{self.correlation}"


def _suffering(effect: Effect | None, work: Work) -> Work:
    if isinstance(effect, OperationFails):
        return _failing(effect)
    if isinstance(effect, OperationStalls):
        return _stalling(effect.by, work)
    return work


def _failing(effect: OperationFails) -> Work:
    async def fail() -> JsonObject | None:
        await asyncio.sleep(effect.after.total_seconds())
        raise Refusal(500, effect.code, effect.message)

    return fail


def _stalling(by: timedelta, work: Work) -> Work:
    async def stall() -> JsonObject | None:
        await asyncio.sleep(by.total_seconds())
        return await work()

    return stall


Handler = Callable[[Call], Awaitable[Response]]
