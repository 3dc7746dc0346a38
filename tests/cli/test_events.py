"""Events as sentences and as fields, and everybody who hears them."""

import inspect
import io
import json
import logging
import re
from datetime import UTC, datetime

import pytest

from diskguard.cli.render.events import fields_of, kind_of, sentence_of
from diskguard.cli.render.progress import (
    Board,
    Broadcast,
    EventLines,
    EventLog,
    LiveLines,
    StepLines,
)
from diskguard.model import events
from diskguard.model.events import (
    CopyProgressed,
    Event,
    PhaseEntered,
    PointSealed,
    Recovered,
    RunStarted,
    Slowed,
    SourceFailed,
    Warned,
)

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
STARTED = RunStarted(at=AT, run_id="0011", policy="erp", vms=2, disks=5)
ARMING = PhaseEntered(at=AT, source="db01", phase="arming")
SEALED = PointSealed(
    at=AT,
    source="db01",
    point="p1",
    requested="filesystem",
    achieved="filesystem",
    reason=None,
    window_seconds=4.492,
)
LESS = PointSealed(
    at=AT,
    source="db02",
    point="p2",
    requested="filesystem",
    achieved="crash",
    reason="no systemd",
    window_seconds=None,
)
FAILED = SourceFailed(at=AT, source="db03", code="guest-busy", message="busy")
WARNED = Warned(at=AT, source="db01", code="no-copy", message="one region only")
RECOVERED = Recovered(at=AT, what="db09", action="started")
SLOWED = Slowed(at=AT, subscription="s", region="eastus", bucket="HighCost", seconds=17.0)


def copying(state: str, percent: float | None = None, reason: str | None = None) -> CopyProgressed:
    return CopyProgressed(
        at=AT, point="p1", disk="os", region="westus", state=state, percent=percent, reason=reason
    )


EVERY = [STARTED, ARMING, SEALED, LESS, FAILED, WARNED, RECOVERED, SLOWED, copying("started")]
KINDS = [
    kind
    for _, kind in inspect.getmembers(events, inspect.isclass)
    if issubclass(kind, Event) and kind is not Event
]


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (STARTED, "erp: run 0011, 2 sources, 5 disks"),
        (ARMING, "db01: arming"),
        (
            PhaseEntered(at=AT, source="db01", phase="window", detail="2 mounts"),
            "db01: window (2 mounts)",
        ),
        (SEALED, "db01: sealed p1, filesystem consistent, frozen for 4.492 s"),
        (LESS, "db02: sealed p2, crash consistent (asked: filesystem; no systemd)"),
        (FAILED, "db03: failed [guest-busy]: busy"),
        (WARNED, "db01: warning [no-copy]: one region only"),
        (RECOVERED, "db09: started, left by an earlier run"),
        (SLOWED, "Azure asks to slow down (HighCost, s eastus): waiting 17 s"),
        (copying("copying", 37.4), "p1: copy of os to westus: copying 37 %"),
        (copying("complete", 100.0), "p1: copy of os to westus: complete"),
        (copying("failed", None, "why"), "p1: copy of os to westus: failed (why)"),
    ],
)
def test_an_event_is_one_sentence(event, sentence):
    assert sentence_of(event) == sentence


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_event_has_a_sentence_of_its_own(kind):
    assert sentence_of.dispatch(kind) is not sentence_of.dispatch(Event)


def test_an_event_nobody_knows_is_named():
    assert sentence_of(Event(at=AT)) == "event"


def test_an_events_fields_are_flat_and_begin_with_its_type():
    assert fields_of(ARMING) == {
        "type": "phase-entered",
        "at": "2026-11-22T12:00:00.000Z",
        "source": "db01",
        "phase": "arming",
        "detail": "",
    }
    assert kind_of(SLOWED) == "slowed"


def test_step_lines_leave_out_percents():
    stream = io.StringIO()
    steps = StepLines(stream)

    for event in (ARMING, copying("started"), copying("copying", 12.0), copying("complete")):
        steps.notice(event)

    assert stream.getvalue().splitlines() == [
        "db01: arming",
        "p1: copy of os to westus: started",
        "p1: copy of os to westus: complete",
    ]


def test_step_lines_are_harmless():
    stream = io.StringIO()

    StepLines(stream).notice(WARNED)
    StepLines(stream).notice(PhaseEntered(at=AT, source="db\x1b[2J", phase="a\nb"))

    assert stream.getvalue().splitlines()[1] == "db[2J: a b"


def test_event_lines_are_json_with_every_percent():
    stream = io.StringIO()
    lines = EventLines(stream)

    for event in (*EVERY, copying("copying", 12.0)):
        lines.notice(event)

    read = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [each["type"] for each in read] == [kind_of(event) for event in EVERY] + [
        "copy-progressed"
    ]


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (ARMING, "INFO"),
        (copying("copying", 3.0), "DEBUG"),
        (WARNED, "WARNING"),
        (FAILED, "WARNING"),
        (SLOWED, "WARNING"),
    ],
)
def test_the_log_has_each_event_at_its_level(caplog, event, level):
    logger = logging.getLogger("diskguard.test")
    with caplog.at_level(logging.DEBUG, logger.name):
        EventLog(logger).notice(event)

    (record,) = caplog.records
    assert record.levelname == level
    assert record.event == fields_of(event)


class Broken:
    """A listener whose pipe is closed."""

    heard = 0

    def notice(self, event: Event) -> None:
        self.heard += 1
        raise BrokenPipeError


def test_a_listener_that_fails_is_not_heard_again_and_nobody_else_suffers():
    broken, stream = Broken(), io.StringIO()
    broadcast = Broadcast([broken, StepLines(stream)])

    broadcast.notice(ARMING)
    broadcast.notice(STARTED)

    assert broken.heard == 1
    assert len(stream.getvalue().splitlines()) == 2


def test_the_board_has_a_line_for_each_vm_under_way_and_one_for_the_totals():
    board = Board()
    for event in (STARTED, ARMING, PhaseEntered(at=AT, source="db02", phase="window")):
        board.notice(event)

    assert board.lines(room=5) == [
        "db01: arming",
        "db02: window",
        "0 of 2 sealed, 2 under way",
    ]


def test_the_board_forgets_what_has_ended():
    board = Board()
    for event in (STARTED, ARMING, SEALED, copying("copying", 5.0), FAILED, SLOWED):
        board.notice(event)
    under_way = board.lines(room=5)
    board.notice(copying("complete"))

    assert under_way == [
        "p1: copy of os to westus: copying 5 %",
        "1 of 2 sealed, 1 failed, 1 under way",
    ]
    assert board.lines(room=5) == ["1 of 2 sealed, 1 failed, 0 under way"]


def test_the_board_fits_the_terminal():
    board = Board()
    for number in range(10):
        board.notice(PhaseEntered(at=AT, source=f"vm{number}", phase="arming"))

    assert board.lines(room=2) == [
        "vm0: arming",
        "vm1: arming",
        "... and 8 more",
        "0 of 0 sealed, 10 under way",
    ]


def test_the_board_shows_who_is_at_work_and_not_who_waits():
    board = Board()
    for source, phase in (("db01", "queued"), ("db02", "queued"), ("db02", "arming")):
        board.notice(PhaseEntered(at=AT, source=source, phase=phase))

    assert board.lines(room=5) == ["db02: arming", "0 of 0 sealed, 1 under way"]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_what_is_under_way_and_keeps_what_must_not_be_missed(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()

    with LiveLines(stream, color=False) as live:
        for event in (STARTED, ARMING, WARNED, SEALED):
            live.notice(event)

    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert "db01: arming" in shown
    assert "db01: warning [no-copy]: one region only" in shown
    assert "1 of 2 sealed, 0 under way" in shown
