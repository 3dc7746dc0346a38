"""Progress on stderr: one line a step, or on a terminal one line per VM and its phase."""

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Protocol, Self, TextIO

from diskguard.cli.render.escape import clean, scrub
from diskguard.cli.render.events import fields_of, sentence_of
from diskguard.cli.render.json import json_text
from diskguard.model import events
from diskguard.model.events import Event

_WARNING_EVENTS: Final = (events.Warned, events.SourceFailed, events.Slowed)
_ROOM_FOR_OTHERS: Final = 3  # lines of the terminal left for the totals and the prompt


class Listener(Protocol):
    """Hears every event of a run."""

    def notice(self, event: Event) -> None:
        """Take note; never waits."""


class Broadcast:
    """An Observer for several listeners; one that fails is not heard again, the run goes on."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = list(listeners)

    def notice(self, event: Event) -> None:
        """Tell everybody; never raises."""
        for listener in tuple(self._listeners):
            try:
                listener.notice(event)
            except (OSError, ValueError):
                self._listeners.remove(listener)


class StepLines:
    """One line a step; a copy only when it starts and ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def notice(self, event: Event) -> None:
        """Write the event's line."""
        if not _is_only_progress(event):
            print(scrub(clean(sentence_of(event))), file=self._stream, flush=True)


class EventLines:
    """Each event as one JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def notice(self, event: Event) -> None:
        """Write the event's object."""
        print(json_text(fields_of(event)), file=self._stream, flush=True)


class EventLog:
    """Events as log records; their fields go along for JSON logs."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def notice(self, event: Event) -> None:
        """Log it: warnings as such, copy percents for the curious only."""
        level = logging.DEBUG if _is_only_progress(event) else logging.INFO
        if isinstance(event, _WARNING_EVENTS):
            level = logging.WARNING
        self._logger.log(level, "%s", sentence_of(event), extra={"event": fields_of(event)})


class LiveLines:
    """A terminal's picture of the run: what is under way, line by line, and the totals."""

    def __init__(self, stream: TextIO, *, color: bool) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(
            file=stream, no_color=not color, highlight=False, markup=False, emoji=False
        )
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._board = Board()

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def notice(self, event: Event) -> None:
        """Update the picture; what a reader must not miss is printed above it, and stays."""
        from rich.text import Text

        if isinstance(event, (*_WARNING_EVENTS, events.Recovered)):
            self._console.print(Text(scrub(clean(sentence_of(event)))), soft_wrap=True)
        self._board.notice(event)
        room = max(1, self._console.height - _ROOM_FOR_OTHERS)
        self._live.update(Text("\n".join(self._board.lines(room=room))), refresh=True)


class Board:
    """What is under way now, and how much is done."""

    def __init__(self) -> None:
        self._under_way: dict[str, str] = {}
        self._sources = 0
        self._sealed = 0
        self._failed = 0

    def notice(self, event: Event) -> None:
        """Take the event into account."""
        match event:
            case events.RunStarted():
                self._sources = event.vms
            case events.PhaseEntered(phase="queued"):
                pass  # of a thousand that wait, those at work are worth the terminal's lines
            case events.PhaseEntered():
                self._under_way[event.source] = sentence_of(event)
            case events.PointSealed():
                self._under_way.pop(event.source, None)
                self._sealed += 1
            case events.SourceFailed():
                self._under_way.pop(event.source, None)
                self._failed += 1
            case events.CopyProgressed():
                self._follow_copy(event)
            case _:
                pass

    def lines(self, *, room: int) -> list[str]:
        """At most `room` lines of what is under way, and one with the totals."""
        shown = [scrub(clean(line)) for line in list(self._under_way.values())[:room]]
        if len(self._under_way) > room:
            shown.append(f"... and {len(self._under_way) - room} more")
        return [*shown, self._totals()]

    def _totals(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{self._sealed} of {self._sources} sealed{failed}, {len(self._under_way)} under way"

    def _follow_copy(self, event: events.CopyProgressed) -> None:
        key = f"{event.point} {event.disk} {event.region}"
        if event.state in ("complete", "failed", "skipped"):
            self._under_way.pop(key, None)
        else:
            self._under_way[key] = sentence_of(event)


def _is_only_progress(event: Event) -> bool:
    return isinstance(event, events.CopyProgressed) and event.state == "copying"
