"""What a command has to show: items for machines, blocks for people."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from diskguard.cli.render.cells import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under headings."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Sentences, or a list of them under a title."""

    lines: tuple[str, ...]
    title: str | None = None


Block = Table | Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A command's result in every form. `more` are further keys of the document.

    `table` is what TSV prints; `blocks` what a person reads. `forms` are further ones by the name
    `--output` knows them by; each gives its lines when it is asked for, ready to print.
    """

    schema: str
    items: Sequence[Mapping[str, object]]
    blocks: tuple[Block, ...] = ()
    table: Table = Table(headings=(), rows=())
    exit_code: int = 0
    more: Mapping[str, object] = field(default_factory=dict)
    forms: Mapping[str, Callable[[], Iterable[str]]] = field(default_factory=dict)
