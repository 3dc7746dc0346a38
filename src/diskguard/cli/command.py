"""A command as this house makes them: shared options, an example, its exit codes in the help."""

from collections.abc import Iterable
from typing import Any

import click

from diskguard.cli.exit_codes import ANY_COMMAND, status_of
from diskguard.cli.options import FORMATS, SHARED_NAMES, shared_options, view_of
from diskguard.cli.session import Session


class Command(click.Command):
    """A click command whose callback gets a Session as its object and returns the exit status.

    `exits` are the exit codes it may end with besides those any command may; `examples` are shown
    in its help; `schema` names its documents, also that of a failure.
    """

    def __init__(
        self,
        *args: Any,
        examples: tuple[str, ...],
        exits: tuple[int, ...],
        schema: str | None = None,
        formats: tuple[str, ...] = FORMATS,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *shared_options(formats)]
        self.schema = schema or self.name or ""
        self.examples = examples
        self.exits = tuple(sorted({*ANY_COMMAND, *exits}))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples and what each exit status means."""
        with formatter.section("EXAMPLES"):
            for example in self.examples:
                formatter.write_text(example)
        write_exit_statuses(formatter, self.exits)
        super().format_epilog(ctx, formatter)

    def invoke(self, ctx: click.Context) -> int:
        """Run the callback in a session of its own; expected errors end as an exit status."""
        view = view_of({name: ctx.params.pop(name) for name in SHARED_NAMES})
        session = Session(ctx.obj, view, schema=self.schema)
        ctx.obj = session
        return session.attempt(lambda: int(super(Command, self).invoke(ctx)))


def write_exit_statuses(formatter: click.HelpFormatter, codes: Iterable[int]) -> None:
    """Write the rows of the table for these codes."""
    with formatter.section("EXIT STATUS"):
        formatter.write_dl([(str(code), status_of(code).meaning) for code in codes])
        formatter.write_paragraph()
        formatter.write_text("Treat any other code that is not zero as a failure.")
