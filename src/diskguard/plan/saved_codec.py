"""Frozen dataclasses as plain JSON values, and the way back; a wrong value is named by its key."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from diskguard.errors import UsageInvalid
from diskguard.model.ids import Region, ResourceId

T = TypeVar("T")


class WrongValue(ValueError):
    """A value is not what its key holds; the message names the key."""


def dump_document(plan: object, schema: str) -> dict[str, Any]:
    """Give a plan as a document that `json.dumps` takes, with the name of its layout."""
    return {"schema": schema, "plan": encode(plan)}


def load_document(kind: type[T], document: object, schema: str, *, called: str) -> T:
    """Read what `dump_document` wrote. Raises UsageInvalid, which names the key that is wrong."""
    found = document.get("schema") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or found != schema:
        raise UsageInvalid(f"not a {called}: its schema is {found!r}, not {schema!r}")
    try:
        plan: T = decode(kind, document.get("plan"))
    except (WrongValue, RecursionError) as error:
        raise UsageInvalid(f"not a {called}: {error}") from None
    return plan


def encode(value: object) -> Any:
    """Give a value that `json.dumps` takes. Durations are seconds, instants ISO 8601 in UTC."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, ResourceId):
        return value.text
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return _encode_many(value)


def _encode_many(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: encode(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [encode(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): encode(each) for name, each in value.items()}
    return value


def decode(kind: Any, value: object, key: str = "plan") -> Any:
    """Read what `encode` wrote as a `kind`. Raises WrongValue, which names the key."""
    if get_origin(kind) in (Union, types.UnionType):
        return _decode_optional(kind, value, key)
    if get_origin(kind) is tuple:
        items = _of(list, value, key)
        inner = get_args(kind)[0]
        return tuple(decode(inner, each, f"{key}[{at}]") for at, each in enumerate(items))
    if get_origin(kind) is Mapping:
        named = _of(dict, value, key)
        return {name: decode(str, each, f"{key}.{name}") for name, each in named.items()}
    if is_dataclass(kind) and kind is not ResourceId:
        return _decode_dataclass(kind, value, key)
    return _decode_scalar(kind, value, key)


def _decode_optional(kind: Any, value: object, key: str) -> Any:
    if value is None:
        return None
    inner = next(each for each in get_args(kind) if each is not type(None))
    return decode(inner, value, key)


def _decode_dataclass(kind: Any, value: object, key: str) -> Any:
    given = _of(dict, value, key)
    hints = get_type_hints(kind)
    unknown = sorted(set(given) - {each.name for each in fields(kind)})
    if unknown:
        raise WrongValue(f"{key}.{unknown[0]}: no such key")
    read = {}
    for each in fields(kind):
        if each.name in given:
            read[each.name] = decode(hints[each.name], given[each.name], f"{key}.{each.name}")
        elif each.default is MISSING and each.default_factory is MISSING:
            raise WrongValue(f"{key}.{each.name}: missing")
    return kind(**read)


def _decode_scalar(kind: Any, value: object, key: str) -> Any:
    try:
        if kind is datetime:
            return _instant(_of(str, value, key))
        if kind is timedelta:
            return timedelta(seconds=_number(value, key))
        if kind is ResourceId:
            return ResourceId.parse(_of(str, value, key))
        if kind is Region or issubclass(kind, Enum):
            return kind(_of(str, value, key))
    except (ValueError, OverflowError) as error:
        raise error if isinstance(error, WrongValue) else WrongValue(f"{key}: {error}") from None
    return _of(kind, value, key)


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant without a time zone")
    return instant.astimezone(UTC)


def _number(value: object, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongValue(f"{key}: not a number")
    return value


def _of(kind: Any, value: object, key: str) -> Any:
    """Give the value if it is exactly of that kind: True is no number, 1 no truth."""
    if type(value) is not kind:
        raise WrongValue(f"{key}: not of type {kind.__name__}")
    return value
