"""Pages for people: the same content on a terminal and off it."""

import io
import re
from datetime import UTC, datetime

from diskguard.cli.render.page import Lines, Table
from diskguard.cli.render.text import plain_lines, print_rich, tsv_lines

TABLE = Table(
    headings=("point", "state", "disks"),
    rows=(("a", "complete", 2), ("bbb", "failed", 10)),
)
BLOCKS = (TABLE, Lines(title="Notes", lines=("one", "two")), Lines(lines=("done",)))
HOSTILE = "\x1b]0;owned\x07[bold]x[/bold] :boom: \n2"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def rich_text(blocks, *, color=False):
    stream = Terminal()
    print_rich(blocks, stream=stream, color=color)
    return stream.getvalue()


def test_plain_tables_are_aligned_with_numbers_to_the_right():
    assert [*plain_lines(BLOCKS)] == [
        "POINT  STATE     DISKS",
        "a      complete      2",
        "bbb    failed       10",
        "",
        "Notes",
        "  one",
        "  two",
        "",
        "done",
    ]


def test_a_table_without_rows_is_its_heading():
    assert [*plain_lines((Table(headings=("point",), rows=()),))] == ["POINT"]


def test_a_terminal_shows_the_same_words(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")

    words = re.sub(r"\x1b\[[0-9;]*m", "", rich_text(BLOCKS)).split()
    assert words == "\n".join(plain_lines(BLOCKS)).split()


def test_a_terminal_shows_states_in_colours_unless_nobody_wants_them(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")

    assert "\x1b[32mcomplete" in rich_text(BLOCKS, color=True)
    assert "\x1b[3" not in rich_text(BLOCKS, color=False)


def test_tsv_has_no_heading_and_machine_values():
    when = datetime(2026, 11, 22, 12, tzinfo=UTC)
    table = Table(headings=("a", "b", "c"), rows=(("x\ty", when, None),))

    assert [*tsv_lines(table)] == ["x y\t2026-11-22T12:00:00.000Z\t"]


def test_hostile_text_stays_text_everywhere(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    harmless = "]0;owned[bold]x[/bold] :boom:  2"
    blocks = (Table(headings=("tag",), rows=((HOSTILE,),)), Lines(title=HOSTILE, lines=(HOSTILE,)))

    assert [*plain_lines(blocks)] == ["TAG", harmless, "", harmless, f"  {harmless}"]
    assert rich_text(blocks).count(harmless) == 3
    assert [*tsv_lines(blocks[0])] == [harmless]


def test_a_narrow_terminal_does_not_break_an_id(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "20")
    point = "db01-3f9a2c-20261122T120000Z"
    wide = Table(headings=("point", "id"), rows=((point, "/subscriptions/" + "x" * 300),))

    assert point in rich_text((wide,))
    assert "x" * 300 in rich_text((wide,))
