"""A table of measured figures, as text."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What one benchmark found. `aim` says in words what was hoped for, `met` whether it came true.

    `met` None: the run was too small to tell.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    aim: str
    met: bool | None


def render_table(table: Table) -> str:
    """Write it as Markdown, columns lined up, with the verdict below."""
    lines = [table.headings, *table.rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(table.headings))]
    body = [_line(cells, widths) for cells in lines]
    rule = "|" + "|".join(f"{'-' * (width + 1)}:" for width in widths) + "|"
    return "\n".join([f"## {table.title}", "", body[0], rule, *body[1:], "", _verdict(table)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def _verdict(table: Table) -> str:
    if table.met is None:
        return f"Aim: {table.aim}. This run is too small to tell."
    return f"Aim: {table.aim}. {'Met.' if table.met else 'MISSED.'}"
