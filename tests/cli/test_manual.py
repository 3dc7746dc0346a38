"""The generated pages are current."""

from pathlib import Path

from diskguard.cli.exit_codes import EXIT_STATUSES
from diskguard.cli.main import COMMANDS
from diskguard.cli.manual import commands_page, exit_codes_page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_commands_is_current():
    assert (DOCS / "commands.md").read_text(encoding="utf-8") == commands_page()


def test_the_page_of_exit_codes_is_current():
    assert (DOCS / "exit-codes.md").read_text(encoding="utf-8") == exit_codes_page()


def test_the_pages_have_every_command_and_code():
    page = commands_page()

    assert [name for name in COMMANDS if f"\n## {name}\n" not in page] == []
    assert [
        status for status in EXIT_STATUSES if f"| {status.code} | " not in exit_codes_page()
    ] == []


def test_no_row_of_a_table_is_broken_by_a_bar():
    rows = [line for line in commands_page().splitlines() if line.startswith("| ")]

    assert {row.replace("\\|", "").count("|") for row in rows} == {3}
