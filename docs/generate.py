"""Writes the generated pages anew: `make docs`."""

from pathlib import Path

from diskguard.cli.manual import commands_page, exit_codes_page
from diskguard.policy.catalogue import render_faults
from diskguard.policy.lint import render_lints
from diskguard.policy.reference import render_reference
from diskguard.policy.schema import SCHEMA_FILE, render_schema

PAGES = {
    "commands.md": commands_page,
    "exit-codes.md": exit_codes_page,
    "lints.md": render_lints,
    "policy.md": render_reference,
    "faults.md": render_faults,
    SCHEMA_FILE: render_schema,
    f"../src/diskguard/policy/{SCHEMA_FILE}": render_schema,  # what `diskguard schema` prints
}


def main() -> None:
    """Write each page beside this file."""
    for name, make_page in PAGES.items():
        (Path(__file__).parent / name).write_text(make_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
