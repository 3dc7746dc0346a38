"""What --help says, of every command."""

import shlex

import pytest

from diskguard import __version__
from diskguard.cli.exit_codes import EXIT_STATUSES, status_of
from diskguard.cli.main import COMMANDS
from diskguard.cli.manual import the_commands

COMMANDS_MADE = tuple(the_commands())
LATER = ("restore", "drill", "verify")


def unwrapped(text: str) -> str:
    """The help without its line breaks."""
    return " ".join(text.split())


@pytest.mark.parametrize("command", COMMANDS_MADE, ids=lambda command: command.name)
def test_every_help_has_an_example_and_what_each_exit_status_means(cli, command):
    told = cli(command.name, "--help")

    assert told.status == 0
    assert "EXAMPLES:" in told.out
    assert all(unwrapped(example) in unwrapped(told.out) for example in command.examples)
    assert "EXIT STATUS:" in told.out
    for code in command.exits:
        assert f"{code} {status_of(code).meaning}" in unwrapped(told.out)


@pytest.mark.parametrize("command", COMMANDS_MADE, ids=lambda command: command.name)
def test_every_command_has_the_shared_options(cli, command):
    told = cli(command.name, "--help")

    shared = ("--output", "--log-format", "--log-file", "-v", "-q", "--cloud", "--no-color")
    assert [option for option in shared if option not in told.out] == []


@pytest.mark.parametrize("command", COMMANDS_MADE, ids=lambda command: command.name)
def test_every_example_can_be_parsed(command):
    for example in command.examples:
        words = shlex.split(example.split(" && ")[0].split(" > ")[0])[2:]

        command.make_context(command.name, words)


def test_the_groups_help_names_every_command_and_every_code(cli):
    told = cli("--help")

    assert told.status == 0
    assert all(f"  {name} " in told.out for name in COMMANDS)
    for status in EXIT_STATUSES:
        assert f"{status.code} {status.meaning}" in unwrapped(told.out)


def test_without_a_command_the_help_is_an_error(cli):
    told = cli()

    assert (told.status, told.out) == (2, "")
    assert "Usage: diskguard" in told.err


def test_the_version_is_told_as_an_option_too(cli, monkeypatch):
    monkeypatch.setenv("DISKGUARD_VERSION", "0.0.0")  # as containers name what they hold
    told = cli("--version")

    assert (told.status, told.out) == (0, f"diskguard {__version__}\n")
    assert cli("completion", "bash").status == 0


@pytest.mark.parametrize("name", LATER)
def test_a_command_that_is_not_there_yet_is_a_usage_error_that_names_those_there_are(cli, name):
    told = cli(name)

    assert told.status == 2
    assert told.err.startswith(f"diskguard: error[usage-invalid]: no command `{name}`.")
    assert all(known in told.err for known in COMMANDS)


def test_a_slip_of_the_pen_is_understood(cli):
    told = cli("bakcup")

    assert "Did you mean `backup`?" in told.err


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["version", "--nope"], "No such option"),
        (["show"], "Missing argument 'POINT'"),
        (["version", "-o", "xml"], "Invalid value"),
        (["--nope"], "No such option"),
        (["backup", "--max-vms", "0"], "Invalid value"),
    ],
)
def test_a_usage_error_is_one_line_and_a_hint(cli, arguments, wrong):
    told = cli(*arguments)

    error, hint = told.err.splitlines()
    assert told.status == 2
    assert error.startswith("diskguard: error[usage-invalid]: ")
    assert wrong in error
    assert hint.startswith("hint: Try `diskguard")
