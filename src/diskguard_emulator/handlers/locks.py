"""Management locks at any scope."""

from typing import Final

from diskguard_emulator.bodies import ANY, check_shape, required
from diskguard_emulator.call import Call
from diskguard_emulator.handlers.tags import find_scope
from diskguard_emulator.ids import key
from diskguard_emulator.refusals import Refusal, gateway
from diskguard_emulator.wire import JsonObject, Response
from diskguard_emulator.world import Lock

_PUT: Final = {"properties": {"level": ANY, "notes": ANY}}


def _id(call: Call) -> str:
    return f"{call.names[0]}/providers/Microsoft.Authorization/locks/{call.names[1]}"


def _shown(lock: Lock) -> JsonObject:
    properties: JsonObject = {"level": lock.level}
    if lock.notes is not None:
        properties["notes"] = lock.notes
    kind = "Microsoft.Authorization/locks"
    return {"id": lock.id, "name": lock.name, "type": kind, "properties": properties}


async def put(call: Call) -> Response:
    """Lock the scope, 201, or change the lock, 200."""
    check_shape(call.body, _PUT)
    find_scope(call)
    level = str(required(call.body, "properties.level"))
    if level not in ("CanNotDelete", "ReadOnly"):
        raise Refusal(400, "LockLevelNotSupported", f"The lock level '{level}' is unknown.")
    lock = Lock(
        id=_id(call),
        name=call.names[1],
        scope=call.names[0],
        level=level,
        notes=call.body["properties"].get("notes"),
    )
    known = key(lock.id) in call.world.locks
    call.world.locks[key(lock.id)] = lock
    return Response(status=200 if known else 201, body=_shown(lock))


async def get(call: Call) -> Response:
    """One lock."""
    lock = call.world.locks.get(key(_id(call)))
    if lock is None:
        raise gateway(404, "LockNotFound", f"The lock '{call.names[1]}' could not be found.")
    return Response(status=200, body=_shown(lock))


async def list_at_scope(call: Call) -> Response:
    """The locks that bind the scope: its own and those above it, and those of what is in it."""
    scope = key(call.names[0])
    found = [
        _shown(lock)
        for lock in call.world.locks.values()
        if f"{scope}/".startswith(f"{key(lock.scope)}/")
        or f"{key(lock.scope)}/".startswith(f"{scope}/")
    ]
    return Response(status=200, body={"value": found})


async def delete(call: Call) -> Response:
    """Unlock; 204 if there was no lock."""
    lock = call.world.locks.pop(key(_id(call)), None)
    return Response(status=204 if lock is None else 200)
