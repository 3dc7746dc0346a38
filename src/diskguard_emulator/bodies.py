"""Strict reading of bodies: a field that is not emulated is an error that names it."""

import json
from collections.abc import Mapping
from typing import Any, Final

from diskguard_emulator.refusals import Refusal, unknown_field
from diskguard_emulator.wire import JsonObject, Request


class Anything:
    """A field taken over as it is."""


ANY: Final = Anything()
Shape = Mapping[str, Any]


def parse_body(request: Request) -> JsonObject:
    """The body as an object, empty where there is none. Raises Refusal 400 for anything else."""
    if not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except ValueError as wrong:
        raise Refusal(
            400, "InvalidRequestContent", f"The request content was invalid: {wrong}"
        ) from wrong
    if not isinstance(body, dict):
        raise Refusal(400, "InvalidRequestContent", "The request content is not an object.")
    return body


def check_shape(body: JsonObject, shape: Shape, path: str = "") -> None:
    """Every field of `body` stands in `shape`. Raises Refusal 400 EmulatorUnknownField."""
    for name, value in body.items():
        place = f"{path}.{name}" if path else name
        if name not in shape:
            raise unknown_field(place)
        inner = shape[name]
        if isinstance(inner, Mapping) and value is not None:
            if not isinstance(value, dict):
                raise Refusal(400, "InvalidRequestContent", f"'{place}' is not an object.")
            check_shape(value, inner, place)


def required(body: JsonObject, path: str) -> Any:
    """The value at a dotted path. Raises Refusal 400 InvalidParameter where it is missing."""
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            raise Refusal(
                400, "InvalidParameter", f"Required parameter '{path}' is missing (null)."
            )
    return value


def string_map(value: Any, name: str) -> dict[str, str] | None:
    """Tags: a map of texts, or None. Raises Refusal 400."""
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise Refusal(400, "InvalidRequestContent", f"'{name}' is not a map of texts.")
    return dict(value)
