"""What a quick command imports, and what it does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from diskguard.cli.main import COMMANDS

HEAVY = {"azure", "aiohttp", "rich", "msal"}
QUICK = [
    ["--help"],
    ["version"],
    ["version", "-o", "json"],
    ["completion", "bash"],
    ["validate"],
    *(["validate", "-o", form] for form in ("json", "sarif", "github", "junit")),
    ["validate", "--show-effective"],
    ["schema"],
    ["simulate"],
    *([name, "--help"] for name in COMMANDS),
]
PROGRAM = """
import sys
from diskguard.cli.main import run
status = run(sys.argv[1:])
print("\\nMODULES", *sys.modules)
sys.exit(status)
"""


def modules_of(arguments: list[str], folder: Path) -> set[str]:
    """What a new process has imported at the end of the command: modules, and their top packages."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = done.stdout.rpartition("MODULES")[2].split()
    return {*modules, *(name.partition(".")[0] for name in modules)}


@pytest.mark.parametrize("arguments", QUICK, ids=" ".join)
def test_a_quick_command_imports_nothing_heavy(arguments, write_policy):
    policy = write_policy(name="diskguard")

    modules = modules_of(arguments, policy.parent)

    assert modules & HEAVY == set()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["version"], ["completion", "zsh"], ["schema"]], ids=" ".join
)
def test_what_needs_no_policy_imports_neither_pydantic_nor_an_event_loop(arguments, tmp_path):
    assert modules_of(arguments, tmp_path) & {"pydantic", "yaml", "asyncio"} == set()


def test_a_form_is_imported_when_it_is_asked_for(write_policy):
    folder = write_policy(name="diskguard").parent

    form = "diskguard.cli.render.validation_junit"
    assert form not in modules_of(["validate"], folder)
    assert form in modules_of(["validate", "-o", "junit"], folder)
