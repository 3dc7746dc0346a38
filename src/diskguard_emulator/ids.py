"""Resource ids as paths: taken apart, put together, compared without case."""

from dataclasses import dataclass


def key(resource_id: str) -> str:
    """What two spellings of one id have in common."""
    return resource_id.rstrip("/").lower()


@dataclass(frozen=True, slots=True)
class Place:
    """The parts of a resource id; `type` is `Namespace/type` or `Namespace/type/subtype`."""

    subscription: str
    group: str
    type: str
    name: str


def parse(resource_id: str) -> Place | None:
    """The parts of a resource id in a group, or None if it is none."""
    parts = resource_id.strip("/").split("/")
    if len(parts) < 8 or len(parts) % 2 or parts[0].lower() != "subscriptions":
        return None
    if parts[2].lower() != "resourcegroups" or parts[4].lower() != "providers":
        return None
    kinds = "/".join([parts[5], *parts[6::2]])
    return Place(parts[1], parts[3], kinds, "/".join(parts[7::2]))


def of_group(subscription: str, group: str) -> str:
    """A resource group's id."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def of_resource(subscription: str, group: str, kind: str, name: str) -> str:
    """A resource's id; `kind` may have several parts, then `name` has as many."""
    namespace, *types = kind.split("/")
    pairs = "/".join(f"{part}/{label}" for part, label in zip(types, name.split("/"), strict=True))
    return f"{of_group(subscription, group)}/providers/{namespace}/{pairs}"
