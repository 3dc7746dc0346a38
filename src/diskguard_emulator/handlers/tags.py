"""Tags of any scope: read, replace, merge, delete; nothing else of the resource changes."""

from typing import Final

from diskguard_emulator import ids, rules
from diskguard_emulator.bodies import ANY, check_shape, required, string_map
from diskguard_emulator.call import Call
from diskguard_emulator.refusals import (
    Refusal,
    gateway,
    group_not_found,
    not_emulated,
    resource_not_found,
)
from diskguard_emulator.resources import Resource, Vm
from diskguard_emulator.wire import JsonObject, Response
from diskguard_emulator.world import Group, Subscription

Tagged = Resource | Group | Subscription
_PUT: Final = {"properties": {"tags": ANY}}
_PATCH: Final = {"operation": ANY, "properties": {"tags": ANY}}


def find_scope(call: Call) -> Tagged:
    """What the path's scope names. Raises Refusal 404."""
    parts = call.names[0].strip("/").split("/")
    home = call.world.subscriptions[parts[1].lower()]
    if len(parts) == 2:
        return home
    if len(parts) < 4 or parts[2].lower() != "resourcegroups":
        raise gateway(404, "InvalidResourceId", f"'{call.names[0]}' names nothing.")
    group = home.groups.get(parts[3].lower())
    if group is None:
        raise group_not_found(parts[3])
    if len(parts) == 4:
        return group
    found, place = call.world.find(call.names[0]), ids.parse(call.names[0])
    if found is None:
        kind, name = (place.type, place.name) if place else ("?", parts[-1])
        raise resource_not_found(kind, name, parts[3])
    return found


def _answer(call: Call, tagged: Tagged) -> Response:
    scope = tagged.id if isinstance(tagged, Resource) else call.names[0]
    prefix = "" if scope.startswith("/") else "/"
    body = {
        "id": f"{prefix}{scope}/providers/Microsoft.Resources/tags/default",
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": dict(tagged.tags or {})},
    }
    return Response(status=200, body=body)


def _write(tagged: Tagged, tags: dict[str, str]) -> None:
    rules.check_tags(tags)
    tagged.tags = tags
    if isinstance(tagged, Vm):
        tagged.etag += 1


async def get(call: Call) -> Response:
    """The tags."""
    return _answer(call, find_scope(call))


async def put(call: Call) -> Response:
    """These are the tags now."""
    check_shape(call.body, _PUT)
    tagged = find_scope(call)
    _write(tagged, _asked(call.body))
    return _answer(call, tagged)


async def patch(call: Call) -> Response:
    """Merge, Replace or Delete, atomically; names are compared without case, Delete also values."""
    check_shape(call.body, _PATCH)
    tagged, asked = find_scope(call), _asked(call.body)
    old = dict(tagged.tags or {})
    names = {name.lower() for name in asked}
    match required(call.body, "operation"):
        case "Replace":
            new = asked
        case "Merge":
            new = {name: old[name] for name in old if name.lower() not in names} | asked
        case "Delete":
            gone = {(name.lower(), value) for name, value in asked.items()}
            new = {name: text for name, text in old.items() if (name.lower(), text) not in gone}
        case other:
            raise not_emulated(f"the tags operation '{other}'")
    _write(tagged, new)
    return _answer(call, tagged)


def _asked(body: JsonObject) -> dict[str, str]:
    tags = string_map(body.get("properties", {}).get("tags"), "properties.tags")
    if tags is None:
        raise Refusal(400, "InvalidRequestContent", "'properties.tags' is missing.")
    return tags


async def delete(call: Call) -> Response:
    """No tags any more."""
    _write(find_scope(call), {})
    return Response(status=200)
