"""Lists in pages: of a subscription or of a group; shared by every kind."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

from diskguard_emulator.call import Call, Handler
from diskguard_emulator.refusals import Refusal, not_emulated
from diskguard_emulator.render import render
from diskguard_emulator.resources import Resource
from diskguard_emulator.wire import JsonObject, Response

Show = Callable[[Resource, Call], JsonObject]


def shown(resource: Resource, call: Call) -> JsonObject:
    """The resource as a GET shows it."""
    return render(resource, call.world, call.request.api_version)


def lister(kind: str, show: Show = shown, *, grouped: bool = False) -> Handler:
    """A handler that lists everything of `kind` in the path's subscription, or group."""

    async def list_all(call: Call) -> Response:
        refuse_narrowing(call)
        group = call.group.name if grouped else None
        found = call.world.listed(call.subscription.id, kind, group)
        return page_of(call, found, show)

    return list_all


def refuse_narrowing(call: Call) -> None:
    """Raises Refusal 501 for a list that is asked to be shorter or longer than all there is."""
    for name in ("$filter", "$expand", "$top"):
        if name in call.request.query:
            raise not_emulated(f"{name}={call.request.query[name]} of a list")


def getter(kind: str) -> Handler:
    """A handler that shows one resource of `kind`."""

    async def get(call: Call) -> Response:
        return Response(status=200, body=shown(call.existing(kind, Resource), call))

    return get


def page_of(call: Call, found: list[Resource], show: Show) -> Response:
    """The page the request asks for; `nextLink` is absolute and absent at the end (azure-core)."""
    size, after = call.world.settings.page_size, _after(call)
    rest = [each for each in found if each.serial > after]
    body: JsonObject = {"value": [show(each, call) for each in rest[:size]]}
    if len(rest) > size:
        body["nextLink"] = _next_link(call, rest[size - 1].serial)
    return Response(status=200, body=body)


def _after(call: Call) -> int:
    token = call.request.query.get("$skiptoken")
    if token is None:
        return 0
    try:
        return int(urlsafe_b64decode(token).decode())
    except ValueError as wrong:
        raise Refusal(400, "InvalidParameter", "The skip token is invalid.") from wrong


def _next_link(call: Call, serial: int) -> str:
    token = urlsafe_b64encode(str(serial).encode()).decode()
    kept = [
        part
        for part in call.request.raw_query.split("&")
        if part and not part.lower().startswith(("$skiptoken=", "%24skiptoken="))
    ]
    query = "&".join([*kept, f"%24skiptoken={token}"])
    return f"{call.request.base}{call.request.path}?{query}"
