"""Pages for people: rich on a terminal, plain aligned text elsewhere, with the same content."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TextIO

from diskguard.cli.render.cells import Cell, for_machines, for_people
from diskguard.cli.render.escape import clean, scrub
from diskguard.cli.render.page import Block, Lines, Table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

_WIDEST: Final = 10_000
_STYLES: Final = {
    "complete": "green",
    "done": "green",
    "valid": "green",
    "started": "yellow",
    "pending": "yellow",
    "copying": "yellow",
    "unfinished": "yellow",
    "skipped": "dim",
    "incomplete": "red",
    "missing": "red",
    "failed": "red",
}


def tsv_lines(table: Table) -> Iterator[str]:
    """One line a row, tabs between cells, no heading: as `az -o tsv`."""
    for row in table.rows:
        yield "\t".join(_harmless(for_machines(cell)) for cell in row)


def plain_lines(blocks: tuple[Block, ...]) -> Iterator[str]:
    """The blocks as aligned text, an empty line between them."""
    for number, block in enumerate(blocks):
        if number:
            yield ""
        yield from _plain_table(block) if isinstance(block, Table) else _plain_lines(block)


def print_rich(blocks: tuple[Block, ...], *, stream: TextIO, color: bool) -> None:
    """Write the blocks for a terminal."""
    from rich.console import Console

    console = Console(file=stream, no_color=not color, highlight=False, markup=False, emoji=False)
    for number, block in enumerate(blocks):
        if number:
            console.print()
        if isinstance(block, Table):
            _print_table(block, console)
            continue
        if block.title:
            console.print(_harmless(block.title), style="bold", soft_wrap=True)
        for line in block.lines:
            console.print(_indented(block, line), soft_wrap=True)


def _plain_table(table: Table) -> Iterator[str]:
    rows = [[heading.upper() for heading in table.headings], *map(_shown, table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.headings))]
    right = _numeric(table)
    for row in rows:
        cells = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _plain_lines(block: Lines) -> Iterator[str]:
    if block.title:
        yield _harmless(block.title)
    for line in block.lines:
        yield _indented(block, line)


def _print_table(table: Table, console: "Console") -> None:
    """Print it as wide as it is: a folded id could not be copied from the screen."""
    from rich.measure import Measurement

    made = _rich_table(table)
    console.width = _WIDEST
    console.width = Measurement.get(console, console.options, made).maximum
    console.print(made, crop=False)


def _rich_table(table: Table) -> "RichTable":
    from rich.table import Table as RichTable
    from rich.text import Text

    made, right = RichTable(box=None, pad_edge=False, header_style="bold"), _numeric(table)
    for column, heading in enumerate(table.headings):
        justify = "right" if column in right else "left"
        made.add_column(heading.upper(), justify=justify, no_wrap=True)  # type: ignore[arg-type]  # a literal of rich
    for row in table.rows:
        made.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in _shown(row)))
    return made


def _shown(row: tuple[Cell, ...]) -> list[str]:
    return [_harmless(for_people(cell)) for cell in row]


def _numeric(table: Table) -> set[int]:
    return {
        column
        for column in range(len(table.headings))
        if table.rows and all(isinstance(row[column], int | float | None) for row in table.rows)
    }


def _indented(block: Lines, line: str) -> str:
    return f"  {_harmless(line)}" if block.title else _harmless(line)


def _harmless(text: str) -> str:
    return scrub(clean(text))
