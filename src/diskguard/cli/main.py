"""The door: reads the command line, lets one command work, ends with its exit code."""

import gc
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import click

from diskguard import __version__
from diskguard.cli.lazy import LazyGroup
from diskguard.cli.render.trouble import show_bug, show_error
from diskguard.cli.surroundings import Surroundings
from diskguard.cli.wiring import start_quickly, wired
from diskguard.errors import UsageInvalid

COMMANDS: Final = {
    name: f"diskguard.cli.{name}:{name}_command"
    for name in (
        "validate",
        "schema",
        "simulate",
        "explain",
        "coverage",
        "plan",
        "backup",
        "copy",
        "list",
        "show",
        "prune",
        "hold",
        "thaw",
        "status",
        "metrics",
        "completion",
        "version",
    )
}


@click.group(
    cls=LazyGroup,
    places=COMMANDS,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "DISKGUARD",
        "max_content_width": 100,
    },
)
@click.version_option(__version__, message="%(prog)s %(version)s", allow_from_autoenv=False)
def diskguard() -> None:
    """Back up Azure virtual machines: freeze, flush, snapshot, thaw, seal, copy, prove.

    A policy file says what is protected. Every restore point carries the proof of what it may be
    called; everything diskguard must remember is written on what it makes.
    """


def run(arguments: Sequence[str] | None = None, *, around: Surroundings | None = None) -> int:
    """Do what the command line says; give the exit code. Errors are shown, never raised."""
    _never_fail_to_encode()
    try:
        return int(
            diskguard.main(
                args=None if arguments is None else list(arguments),
                prog_name="diskguard",
                standalone_mode=False,
                obj=around or wired(),
            )
            or 0
        )
    except Exception as error:  # noqa: BLE001 - the last door: a bug is shown as one
        return _end_with(error)
    except KeyboardInterrupt:
        return 130


def main() -> NoReturn:
    """Run as a program."""
    start_quickly()
    status = run()
    gc.freeze()  # or the interpreter looks through every object once more: 50 ms of `validate`
    sys.exit(status)


def _end_with(error: Exception) -> int:
    match error:
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return error.exit_code
        case click.ClickException():
            return show_error(_as_usage_error(error))
        case click.Abort():
            return 130
        case BrokenPipeError():
            return 1  # as `head` does it to us: nothing to say, and nobody to say it to
        case _:
            return show_bug(error)


def _as_usage_error(error: click.ClickException) -> UsageInvalid:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "diskguard"
    return UsageInvalid(error.format_message(), hint=f"Try `{path} --help`.")


def _never_fail_to_encode() -> None:
    """A name in another script must not break a report on an ASCII terminal."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
