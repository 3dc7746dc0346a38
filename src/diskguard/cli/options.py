"""The options every command has."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

FORMATS: Final = ("table", "json", "jsonl", "yaml", "tsv")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How the user wants to see things, and which cloud is meant (None: the policy's)."""

    output: str
    log_format: str
    log_file: Path | None
    verbosity: int
    quiet: bool
    cloud: str | None
    no_color: bool

    @property
    def for_people(self) -> bool:
        """True when no machine reads stdout."""
        return self.output in ("table", "text")


class SharedOption(click.Option):
    """An option of every command: DISKGUARD_<COMMAND>_<OPTION> wins over DISKGUARD_<OPTION>."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Give the variable's value, the command's own first."""
        shared, self.envvar = self.envvar, None
        try:
            own = super().resolve_envvar_value(ctx)
        finally:
            self.envvar = shared
        return own if own is not None else super().resolve_envvar_value(ctx)


def shared_options(formats: tuple[str, ...]) -> list[click.Parameter]:
    """Make the options every command has; `formats` are those it can write."""
    return [
        SharedOption(
            ["-o", "--output"],
            type=click.Choice(formats),
            default=formats[0],
            envvar="DISKGUARD_OUTPUT" if set(FORMATS) <= set(formats) else None,
            show_default=True,
            help="What stdout is written as.",
        ),
        SharedOption(
            ["--log-format"],
            type=click.Choice(("text", "json")),
            default="text",
            envvar="DISKGUARD_LOG_FORMAT",
            show_default=True,
            help="What log lines are written as.",
        ),
        SharedOption(
            ["--log-file"],
            type=click.Path(dir_okay=False, path_type=Path),
            envvar="DISKGUARD_LOG_FILE",
            help="Append the log to this file (made readable by its owner only).",
        ),
        SharedOption(["-v", "--verbose"], count=True, help="Log more; twice: the SDK's log too."),
        SharedOption(["-q", "--quiet"], is_flag=True, help="Say nothing on success (cron mail)."),
        SharedOption(
            ["--cloud"],
            envvar="DISKGUARD_CLOUD",
            metavar="CLOUD",
            help="public, usgov, china, or the https:// endpoint of a Resource Manager.",
        ),
        SharedOption(
            ["--no-color"],
            is_flag=True,
            envvar="DISKGUARD_NO_COLOR",
            help="No colours (also where NO_COLOR is set).",
        ),
    ]


def view_of(params: Mapping[str, Any]) -> View:
    """Gather the shared options as click parsed them."""
    return View(
        output=params["output"],
        log_format=params["log_format"],
        log_file=params["log_file"],
        verbosity=params["verbose"],
        quiet=params["quiet"],
        cloud=params["cloud"],
        no_color=params["no_color"],
    )


SHARED_NAMES: Final = (
    "output",
    "log_format",
    "log_file",
    "verbose",
    "quiet",
    "cloud",
    "no_color",
)


def variable_of(command: click.Command, option: str) -> str:
    """DISKGUARD_<COMMAND>_<OPTION>; click finds it itself where the parameter is named as the flag."""
    return f"DISKGUARD_{command.name}_{option}".upper().replace("-", "_")


def _unless_named_by_argument(
    context: click.Context, option: click.Parameter, value: Path | None
) -> Path | None:
    """What is said on the command line wins over a variable."""
    source = context.get_parameter_source(option.name or "")
    said = context.params.get("policy_argument") is not None
    return None if said and source is ParameterSource.ENVIRONMENT else value


def with_policy(command: click.Command) -> click.Command:
    """Add [POLICY] and --policy; `find_policy` decides between them and the usual places."""
    path = click.Path(dir_okay=False, path_type=Path)
    argument = click.Argument(["policy_argument"], metavar="[POLICY]", required=False, type=path)
    command.params.insert(0, argument)
    return with_policy_option(command)


def with_policy_option(command: click.Command) -> click.Command:
    """Add --policy alone, where the argument is something else."""
    option = click.Option(
        ["--policy", "policy_option"],
        envvar=variable_of(command, "policy"),
        callback=_unless_named_by_argument,
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="The policy; else DISKGUARD_POLICY, ./diskguard.yaml, /etc/diskguard/policy.yaml.",
    )
    command.params.append(option)
    return command


def with_places(command: click.Command) -> click.Command:
    """Add --subscription and --resource-group, for when the policy is not at hand."""
    command.params += [
        click.Option(
            ["--subscription", "subscriptions"],
            envvar=variable_of(command, "subscription"),
            multiple=True,
            metavar="ID",
            help="Without a policy: look in this subscription (repeatable).",
        ),
        click.Option(
            ["--resource-group", "groups"],
            envvar=variable_of(command, "resource-group"),
            multiple=True,
            metavar="NAME",
            help="With --subscription: only in this resource group (repeatable).",
        ),
    ]
    return command
