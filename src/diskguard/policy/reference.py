"""The reference page of the policy, generated from the models' own descriptions."""

import typing
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from pydantic.fields import FieldInfo

from diskguard.model.ids import Region, ResourceId
from diskguard.policy.model import OVERRIDABLE, Policy
from diskguard.policy.scalars import format_duration
from diskguard.policy.sections import Strict
from diskguard.policy.shape import alternatives, keys_of
from diskguard.policy.support import UNSUPPORTED

_HEAD: Final = """# The policy, key by key

<!-- Generated from src/diskguard/policy by `make docs`; a test keeps it current. -->

A policy is one YAML file, UTF-8, up to 1 MB. Unknown and duplicate keys are errors. Every duration
has a unit: `10s`, `90m`, `24h`, `90d`, `2w`. What YAML 1.1 and 1.2 read differently (`on`, `010`,
`22:30`, `1e3`, dates) is refused without quotes. Aliases may be used, merge keys and tags may not.

Sections above `rules` are defaults; a rule may override """
_UNSUPPORTED_HEAD: Final = """## What this version does not do yet

An error stops every command; a warning is printed, and the work goes on.

| key | answer | reason |
|---|---|---|
"""
_WORDS: Final[dict[object, str]] = {
    str: "text",
    int: "number",
    bool: "`true` or `false`",
    timedelta: "duration",
    Region: "region",
    ResourceId: "resource id",
}


def render_reference() -> str:
    """Give the page as Markdown; the same text for the same models, always."""
    overridable = ", ".join(f"`{name}`" for name in OVERRIDABLE)
    head = f"{_HEAD}{overridable}.\nLists are replaced as a whole, everything else key by key.\n"
    places: dict[type[Strict], list[str]] = {}
    for path, section in _sections("", Policy):
        places.setdefault(section, []).append(path)
    sections = [_section(paths, section) for section, paths in places.items()]
    return "\n".join([head, *sections, _unsupported()])


def _sections(path: str, section: type[Strict]) -> Iterator[tuple[str, type[Strict]]]:
    """Give every section at every place but a rule's overrides, parents before children."""
    yield path, section
    for key, field in keys_of(section).items():
        overrides = path == "rules[]" and key in OVERRIDABLE
        for child, suffix in _children(field.annotation):
            if not overrides:
                yield from _sections(f"{path}.{key}{suffix}".lstrip("."), child)


def _children(annotation: object) -> Iterator[tuple[type[Strict], str]]:
    for each in alternatives(annotation):
        if isinstance(each, type) and issubclass(each, Strict):
            yield each, ""
        elif typing.get_origin(each) is tuple:
            for child, suffix in _children(typing.get_args(each)[0]):
                yield child, f"[]{suffix}"


def _section(paths: list[str], section: type[Strict]) -> str:
    title = ", ".join(f"`{path}`" if path else "The file" for path in paths)
    rows = "".join(_row(key, field) for key, field in keys_of(section).items())
    summary = " ".join((section.__doc__ or "").split("\n\n")[0].split())
    return (
        f"## {title}\n\n{summary}\n\n| key | value | default | meaning |\n|---|---|---|---|\n{rows}"
    )


def _row(key: str, field: FieldInfo) -> str:
    value = _bounded(_type(field.annotation), field.metadata)
    return f"| `{key}` | {value} | {_default(field)} | {field.description} |\n"


def _bounded(words: str, metadata: list[typing.Any]) -> str:
    least = next((each.ge for each in metadata if hasattr(each, "ge")), None)
    most = next((each.le for each in metadata if hasattr(each, "le")), None)
    return words if least is None or most is None else f"{words}, {least} to {most}"


def _type(annotation: object) -> str:
    words = dict.fromkeys(_one_type(each) for each in alternatives(annotation))
    return " or ".join(word for word in words if word)


def _one_type(annotation: object) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return ", ".join(f"`{each}`" for each in arguments)
    if origin is tuple:
        return f"list: {_type(arguments[0])}"
    if origin is dict:
        return f"mapping: {_type(arguments[0])} to {_type(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return "section"
    return "" if annotation is type(None) else _WORDS[annotation]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return "absent"
    if isinstance(value, Strict):
        return "as below"
    return f"`{_written(value)}`"


def _written(value: object) -> str:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _unsupported() -> str:
    rows = "".join(f"| `{row.key}` | {row.severity} | {row.reason} |\n" for row in UNSUPPORTED)
    return f"{_UNSUPPORTED_HEAD}{rows}"
