"""The manual's pages on commands and exit codes, made from the code."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Final

import click

from diskguard import errors
from diskguard.cli.command import Command
from diskguard.cli.exit_codes import EXIT_STATUSES, status_of
from diskguard.cli.main import COMMANDS, diskguard
from diskguard.cli.options import FORMATS, SHARED_NAMES, SharedOption, shared_options
from diskguard.errors import DiskguardError

GENERATED: Final = (
    "<!-- Generated from src/diskguard/cli by `make docs`; a test keeps it current. -->"
)


def commands_page() -> str:
    """Give docs/commands.md."""
    return _page(_commands())


def exit_codes_page() -> str:
    """Give docs/exit-codes.md."""
    return _page(_exit_codes())


def the_commands() -> Iterator[Command]:
    """Every command, in the order of the help."""
    context = click.Context(diskguard, info_name="diskguard")
    for name in COMMANDS:
        command = diskguard.get_command(context, name)
        if isinstance(command, Command):
            yield command


def _page(lines: Iterator[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


def _commands() -> Iterator[str]:
    yield from ("# Commands", "", GENERATED, "")
    yield "Data goes to stdout, everything else to stderr. Exit codes: [exit-codes.md](exit-codes.md)."
    yield from ("", "## Options of every command", "")
    yield "Every option has a variable, `DISKGUARD_<COMMAND>_<OPTION>`, as `DISKGUARD_BACKUP_OUTPUT`."
    yield "Those below also listen to the one that is named, for all commands at once."
    yield ""
    yield from _options(shared_options(FORMATS))
    for command in the_commands():
        yield from _command(command)


def _command(command: Command) -> Iterator[str]:
    context = click.Context(command, info_name=f"diskguard {command.name}")
    usage = " ".join(command.collect_usage_pieces(context))
    yield from ("", f"## {command.name}", "", f"    diskguard {command.name} {usage}", "")
    yield inspect.cleandoc(command.help or "")
    own = [each for each in command.params if each.name not in SHARED_NAMES]
    options = [each for each in own if isinstance(each, click.Option)]
    if options:
        yield ""
        yield from _options(options)
    formats = next(each for each in command.params if each.name == "output")
    if isinstance(formats.type, click.Choice):
        yield from ("", f"`--output`: {', '.join(f'`{each}`' for each in formats.type.choices)}.")
    yield from ("", *(f"    {example}" for example in command.examples), "")
    yield f"Exit status: {', '.join(f'`{code}` {status_of(code).result}' for code in command.exits)}."


def _options(options: Iterable[click.Parameter]) -> Iterator[str]:
    yield "| option | meaning |"
    yield "|---|---|"
    for option in options:
        if isinstance(option, click.Option):
            yield f"| `{_spelled(option)}` | {option.help}{_variable(option)} |"


def _spelled(option: click.Option) -> str:
    names = ", ".join(option.opts)
    if option.is_flag or option.count:
        return names
    if isinstance(option.type, click.Choice):
        return names + " " + "\\|".join(option.type.choices)
    return f"{names} {option.metavar or option.type.name.upper()}"


def _variable(option: click.Option) -> str:
    """The one that all commands listen to; each command's own follows from the option's name."""
    shared = isinstance(option, SharedOption) and option.envvar
    return f" `{option.envvar}`." if shared else ""


def _exit_codes() -> Iterator[str]:
    yield from ("# Exit codes", "", GENERATED, "")
    yield "New codes may come: treat one you do not know, and is not zero, as a failure."
    yield from ("", "| code | `result` | meaning |", "|---|---|---|")
    for status in EXIT_STATUSES:
        yield f"| {status.code} | {status.result} | {status.meaning} |"
    yield from ("", "## Errors", "")
    yield "An expected error is one line, `diskguard: error[code]: what happened, to what`, a `hint:` line where"
    yield "there is one, and Azure's correlation id where there is one. A traceback is a bug."
    yield from ("", "| error | exit code | meaning |", "|---|---|---|")
    for error in sorted(_errors(), key=lambda each: (each.exit_status, each.code)):
        yield f"| `{error.code}` | {error.exit_status} | {_first_line(error)} |"


def _errors() -> Iterator[type[DiskguardError]]:
    seen: set[str] = set()
    for _, error in inspect.getmembers(errors, inspect.isclass):
        if issubclass(error, DiskguardError) and error.code not in seen:
            seen.add(error.code)
            yield error


def _first_line(error: type[DiskguardError]) -> str:
    return inspect.cleandoc(error.__doc__ or "").splitlines()[0]
