"""The settings in force, with where each comes from."""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta

from diskguard.cli.render.page import Block, Lines, Table
from diskguard.policy.layers import Effective, Placed
from diskguard.policy.scalars import format_duration
from diskguard.policy.sections import Strict

_HEADINGS = ("setting", "from", "value")


def effective_blocks(file: str, effective: Effective) -> Iterator[Block]:
    """Give a table for what applies to every rule, and one for each rule."""
    yield Lines(lines=(f"{file}: policy {effective.name}, for every rule",))
    yield _table(effective.settings)
    for rule in effective.rules:
        yield Lines(lines=(f"{file}:{rule.place.line}: rule {rule.name}",))
        yield _table(rule.settings)


def effective_fields(effective: Effective) -> dict[str, object]:
    """Give the same for machines; `line` and `column` are null for a default."""
    return {
        "name": effective.name,
        "settings": [_fields(each) for each in effective.settings],
        "rules": [
            {
                "name": rule.name,
                "line": rule.place.line,
                "column": rule.place.column,
                "settings": [_fields(each) for each in rule.settings],
            }
            for rule in effective.rules
        ],
    }


def _table(settings: Iterable[Placed]) -> Table:
    rows = tuple((each.setting.key, _origin(each), _text(each.setting.value)) for each in settings)
    return Table(headings=_HEADINGS, rows=rows)


def _origin(placed: Placed) -> str:
    kind = placed.setting.source.kind
    return kind if placed.place is None else f"{kind}, line {placed.place.line}"


def _fields(placed: Placed) -> dict[str, object]:
    return {
        "key": placed.setting.key,
        "value": _plain(placed.setting.value),
        "source": placed.setting.source.kind,
        "line": None if placed.place is None else placed.place.line,
        "column": None if placed.place is None else placed.place.column,
    }


def _text(value: object) -> str:
    """Give the value as YAML has it on one line; JSON is YAML."""
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _plain(value: object) -> object:
    """Give the value as it is written in a policy; in a list's entry, what is absent is left out."""
    if isinstance(value, Strict):
        fields = type(value).model_fields.items()
        plain = {field.alias or name: _plain(getattr(value, name)) for name, field in fields}
        return {key: each for key, each in plain.items() if each is not None}
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, timedelta):
        return format_duration(value)
    return value if isinstance(value, bool | int | None) else str(value)
