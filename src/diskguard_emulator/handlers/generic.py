"""Resources the emulator only keeps: template specs and their versions, network interfaces and the like."""

from typing import Final

from diskguard_emulator import ids, rules
from diskguard_emulator.bodies import ANY, check_shape, string_map
from diskguard_emulator.call import Call
from diskguard_emulator.handlers.lists import page_of, refuse_narrowing, shown
from diskguard_emulator.refusals import Refusal, not_emulated
from diskguard_emulator.resources import Resource
from diskguard_emulator.wire import JsonObject, Response

KINDS: Final = {
    kind.lower(): kind
    for kind in (
        "Microsoft.Resources/templateSpecs",
        "Microsoft.Resources/templateSpecs/versions",
        "Microsoft.Network/networkInterfaces",
        "Microsoft.Network/publicIPAddresses",
        "Microsoft.Network/networkSecurityGroups",
        "Microsoft.Network/virtualNetworks",
        "Microsoft.ManagedIdentity/userAssignedIdentities",
        "Microsoft.Storage/storageAccounts",
        "Microsoft.KeyVault/vaults",
    )
}
_TOP: Final[tuple[str, ...]] = ("sku", "zones", "identity", "kind", "plan", "extendedLocation")
_PUT: Final = {"location": ANY, "tags": ANY, "properties": ANY} | dict.fromkeys(_TOP, ANY)


def kind_of(call: Call) -> str:
    """The kind the path names, in its own spelling. Raises Refusal 501 for one that is not kept."""
    after = call.request.path.split("/providers/", maxsplit=1)[1].strip("/").split("/")
    kind = "/".join([after[0], *after[1::2]])
    if kind.lower() not in KINDS:
        raise not_emulated(f"the resource type '{kind}'")
    return KINDS[kind.lower()]


async def get(call: Call) -> Response:
    """The resource as it was put."""
    return Response(status=200, body=shown(call.existing(kind_of(call), Resource), call))


async def put(call: Call) -> Response:
    """Keep it: 201 if it is new, 200 if not; a version needs its template spec."""
    check_shape(call.body, _PUT)
    kind = kind_of(call)
    _need_parent(call, kind)
    tags = string_map(call.body.get("tags"), "tags")
    rules.check_tags(tags)
    known = call.maybe(kind, Resource)
    location = str(call.body.get("location", call.group.location))
    properties: JsonObject = call.body.get("properties", {})
    top: JsonObject = {name: call.body[name] for name in _TOP if name in call.body}
    if known is not None:
        known.tags, known.top, known.properties = tags, top, properties
        return Response(status=200, body=shown(known, call))
    made = Resource(
        id=call.resource_id(kind),
        kind=kind,
        name="/".join(call.names[2:]),
        subscription=call.subscription.id,
        group=call.group.name,
        location=location,
        tags=tags,
        top=top,
        properties=properties,
    )
    call.world.add(made)
    return Response(status=201, body=shown(made, call))


def _need_parent(call: Call, kind: str) -> None:
    """I: the wording; ParentResourceNotFound is Resource Manager's code."""
    if kind.count("/") < 2:
        return
    outer, name = kind.rsplit("/", maxsplit=1)[0], "/".join(call.names[2:-1])
    parent = ids.of_resource(call.subscription.id, call.group.name, outer, name)
    if call.world.find(parent) is None:
        raise Refusal(
            404,
            "ParentResourceNotFound",
            f"Failed to perform 'write' on resource(s) of type '{kind}', because the parent "
            f"resource '{parent}' could not be found.",
        )


async def list_in_group(call: Call) -> Response:
    """What is kept of a kind in a group, or of the versions of one template spec."""
    refuse_narrowing(call)
    kind = kind_of(call)
    inside = "/".join([*(name.lower() for name in call.names[2:]), ""])
    found = call.world.listed(call.subscription.id, kind, call.group.name)
    if call.names[2:]:
        found = [each for each in found if each.name.lower().startswith(inside)]
    return page_of(call, found, shown)


async def list_in_subscription(call: Call) -> Response:
    """What is kept of a kind in the subscription."""
    refuse_narrowing(call)
    return page_of(call, call.world.listed(call.subscription.id, kind_of(call)), shown)


async def delete(call: Call) -> Response:
    """Gone with everything below it; 204 if it was (template specs: 200 with their versions)."""
    kind = kind_of(call)
    known = call.maybe(kind, Resource)
    if known is None:
        return Response(status=204)
    below = [each for each in call.world.every(Resource) if each.key.startswith(f"{known.key}/")]
    for each in [*below, known]:
        call.world.remove(each)
    return Response(status=200)
