"""The log: where, what, and what never."""

import io
import json
import logging
import stat
import sys
from pathlib import Path

import pytest
from tests.cli.builders import a_view

from diskguard.cli.logs import LOGGER, ForgivingHandler, logging_to, stderr_level
from diskguard.errors import UsageInvalid

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwcyJ9.c2lnbmF0dXJl"


def logged(view, *records):
    """What stderr gets of these (level, message) records."""
    stream = io.StringIO()
    with logging_to(view, run_id="0011", stderr=stream):
        for level, message in records:
            LOGGER.log(level, "%s", message)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, logging.WARNING),
        ({"verbosity": 1}, logging.INFO),
        ({"verbosity": 2}, logging.DEBUG),
        ({"verbosity": 5}, logging.DEBUG),
        ({"quiet": True}, logging.ERROR),
        ({"log_format": "json"}, logging.INFO),
        ({"log_format": "json", "quiet": True}, logging.ERROR),
    ],
)
def test_stderr_shows_what_is_asked_for(changes, level):
    assert stderr_level(a_view(**changes)) == level


def test_a_log_file_takes_the_details_off_stderr(tmp_path):
    path = tmp_path / "run.log"
    view = a_view(log_file=path, verbosity=1)

    lines = logged(view, (logging.DEBUG, "deep"), (logging.WARNING, "high"))

    assert [line.split(" ", 1)[1] for line in lines] == ["WARNING diskguard: high"]
    assert len(path.read_text().splitlines()) == 2


def test_the_log_file_is_the_owners_alone_and_is_appended_to(tmp_path):
    path = tmp_path / "run.log"
    path.touch(mode=0o644)

    for message in ("one", "two"):
        logged(a_view(log_file=path), (logging.INFO, message))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [line.rsplit(" ")[-1] for line in path.read_text().splitlines()] == ["one", "two"]


def test_a_log_file_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")

    with pytest.raises(UsageInvalid, match="cannot write the log file"):
        logged(a_view(log_file=tmp_path / "link"))

    assert not (tmp_path / "target").exists()


def test_a_device_keeps_its_mode():
    null = Path("/dev/null")
    before = null.stat().st_mode

    logged(a_view(log_file=null), (logging.INFO, "gone"))

    assert null.stat().st_mode == before


def test_an_event_that_the_progress_tells_is_not_logged_on_stderr_again(tmp_path):
    path, event = tmp_path / "run.log", {"event": {"type": "warned"}}
    stream = io.StringIO()
    with logging_to(a_view(log_file=path), run_id="r", stderr=stream):
        LOGGER.warning("%s", "db01: warning", extra=event)
        LOGGER.warning("%s", "no event")

    assert [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()] == [
        "WARNING diskguard: no event"
    ]
    assert len(path.read_text().splitlines()) == 2


def test_an_event_is_logged_on_stderr_where_the_log_is_the_progress():
    stream = io.StringIO()
    with logging_to(a_view(verbosity=1), run_id="r", stderr=stream):
        LOGGER.warning("%s", "db01: warning", extra={"event": {"type": "warned"}})

    assert "db01: warning" in stream.getvalue()


def test_json_lines_carry_the_run_and_the_event():
    stream = io.StringIO()
    with logging_to(a_view(log_format="json"), run_id="0011", stderr=stream):
        LOGGER.info("%s", "db01: arming", extra={"event": {"type": "phase-entered"}})

    line = json.loads(stream.getvalue())
    assert line["time"].endswith("Z")
    assert {key: line[key] for key in ("level", "logger", "run_id", "message", "event")} == {
        "level": "info",
        "logger": "diskguard",
        "run_id": "0011",
        "message": "db01: arming",
        "event": {"type": "phase-entered"},
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_neither_a_token_nor_a_control_character_gets_into_the_log(log_format):
    stream = io.StringIO()
    with logging_to(a_view(log_format=log_format, verbosity=2), run_id="r", stderr=stream):
        trouble = ValueError(f"https://x.test/op?t=1&s=signature {JWT}")
        LOGGER.error("a\x1b[2J\nforged line %s", JWT, exc_info=trouble)

    text = stream.getvalue()
    assert "ValueError" in text
    assert not any(secret in text for secret in (JWT, "s=signature", "\x1b", "\nforged"))


def test_the_sdk_is_heard_only_by_those_who_ask_twice():
    sdk = logging.getLogger("azure.identity")
    heard = {}
    for verbosity in (0, 1, 2):
        stream = io.StringIO()
        with logging_to(a_view(verbosity=verbosity), run_id="r", stderr=stream):
            sdk.info("tried the environment")
        heard[verbosity] = stream.getvalue() != ""

    assert heard == {0: False, 1: False, 2: True}


def test_afterwards_logging_is_as_before():
    root = logging.getLogger()
    before = (root.level, [*root.handlers], LOGGER.level)

    logged(a_view(verbosity=2))

    assert (root.level, [*root.handlers], LOGGER.level) == before


class Full(io.StringIO):
    """A stream whose disk is full."""

    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_loses_lines_and_not_the_run(capsys):
    with logging_to(a_view(), run_id="r", stderr=Full()):
        LOGGER.warning("lost")

    assert capsys.readouterr().err == ""


def test_a_wrong_call_of_the_log_is_still_seen(capsys):
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%d", ("not a number",), None)

    ForgivingHandler(sys.stderr).emit(record)

    assert "TypeError" in capsys.readouterr().err
