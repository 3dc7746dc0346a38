"""The settings in force, with where each comes from."""

from collections.abc import Iterable, Iterator

from diskguard.cli.render.page import Block, Lines, Table
from diskguard.cli.render.settings import plain, written
from diskguard.policy.layers import Effective, Placed

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
    rows = tuple(
        (each.setting.key, _origin(each), written(each.setting.value)) for each in settings
    )
    return Table(headings=_HEADINGS, rows=rows)


def _origin(placed: Placed) -> str:
    kind = placed.setting.source.kind
    return kind if placed.place is None else f"{kind}, line {placed.place.line}"


def _fields(placed: Placed) -> dict[str, object]:
    return {
        "key": placed.setting.key,
        "value": plain(placed.setting.value),
        "source": placed.setting.source.kind,
        "line": None if placed.place is None else placed.place.line,
        "column": None if placed.place is None else placed.place.column,
    }
