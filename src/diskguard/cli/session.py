"""One invocation of a command: what it says, where it says it, and how it ends."""

import logging
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

import click

from diskguard.cli.logs import LOGGER, logging_to, stderr_level
from diskguard.cli.options import View
from diskguard.cli.render import json, text
from diskguard.cli.render.page import Page
from diskguard.cli.render.trouble import show_error
from diskguard.cli.surroundings import Surroundings
from diskguard.errors import DiskguardError, OutputLost


class Session:
    """What a command's callback gets.

    Exactly one document, or one summary at the end of JSON lines, is written for machines,
    whatever happens.
    """

    def __init__(self, around: Surroundings, view: View, *, schema: str) -> None:
        self.around = around
        self.view = view
        self.schema = schema
        self.run_id = around.nonce()
        self._concluded = False

    @property
    def stdout(self) -> TextIO:
        """Where data goes."""
        return sys.stdout

    @property
    def stderr(self) -> TextIO:
        """Where everything else goes."""
        return sys.stderr

    @property
    def color(self) -> bool:
        """True unless somebody does not want colours."""
        return not (self.view.no_color or self.around.environment.get("NO_COLOR"))

    def is_terminal(self, stream: TextIO) -> bool:
        """True where rich output makes sense."""
        return stream.isatty() and self.around.environment.get("TERM") != "dumb"

    @property
    def logs_events(self) -> bool:
        """True when the log on stderr shows each step, so that nothing else needs to."""
        return stderr_level(self.view) <= logging.INFO

    def say(self, line: str) -> None:
        """Tell the user something that is not data."""
        if not self.view.quiet:
            print(line, file=self.stderr, flush=True)

    def complain(self, lines: Iterable[str]) -> None:
        """Tell of errors that do not end the command; -q does not hide them."""
        for line in lines:
            print(line, file=self.stderr)

    def attempt(self, work: Callable[[], int]) -> int:
        """Let the command work; give its exit status. A bug and a usage error go on their way."""
        try:
            with logging_to(self.view, run_id=self.run_id, stderr=self.stderr):
                return self._logged(work)
        except DiskguardError as error:
            return self.fail(error)
        except KeyboardInterrupt:
            return self.conclude(130)
        except (click.exceptions.Exit, click.ClickException, BrokenPipeError):
            raise
        except BaseException:
            self.conclude(1)
            raise

    def show(self, page: Page, *, silent_on_success: bool = False) -> int:
        """Write the page as asked; give its exit status. Raises OutputLost."""
        self._concluded = True
        if silent_on_success and self.view.quiet and self.view.for_people and page.exit_code == 0:
            return 0
        try:
            self._write(page)
            self.stdout.flush()
        except BrokenPipeError:
            abandon(self.stdout)
            raise
        except OSError as error:
            abandon(self.stdout)
            raise OutputLost(f"the result could not be written: {error.strerror}") from error
        return page.exit_code

    def fail(self, error: DiskguardError) -> int:
        """Show an expected error on stderr, and in the document where a machine waits for one."""
        show_error(error)
        return self.conclude(error.exit_status, error)

    def conclude(self, exit_code: int, error: DiskguardError | None = None) -> int:
        """Write the one document or summary, unless it is written; give the exit code."""
        if not self._concluded and self.view.output in ("json", "jsonl", "yaml"):
            more = {} if error is None else {"error": json.error_fields(error)}
            self.show(Page(schema=self.schema, items=(), exit_code=exit_code, more=more))
        return exit_code

    def _logged(self, work: Callable[[], int]) -> int:
        try:
            return work()
        except DiskguardError as error:
            LOGGER.info("ended with error[%s]: %s", error.code, error)
            LOGGER.debug("where it came from", exc_info=error)
            raise

    def _write(self, page: Page) -> None:
        output, now = self.view.output, self.around.clock.now()
        if output in page.forms:
            lines = [*page.forms[output]()]
        elif output in ("json", "yaml"):
            whole = json.document(page, at=now, run_id=self.run_id)
            lines = [json.json_text(whole, indent=2) if output == "json" else json.yaml_text(whole)]
        elif output == "jsonl":
            lines = [*json.json_lines(page, at=now, run_id=self.run_id)]
        elif output == "tsv":
            lines = [*text.tsv_lines(page.table)]
        elif self.is_terminal(self.stdout):
            text.print_rich(page.blocks, stream=self.stdout, color=self.color)
            return
        else:
            lines = [*text.plain_lines(page.blocks)]
        for line in lines:
            print(line, file=self.stdout)


def abandon(stream: TextIO) -> None:
    """Keep the interpreter's last flush of a stream nobody takes from complaining."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
