"""Resource groups: lists, get, head, put, delete, and what is in them."""

import re
from typing import Final

from diskguard_emulator import rules
from diskguard_emulator.bodies import ANY, check_shape, required, string_map
from diskguard_emulator.call import Call
from diskguard_emulator.handlers.lists import page_of
from diskguard_emulator.ids import of_group
from diskguard_emulator.refusals import not_allowed, not_emulated
from diskguard_emulator.resources import Resource
from diskguard_emulator.wire import JsonObject, Response
from diskguard_emulator.world import Group, Subscription

_PUT: Final = {"location": ANY, "tags": ANY}
_BY_TAG: Final = re.compile(r"tagname eq '([^']+)'(?: and tagvalue eq '([^']*)')?", re.IGNORECASE)


def _shown(subscription: Subscription, group: Group) -> JsonObject:
    """Recorded: snapshots-2026 interaction 0."""
    body: JsonObject = {
        "id": of_group(subscription.id, group.name),
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
    }
    if group.tags is not None:
        body["tags"] = group.tags
    return body | {"properties": {"provisioningState": "Succeeded"}}


async def list_all(call: Call) -> Response:
    """Every group of the subscription, or those with the tag that `$filter` asks for, in one page."""
    home, wanted = call.subscription, _wanted_tag(call.request.query.get("$filter"))
    found = [_shown(home, each) for each in home.groups.values() if _carries(each, wanted)]
    return Response(status=200, body={"value": found})


def _wanted_tag(asked: str | None) -> tuple[str, str | None] | None:
    """Name and value, or the name alone: what az sends for --tag; REST reference: Resource Groups, List."""
    if asked is None:
        return None
    match = _BY_TAG.fullmatch(asked)
    if match is None:
        raise not_emulated(f"the filter {asked}")
    return match[1].lower(), match[2]


def _carries(group: Group, wanted: tuple[str, str | None] | None) -> bool:
    if wanted is None:
        return True
    name, value = wanted
    own = {each.lower(): text for each, text in (group.tags or {}).items()}
    return name in own and value in (None, own[name])


async def get(call: Call) -> Response:
    """One group."""
    return Response(status=200, body=_shown(call.subscription, call.group))


async def head(call: Call) -> Response:
    """204 if it is there, 404 if not, both without a body."""
    there = call.names[1].lower() in call.subscription.groups
    return Response(status=204 if there else 404)


async def put(call: Call) -> Response:
    """Make it, 201, or set its tags, 200."""
    check_shape(call.body, _PUT)
    tags = string_map(call.body.get("tags"), "tags")
    rules.check_tags(tags)
    groups, name = call.subscription.groups, call.names[1]
    known = groups.get(name.lower())
    if known is not None:
        known.tags = tags
        return Response(status=200, body=_shown(call.subscription, known))
    made = Group(name=name, location=str(required(call.body, "location")), tags=tags)
    groups[name.lower()] = made
    return Response(status=201, body=_shown(call.subscription, made))


async def delete(call: Call) -> Response:
    """Delete an empty group; a full one is not emulated away."""
    if any(call.group.kinds.values()):
        raise not_allowed(f"The emulator does not delete the group '{call.group.name}': not empty.")
    del call.subscription.groups[call.group.name.lower()]
    return Response(status=200)


async def list_resources(call: Call) -> Response:
    """What is in the group, of every kind, or of the one that `$filter=resourceType eq '…'` names."""
    call_filter = call.request.query.get("$filter")
    kinds = list(call.group.kinds)
    if call_filter is not None:
        match = re.fullmatch(r"resourceType eq '([^']+)'", call_filter.strip(), re.IGNORECASE)
        if match is None:
            raise not_emulated(f"the filter {call_filter}")
        kinds = [match[1].lower()]
    found = [
        each
        for kind in kinds
        for each in call.world.listed(call.subscription.id, kind, call.group.name)
    ]
    return page_of(call, sorted(found, key=lambda each: each.serial), _brief)


def _brief(resource: Resource, _: Call) -> JsonObject:
    body: JsonObject = {"id": resource.id, "name": resource.name.rsplit("/", maxsplit=1)[-1]}
    body |= {"type": resource.kind, "location": resource.location}
    return body if resource.tags is None else body | {"tags": resource.tags}
