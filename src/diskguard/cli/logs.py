"""The log: one line a record, as text or JSON, never with a token or a signed URL."""

import json
import logging
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from diskguard.cli.options import View
from diskguard.cli.render.cells import instant
from diskguard.cli.render.escape import clean, harmless, scrub
from diskguard.errors import UsageInvalid

LOGGER: Final = logging.getLogger("diskguard")
_SDK: Final = logging.getLogger("azure")
_OWNER_ONLY: Final = 0o600


class TextFormatter(logging.Formatter):
    """Instant, level, logger, message; a trace follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as one line."""
        line = f"{_instant_of(record)} {record.levelname} {record.name}: {record.getMessage()}"
        lines = [clean(line)]
        if record.exc_info:
            lines += [clean(part) for part in self.formatException(record.exc_info).splitlines()]
        return scrub("\n".join(lines))


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with the fields of the event where there is one."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as one object."""
        fields: dict[str, object] = {
            "time": _instant_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "run_id": self._run_id,
            "message": record.getMessage(),
        }
        event = getattr(record, "event", None)
        if event is not None:
            fields["event"] = event
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(harmless(fields), ensure_ascii=False)


class ForgivingHandler(logging.StreamHandler[TextIO]):
    """A full disk or a closed pipe loses log lines, never the run."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Stay silent about what could not be written; let anything else be seen."""
        if not isinstance(sys.exception(), OSError | ValueError):
            super().handleError(record)


def stderr_level(view: View) -> int:
    """What stderr shows of the log: warnings, or more with -v or --log-format json."""
    if view.quiet:
        return logging.ERROR
    to_file = view.log_file is not None
    base = logging.INFO if view.log_format == "json" and not to_file else logging.WARNING
    verbose = 0 if to_file else view.verbosity
    return max(logging.DEBUG, base - 10 * verbose)


@contextmanager
def logging_to(view: View, *, run_id: str, stderr: TextIO) -> Iterator[None]:
    """Log to stderr, and to the file where one is named; afterwards all is as before.

    Raises UsageInvalid if the file cannot be opened.
    """
    handlers = [_handler(stderr, stderr_level(view), view, run_id)]
    if stderr_level(view) > logging.INFO:
        handlers[0].addFilter(_is_no_event)
    if view.log_file is not None:
        level = logging.DEBUG if view.verbosity else logging.INFO
        handlers.append(_handler(_open_private(view.log_file), level, view, run_id))
    root, before = logging.getLogger(), (logging.getLogger().level, LOGGER.level, _SDK.level)
    root.setLevel(logging.WARNING)
    LOGGER.setLevel(min(handler.level for handler in handlers))
    _SDK.setLevel(logging.INFO if view.verbosity > 1 else logging.ERROR)
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            root.removeHandler(handler)
        for handler in handlers[1:]:
            handler.stream.close()
        for logger, level in zip((root, LOGGER, _SDK), before, strict=True):
            logger.setLevel(level)


def _handler(stream: TextIO, level: int, view: View, run_id: str) -> ForgivingHandler:
    handler = ForgivingHandler(stream)
    handler.setLevel(level)
    handler.setFormatter(JsonFormatter(run_id) if view.log_format == "json" else TextFormatter())
    return handler


def _is_no_event(record: logging.LogRecord) -> bool:
    """An event is told by the progress on stderr, so that the log there need not say it again."""
    return not hasattr(record, "event")


def _open_private(path: Path) -> TextIO:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, _OWNER_ONLY)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, _OWNER_ONLY)
    except OSError as error:
        raise UsageInvalid(f"cannot write the log file {path}: {error.strerror}") from error
    return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")


def _instant_of(record: logging.LogRecord) -> str:
    return instant(datetime.fromtimestamp(record.created, UTC)) or ""
