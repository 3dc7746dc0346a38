"""What a guest answers is hostile input: read when whole and sane, else one family of errors."""

import base64
import hashlib
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st
from tests.guest.test_what_we_say import SENTINEL, a_request

from diskguard.errors import (
    GuestAnswerUnreadable,
    GuestRefused,
    GuestReportMissing,
    GuestTrouble,
)
from diskguard.guest import dialogue
from diskguard.model.guest import Armed, ClockSource, GuestReport, HoldOutcome, ThawReport
from diskguard_helper.report import render

NOW = 1_790_000_000.0
ARMED: dict[str, Any] = {
    "kind": "armed",
    "attempt": "a1",
    "armed_at": NOW,
    "freeze_at": NOW + 30,
    "thaw_by": NOW + 41,
    "clock": "host",
    "clock_error": 0.05,
    "supervisor": "systemd",
    "mount_count": 2,
    "mounts": [["/data", "xfs", [0]], ["/", "ext4", [None]]],
    "left_out": [["/boot/efi", "vfat cannot freeze"]],
    "warnings": ["odd"],
}
REPORT: dict[str, Any] = {
    "kind": "report",
    "attempt": "a1",
    "outcome": "held",
    "reason": None,
    "frozen_at": NOW + 30.1,
    "thawed_at": NOW + 39,
    "freezing_took": 0.1,
    "clock": "host",
    "clock_error": 0.05,
    "wall_minus_boot": [NOW, NOW, NOW, NOW],
    "mount_count": 2,
    "disks": [[None, [7, 2, 0], [7, 2, 0]], [0, [1, 0, 0], [1, 0, 0]]],
    "faulty": [],
    "warnings": [],
}
THAWED: dict[str, Any] = {
    "kind": "thawed",
    "thawed": ["/data"],
    "resisted": [["/x", "FITHAW hangs"]],
    "mount_count": 3,
}

Parse = Callable[[str], object]


def read_armed(output: str) -> Any:
    return dialogue.parse_armed(output, sentinel=SENTINEL, request=a_request())


def read_report(output: str) -> Any:
    return dialogue.parse_report(output, sentinel=SENTINEL, attempt="a1")


def read_thawed(output: str) -> Any:
    return dialogue.parse_thawed(output, sentinel=SENTINEL)


EVERY: list[tuple[Parse, dict[str, Any]]] = [
    (read_armed, ARMED),
    (read_report, REPORT),
    (read_thawed, THAWED),
]


def message(document: Any) -> str:
    """What Run Command gives: the handler's words around the script's."""
    line = render(document, SENTINEL)
    return f"Enable succeeded: \n[stdout]\n{line}\n\n[stderr]\n"


def sealed(packed: bytes) -> str:
    """A line with a right digest, whatever is in it."""
    payload = base64.b64encode(packed).decode()
    digest = hashlib.sha256(f"{SENTINEL} {payload}".encode()).hexdigest()[:16]
    return f"diskguard {SENTINEL} {payload} {digest}"


def test_a_promise_is_read():
    armed = read_armed(message(ARMED))

    assert armed.freeze_at == datetime.fromtimestamp(NOW + 30, UTC)
    assert armed.thaw_by - armed.freeze_at == timedelta(seconds=11)
    assert armed.clock is ClockSource.HOST
    assert [mount.luns for mount in armed.mounts] == [(0,), (None,)]
    assert armed.left_out[0].reason == "vfat cannot freeze"


def test_a_report_is_read():
    report = read_report(message(REPORT))

    assert report.outcome is HoldOutcome.HELD
    assert [disk.lun for disk in report.disks] == [None, 0]
    assert report.disks[0].before.writes == 7
    assert report.wall_minus_boot == (NOW,) * 4


def test_a_thaw_is_read():
    thawed = read_thawed(message(THAWED))

    assert thawed.thawed == ("/data",)
    assert thawed.resisted[0].what == "/x"


@pytest.mark.parametrize(("read", "document"), EVERY)
def test_a_refusal_keeps_its_reason(read: Parse, document: dict[str, Any]):
    refusal = {"kind": "refused", "reason": "busy", "message": "attempt a0 is at work"}

    with pytest.raises(GuestRefused, match="attempt a0 is at work") as raised:
        read(message(refusal))

    assert raised.value.reason == "busy"


@pytest.mark.parametrize(
    "reason", ["no-python", "run-not-writable", "script-damaged", "helper-failed"]
)
def test_the_shells_own_refusals_are_understood(reason: str):
    with pytest.raises(GuestRefused) as raised:
        read_armed(f"diskguard {SENTINEL} refused {reason}\n")

    assert raised.value.reason == reason


def test_a_report_that_is_not_there_is_missing():
    with pytest.raises(GuestReportMissing, match="it restarted"):
        read_report(message({"kind": "missing", "why": "it restarted"}))


def test_missing_is_no_answer_to_arming():
    with pytest.raises(GuestAnswerUnreadable):
        read_armed(message({"kind": "missing", "why": "it restarted"}))


def test_of_several_lines_the_last_counts():
    forged = render({**ARMED, "attempt": "other"}, SENTINEL)

    assert read_armed(forged + "\n" + message(ARMED)).attempt == "a1"


def zip_bomb() -> str:
    return sealed(zlib.compress(b"[" + b" " * 40_000_000 + b"]", 9))


def deep_nest() -> str:
    return sealed(zlib.compress(b"[" * 100_000))


@pytest.mark.parametrize(
    "output",
    [
        "",
        "nothing of ours",
        f"diskguard {SENTINEL} ",
        f"diskguard {SENTINEL} one two three",
        f"diskguard {SENTINEL} refused of-its-own-making",
        f"diskguard {SENTINEL} refused",
        "diskguard 0000000000000000 " + message(ARMED).split(" ", 4)[-1],
        message(ARMED)[:-60],
        "x" * 70_000 + message(ARMED),
        f"diskguard {SENTINEL} " + "A" * 5000 + " 0123456789abcdef",
        sealed(b"not compressed"),
        sealed(zlib.compress(b"not json")),
        sealed(zlib.compress(b'{"kind": NaN}')),
        sealed(zlib.compress(b'{"kind": ' + b"9" * 5000 + b"}")),
        sealed(zlib.compress(b"[1]")),
        sealed(zlib.compress(b"{}")[:-3]),
        sealed(zlib.compress(b"\xff\xfe")),
        zip_bomb(),
        deep_nest(),
    ],
)
def test_what_is_no_whole_answer_is_unreadable(output: str):
    with pytest.raises(GuestAnswerUnreadable):
        read_armed(output)


@pytest.mark.parametrize(
    "change",
    [
        {"attempt": "a2"},
        {"freeze_at": NOW + 300},
        {"thaw_by": NOW + 300},
        {"armed_at": 0},
        {"armed_at": True},
        {"freeze_at": "soon"},
        {"clock": "sundial"},
        {"clock_error": -1},
        {"supervisor": "session"},
        {"mount_count": 1},
        {"mount_count": -1},
        {"mount_count": 1.5},
        {"mounts": [["/data", "xfs", [7]], ["/", "ext4", [None]]]},
        {"mounts": [["/data", "xfs"]]},
        {"mounts": [["/data", "xfs", ["0"]]]},
        {"mounts": [[5, "xfs", [0]]]},
        {"mounts": {}},
        {"left_out": [["only one"]]},
        {"warnings": [7]},
        {"warnings": ["\u0000"]},
    ],
)
def test_a_promise_that_does_not_fit_the_request_is_unreadable(change: dict[str, Any]):
    with pytest.raises(GuestAnswerUnreadable):
        read_armed(message({**ARMED, **change}))


def test_a_session_is_taken_where_it_was_allowed():
    request = a_request(allow_without_systemd=True)

    armed = dialogue.parse_armed(
        message({**ARMED, "supervisor": "session"}), sentinel=SENTINEL, request=request
    )

    assert armed.supervisor == "session"


@pytest.mark.parametrize(
    "change",
    [
        {"attempt": "a2"},
        {"outcome": "great"},
        {"frozen_at": None},
        {"thawed_at": None},
        {"faulty": [["/data", "odd"]]},
        {"outcome": "failed"},
        {"freezing_took": 1e9},
        {"wall_minus_boot": ["now"]},
        {"disks": [[0, [1, 0, 0], [1, 0, 0]], [0, [1, 0, 0], [1, 0, 0]]]},
        {"disks": [[0, [1, 0], [1, 0, 0]]]},
        {"disks": [[0, [1, 0, -1], [1, 0, 0]]]},
        {"disks": [[0, [1, 0, False], [1, 0, 0]]]},
    ],
)
def test_a_report_that_contradicts_itself_is_unreadable(change: dict[str, Any]):
    with pytest.raises(GuestAnswerUnreadable):
        read_report(message({**REPORT, **change}))


def test_a_report_by_a_clock_that_was_stepped_back_is_read_as_it_is():
    report = read_report(message({**REPORT, "thawed_at": NOW + 29}))

    assert report.frozen_at is not None
    assert report.thawed_at is not None
    assert report.thawed_at < report.frozen_at


def test_a_report_on_a_failure_needs_no_instants():
    failed = {**REPORT, "outcome": "failed", "reason": "/x: odd", "frozen_at": None}
    failed.update(thawed_at=None, freezing_took=None, faulty=[["/x", "odd"]])

    report = read_report(message(failed))

    assert report.outcome is HoldOutcome.FAILED
    assert report.frozen_at is None


def test_control_characters_are_stripped():
    ugly = "\x1b[31mred\x07 \u202egnitirw\n"

    armed = read_armed(message({**ARMED, "warnings": [ugly]}))

    assert armed.warnings == ("[31mred gnitirw",)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


def read_or_trouble(read: Parse, output: str) -> object:
    """What was read, or the trouble with it; anything else falls through."""
    try:
        return read(output)
    except GuestTrouble as trouble:
        return trouble


@given(case=st.sampled_from(EVERY), name=st.data(), value=anything)
def test_no_field_raises_anything_but_guest_trouble(
    case: tuple[Parse, dict[str, Any]], name: st.DataObject, value: object
):
    read, document = case
    changed = {**document, name.draw(st.sampled_from(sorted(document))): value}
    outcome = read_or_trouble(read, sealed(zlib.compress(json.dumps(changed).encode())))

    assert isinstance(outcome, GuestTrouble | Armed | GuestReport | ThawReport)


@given(case=st.sampled_from(EVERY), at=st.integers(0, 600), noise=st.text(max_size=12))
def test_no_damage_raises_anything_but_guest_trouble(
    case: tuple[Parse, dict[str, Any]], at: int, noise: str
):
    read, document = case
    output = message(document)
    damaged = output[:at] + noise + output[at + len(noise) :]
    outcome = read_or_trouble(read, damaged)

    assert isinstance(outcome, GuestTrouble) or outcome == read(output)


@given(payload=st.binary(max_size=200), compressed=st.booleans())
def test_no_payload_raises_anything_but_guest_trouble(payload: bytes, compressed: bool):
    with pytest.raises(GuestTrouble):
        read_report(sealed(zlib.compress(payload) if compressed else payload))
