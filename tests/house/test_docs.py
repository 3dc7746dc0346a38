"""What the documents say is so: links, files, commands, policies, generated pages."""

import re
import runpy
import shlex
from pathlib import Path

import click
import pytest

from diskguard import errors
from diskguard.cli.main import diskguard
from diskguard.cli.surroundings import Surroundings
from diskguard.cli.wiring import wired
from diskguard.policy.load import load_policy, parse_policy
from diskguard_emulator.main import main as emulator

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md"), *ROOT.glob("examples/*.md")]
)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4}(diskguard .*)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"`((?:src|docs|tests|examples|benchmarks|changelog\.d|\.ci)/[^`\s]*)`")
# A command begins a line, follows another one, or is what cron or systemd starts.
COMMAND = re.compile(
    r"(?:^|\$\(|&& |\|\| |\| |(?<=\* {2})\w+ +|ExecStart=\S+/)(diskguard(?:-emulator)? [^|&;>)]*)"
)
NAMED = re.compile(r"`diskguard ([a-z]+)[ `]")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, *languages: str) -> list[str]:
    """Give the fenced blocks of a page, of these languages if any are named."""
    found = FENCED.findall(text_of(page))
    return [block for language, block in found if not languages or language in languages]


def commands(page: Path) -> list[str]:
    """Give every command line of ours that a page's code blocks show; a synopsis is none."""
    lines = [line for block in blocks(page) for line in block.splitlines()]
    lines += INDENTED.findall(text_of(page))
    found = [match[1] for line in lines for match in COMMAND.finditer(line)]
    return [command for command in found if "[" not in command]


ALL_COMMANDS = sorted({command.strip() for page in PAGES for command in commands(page)})


@pytest.fixture(scope="module")
def around() -> Surroundings:
    return wired()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file(page):
    targets = [link.partition("#")[0] for link in LINK.findall(text_of(page)) if "://" not in link]

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_that_is_named_exists(page):
    named = FILE.findall(text_of(page))

    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("line", ALL_COMMANDS)
def test_every_command_that_is_shown_is_understood(line, around):
    name, *arguments = shlex.split(line, comments=True)
    group = {"diskguard": diskguard, "diskguard-emulator": emulator}[name]

    understand(group, arguments, around)


def understand(group: click.Group, arguments: list[str], around: Surroundings) -> None:
    """Parse as the program would; a file that is only an example need not exist."""
    name, *rest = arguments
    outer = click.Context(group, info_name=group.name, obj=around)
    command = group.get_command(outer, name)
    assert command is not None
    try:
        command.make_context(name, rest, parent=outer)
    except click.BadParameter as error:
        if "does not exist" not in error.format_message():
            raise


def test_the_documents_show_every_command():
    shown = {line.split()[1] for line in ALL_COMMANDS if line.startswith("diskguard ")}

    assert set(diskguard.list_commands(click.Context(diskguard))) <= shown


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_speaks_of_a_command_that_is_not_there(page):
    there = diskguard.list_commands(click.Context(diskguard))

    assert set(NAMED.findall(text_of(page))) <= set(there)


@pytest.mark.parametrize(
    ("page", "block"),
    [
        pytest.param(page, block, id=f"{name_of(page)}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks(page, "yaml"))
        if block.startswith("version:")
    ],
)
def test_every_whole_policy_on_a_page_is_valid(page, block):
    assert parse_policy(block, file=name_of(page)).rules


def test_the_tutorial_shows_the_policy_it_uses():
    shown = blocks(DOCS / "tutorial.md", "yaml")[0]

    assert parse_policy(shown, file="tutorial") == load_policy(ROOT / "examples/demo.yaml")


def test_the_index_names_every_page():
    linked = {(DOCS / link).resolve() for link in LINK.findall(text_of(DOCS / "index.md"))}
    pages = {page for page in DOCS.rglob("*.md") if page.parent.name != "decisions"}

    assert pages - {DOCS / "index.md"} - linked == set()


def test_the_decisions_name_each_other():
    folder = DOCS / "decisions"
    linked = set(LINK.findall(text_of(folder / "index.md")))

    assert linked == {page.name for page in folder.glob("*.md")} - {"index.md"}


def test_the_architecture_names_every_room():
    rooms = [
        path for path in (ROOT / "src").glob("diskguard/*/") if (path / "__init__.py").exists()
    ]
    text = text_of(DOCS / "architecture.md")

    assert [room.name for room in rooms if f"`src/diskguard/{room.name}/`" not in text] == []


def test_troubleshooting_names_errors_that_exist():
    text = text_of(DOCS / "operations/troubleshooting.md")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", text, re.MULTILINE)
    known = {
        (error.code, str(error.exit_status))
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.DiskguardError)
    }

    assert rows
    assert set(rows) <= known


def test_generated_pages_are_current():
    pages = runpy.run_path(str(DOCS / "generate.py"))["PAGES"]

    assert [name for name, make in pages.items() if text_of(DOCS / name) != make()] == []
