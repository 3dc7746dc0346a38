"""Paths by Resource Manager's grammar: what is a literal, what is a name."""

from functools import lru_cache
from typing import Final

_NAMED: Final = frozenset({"subscriptions", "resourcegroups", "locations", "operationresults"})
EXTENSIONS: Final = (
    "/providers/microsoft.resources/tags",
    "/providers/microsoft.authorization/locks",
)


@lru_cache(maxsize=4096)
def shape_of(path: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The path's literals in lower case with `{}` for names, and the names as they were spelled.

    The scope of a tags or locks request counts as one name.
    """
    scope, rest = _split_scope(path)
    literals: list[str] = ["{scope}"] if scope is not None else []
    names: list[str] = [scope] if scope is not None else []
    parts = rest.strip("/").split("/")
    place = 0
    while place < len(parts):
        if parts[place].lower() == "providers":
            _read_provider(parts[place:], literals, names)
            break
        place += _read_pair(parts[place:], literals, names)
    return tuple(literals), tuple(names)


def _split_scope(path: str) -> tuple[str | None, str]:
    lowered = path.lower()
    for mark in EXTENSIONS:
        at = lowered.rfind(mark)
        if at >= 0 and path[at + len(mark) :][:1] in ("", "/"):
            return path[:at] or "/", path[at:]
    return None, path


def _read_pair(parts: list[str], literals: list[str], names: list[str]) -> int:
    literals.append(parts[0].lower())
    if parts[0].lower() in _NAMED and len(parts) > 1:
        literals.append("{}")
        names.append(parts[1])
        return 2
    return 1


def _read_provider(parts: list[str], literals: list[str], names: list[str]) -> None:
    """`providers/Namespace/type/name/subtype/name…`, where a last odd part is a list or an action."""
    literals.append("providers")
    if len(parts) == 2 or parts[2:] == ["register"]:  # the provider itself
        literals.append("{}")
        names.append(parts[1])
    else:
        literals.extend(part.lower() for part in parts[1:2])
    for place, part in enumerate(parts[2:]):
        if place % 2:
            literals.append("{}")
            names.append(part)
        else:
            literals.append(part.lower())


def shape_of_template(template: str) -> tuple[str, ...]:
    """The shape a route's template answers to; its names stand in braces."""
    return tuple(
        part if part == "{scope}" else "{}" if part.startswith("{") else part.lower()
        for part in template.strip("/").split("/")
    )
