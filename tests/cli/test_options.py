"""The shared options: by flag, by the command's own variable, by the shared one."""

import click
import pytest
from tests.cli.builders import a_view

from diskguard.cli.command import Command
from diskguard.cli.manual import the_commands
from diskguard.cli.options import SHARED_NAMES, shared_options, view_of


def view_with(monkeypatch, variables, *arguments):
    """The view that `probe` gets from these variables and arguments."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    command = Command("probe", examples=("diskguard probe",), exits=(), callback=lambda: 0)
    group = click.Context(
        click.Group("diskguard"), info_name="diskguard", auto_envvar_prefix="DISKGUARD"
    )
    context = command.make_context("probe", [*arguments], parent=group)
    return view_of({name: context.params[name] for name in SHARED_NAMES})


def test_nothing_said_is_a_table_in_the_policys_cloud(monkeypatch):
    assert view_with(monkeypatch, {}) == a_view()


def test_flags_say_how_things_are_seen(monkeypatch):
    view = view_with(monkeypatch, {}, "-o", "json", "-vv", "-q", "--cloud", "usgov", "--no-color")

    assert view == a_view(output="json", verbosity=2, quiet=True, cloud="usgov", no_color=True)


@pytest.mark.parametrize(
    ("variables", "arguments", "output"),
    [
        ({"DISKGUARD_OUTPUT": "yaml"}, [], "yaml"),
        ({"DISKGUARD_OUTPUT": "yaml", "DISKGUARD_PROBE_OUTPUT": "tsv"}, [], "tsv"),
        ({"DISKGUARD_OUTPUT": "yaml", "DISKGUARD_PROBE_OUTPUT": "tsv"}, ["-o", "json"], "json"),
    ],
)
def test_the_nearest_word_wins(monkeypatch, variables, arguments, output):
    assert view_with(monkeypatch, variables, *arguments).output == output


def test_every_option_has_a_variable_of_its_command(monkeypatch):
    view = view_with(
        monkeypatch,
        {
            "DISKGUARD_PROBE_VERBOSE": "1",
            "DISKGUARD_PROBE_QUIET": "true",
            "DISKGUARD_PROBE_LOG_FORMAT": "json",
            "DISKGUARD_CLOUD": "china",
        },
    )

    assert view == a_view(verbosity=1, quiet=True, log_format="json", cloud="china")


OPTIONS = [
    (command, option)
    for command in the_commands()
    for option in command.params
    if isinstance(option, click.Option) and option.name != "help"
]


@pytest.mark.parametrize(("command", "option"), OPTIONS, ids=lambda each: each.name or "")
def test_every_options_variable_is_spelled_as_its_flag(monkeypatch, command, option):
    flag = max(option.opts, key=len).removeprefix("--").replace("-", "_")
    context = click.Context(command, auto_envvar_prefix=f"DISKGUARD_{command.name}".upper())
    monkeypatch.setenv(f"DISKGUARD_{command.name}_{flag}".upper(), "1")

    assert option.resolve_envvar_value(context) == "1"


def test_a_policy_on_the_command_line_wins_over_the_commands_variable(
    cloud, write_policy, monkeypatch
):
    monkeypatch.setenv("DISKGUARD_LIST_POLICY", "no-such.yaml")

    lost, won = cloud("list"), cloud("list", write_policy())

    assert "there is no policy file no-such.yaml" in lost.err
    assert won.status == 0


def test_a_command_of_one_format_ignores_the_variable_for_all():
    (output, *_) = shared_options(("text",))

    assert output.envvar is None


def test_text_and_tables_are_for_people():
    assert [a_view(output=output).for_people for output in ("table", "text", "json")] == [
        True,
        True,
        False,
    ]
