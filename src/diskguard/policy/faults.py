"""What pydantic found wrong, in our words and with the place it stands at."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from diskguard.policy.document import Document, Fault, Path, child_of
from diskguard.policy.plain import Ambiguous
from diskguard.policy.shape import keys_of, section_at
from diskguard.policy.wording import did_you_mean, shown

_DUE: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping of names to values",
    "model_type": "a section, a mapping of keys to values",
}
_BOUNDS: Final = {
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
}
_EXPECTED = re.compile(r"'([^']*)'")


def faults_of(error: ValidationError, document: Document) -> Iterator[Fault]:
    """Give each fault of the shape once, with its path in the document."""
    for details in error.errors(include_url=False):
        if not _is_echo(details):
            yield _fault(details, document)


def _is_echo(details: ErrorDetails) -> bool:
    """Tell whether a list seems too short only because its entries are wrong, and said to be."""
    written = details["input"]
    return details["type"] == "too_short" and isinstance(written, tuple) and len(written) > 0


def _fault(details: ErrorDetails, document: Document) -> Fault:
    path = _path_in(document.data, details["loc"])
    if isinstance(details["input"], Ambiguous) and details["type"] in (*_DUE, "literal_error"):
        return _ambiguous(path, details["input"], details["type"])
    describe = _DESCRIBERS.get(details["type"], _otherwise)
    return describe(path, details)


def _path_in(data: object, location: tuple[int | str, ...]) -> Path:
    """Give the location without the marks that pydantic adds for unions and for keys."""
    path: Path = ()
    for part in location:
        for child in child_of(data, part):
            data, path = child, (*path, part)
    return path


def _ambiguous(path: Path, value: Ambiguous, kind: str) -> Fault:
    message = f"{shown(value)} is {value.reading} to some readers of YAML, to others it is text"
    hints = {
        "int_type": "Write a plain decimal number, without leading zeros or separators.",
        "bool_type": "Write `true` or `false`.",
    }
    hint = hints.get(kind, f'Put it in quotes if text is meant: "{shown(value)[1:-1]}".')
    return Fault(path=path, code="ambiguous-scalar", message=message, hint=hint)


def _wrong_type(path: Path, details: ErrorDetails) -> Fault:
    value = details["input"]
    message = f"{_DUE[details['type']]} is due here, not {_kind(value)}"
    return Fault(path=path, code="wrong-type", message=message, hint=_hint(details["type"], value))


def _hint(kind: str, value: object) -> str | None:
    if kind == "string_type" and isinstance(value, bool | int):
        return f'Put it in quotes: "{str(value).lower()}".'
    if kind in ("int_type", "bool_type") and isinstance(value, str):
        return "Leave the quotes out, if it is in quotes."
    if kind == "tuple_type" and isinstance(value, str | int):
        return "Write a list, as in [first, second]."
    return None


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    return "a list" if isinstance(value, tuple) else "a mapping"


def _unknown_value(path: Path, details: ErrorDetails) -> Fault:
    known = _EXPECTED.findall(details["ctx"]["expected"]) or [details["ctx"]["expected"]]
    value = details["input"]
    if not isinstance(value, str):
        message = f"one of {', '.join(known)} is due here, not {_kind(value)}"
        return Fault(path=path, code="wrong-type", message=message)
    message = f"{shown(value)} is not known here"
    return Fault(path=path, code="unknown-value", message=message, hint=did_you_mean(value, known))


def _unknown_key(path: Path, details: ErrorDetails) -> Fault:
    key = str(details["loc"][-1])
    section = section_at(path[:-1])
    known = keys_of(section) if section else ()
    message = f"unknown key {shown(key)}"
    return Fault(
        path=path, code="unknown-key", message=message, hint=did_you_mean(key, known), at_key=True
    )


def _missing_key(path: Path, details: ErrorDetails) -> Fault:
    key = str(details["loc"][-1])
    section = section_at(path)
    meaning = (keys_of(section)[key].description if section else None) or ""
    return Fault(path=path, code="missing-key", message=f"`{key}` is missing", hint=meaning)


def _bound(path: Path, details: ErrorDetails) -> Fault:
    name, words = _BOUNDS[details["type"]]
    message = f"{details['input']} is out of range: {words} {details['ctx'][name]}"
    return Fault(path=path, code="out-of-range", message=message)


def _too_short(path: Path, details: ErrorDetails) -> Fault:
    message = f"at least {details['ctx']['min_length']} entry is needed here"
    return Fault(path=path, code="empty-list", message=message)


def _too_long(path: Path, details: ErrorDetails) -> Fault:
    message = f"longer than {details['ctx']['max_length']} characters"
    return Fault(path=path, code="too-long", message=message)


def _otherwise(path: Path, details: ErrorDetails) -> Fault:
    """Give what a validator of ours raised: code, message and hint are its own."""
    context = details.get("ctx", {})
    return Fault(
        path=path,
        code=details["type"].replace("_", "-"),
        message=context.get("message", details["msg"]),
        hint=context.get("hint"),
        at_key=details["loc"][-1:] == ("[key]",),
    )


_DESCRIBERS: Final[dict[str, Callable[[Path, ErrorDetails], Fault]]] = {
    **dict.fromkeys(_DUE, _wrong_type),
    **dict.fromkeys(_BOUNDS, _bound),
    "literal_error": _unknown_value,
    "extra_forbidden": _unknown_key,
    "missing": _missing_key,
    "too_short": _too_short,
    "string_too_long": _too_long,
}
