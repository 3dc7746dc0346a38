"""The real clock, the real chance; who hears a run."""

import asyncio
import io
import re
from contextlib import redirect_stderr
from datetime import UTC, datetime, timedelta

import pytest
from tests.cli.builders import a_view

from diskguard.cli.session import Session
from diskguard.cli.steps.instants import parse_instant
from diskguard.cli.steps.work import listening
from diskguard.cli.wiring import USUAL_POLICIES, SystemClock, new_nonce, wired
from diskguard.errors import UsageInvalid
from diskguard.model.events import PhaseEntered

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ARMING = PhaseEntered(at=NOW, source="db01", phase="arming")


def test_the_clock_is_aware_and_utc():
    assert SystemClock().now().tzinfo is UTC


@pytest.mark.real_time
async def test_the_clocks_two_times_agree():
    clock = SystemClock()
    soon = clock.now() + timedelta(seconds=5)

    ahead = clock.loop_time(soon) - asyncio.get_running_loop().time()

    assert ahead == pytest.approx(5, abs=0.5)


async def test_sleeping_until_then_sleeps_and_until_before_does_not():
    clock, loop = SystemClock(), asyncio.get_running_loop()

    await clock.sleep_until(clock.now() - timedelta(hours=1))
    not_at_all = loop.time()
    await clock.sleep_until(clock.now() + timedelta(hours=1))

    assert not_at_all == 0
    assert loop.time() == pytest.approx(3600, abs=1)


def test_a_nonce_is_16_hex_digits_and_new():
    made = {new_nonce() for _ in range(100)}

    assert len(made) == 100
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in made)


def test_the_real_world_looks_in_the_usual_places():
    around = wired()

    assert around.usual_policies == USUAL_POLICIES
    assert [str(path) for path in USUAL_POLICIES] == [
        "diskguard.yaml",
        "/etc/diskguard/policy.yaml",
    ]


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T12:00Z", NOW),
        ("2026-11-22T13:00+01:00", NOW),
        ("2026-11-22T12:00", NOW),
        ("7d", NOW - timedelta(days=7)),
        ("90m", NOW - timedelta(minutes=90)),
    ],
)
def test_an_instant_is_an_iso_time_or_so_long_ago(text, when):
    assert parse_instant(text, now=NOW) == when


@pytest.mark.parametrize("text", ["", "noon", "7", "0d", "2026-02-30"])
def test_anything_else_is_refused_with_examples(text):
    with pytest.raises(UsageInvalid, match="not a time") as refused:
        parse_instant(text, now=NOW)

    assert "7d for so long ago" in str(refused.value.hint)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def heard(cli, stream, **changes):
    """What stderr gets of one event."""
    with redirect_stderr(stream):
        session = Session(cli.around, a_view(**changes), schema="backup")
        with listening(session) as observer:
            observer.notice(ARMING)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("changes", "lines"),
    [({}, 1), ({"quiet": True}, 0), ({"verbosity": 1}, 0), ({"output": "jsonl"}, 1)],
)
def test_off_a_terminal_a_step_is_a_line_unless_the_log_has_it(cli, changes, lines):
    assert heard(cli, io.StringIO(), **changes).splitlines() == ["db01: arming"] * lines


def test_on_a_terminal_a_step_changes_the_picture(cli):
    shown = heard(cli, Terminal())

    assert "\x1b[" in shown
    assert "db01: arming" in shown
