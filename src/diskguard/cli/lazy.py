"""A group of commands, each imported when it is asked for."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from diskguard.cli.command import write_exit_statuses
from diskguard.cli.exit_codes import EXIT_STATUSES


class LazyGroup(click.Group):
    """Knows its commands by name; `places` says in which module each lives."""

    def __init__(self, *args: Any, places: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own shape
        """Give every name, in the order of a backup's life."""
        return list(self.places)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's own shape
        cmd_name: str,
    ) -> click.Command | None:
        """Import the command of that name, or give None."""
        place = self.places.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or raise a usage error that names those there are."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            near = get_close_matches(args[0], self.places, n=1)
            meant = f" Did you mean `{near[0]}`?" if near else ""
            known = ", ".join(self.places)
            text = f"no command `{args[0]}`.{meant} There are: {known}"
            raise click.UsageError(text, ctx) from error

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write an example and the whole table of exit codes."""
        with formatter.section("EXAMPLES"):
            formatter.write_text("diskguard validate policy.yaml")
            formatter.write_text("diskguard backup policy.yaml")
        write_exit_statuses(formatter, [status.code for status in EXIT_STATUSES])
        super().format_epilog(ctx, formatter)
