"""What came of a run, as people and machines read it."""

from datetime import timedelta

from tests.cli.builders import DOWNGRADED, FROZEN, POINT, TAKEN

from diskguard.cli.render.reports import report_page, report_trouble
from diskguard.cli.render.text import plain_lines
from diskguard.model.report import CopyOutcome, Failure, Result, RunReport, VmOutcome

BUSY = Failure(
    code="guest-busy",
    message="another script runs",
    exit_status=1,
    hint="wait",
    correlation_id="c-1",
)
DONE = VmOutcome(source="db01", result=Result.DONE, point=POINT, consistency=FROZEN, disks=2)
LESS = VmOutcome(
    source="db02",
    result=Result.DONE,
    point="p2",
    consistency=DOWNGRADED,
    disks=1,
    downgrade_fails=True,
)
FAILED = VmOutcome(source="db03", result=Result.FAILED, failure=BUSY)
COPIED = CopyOutcome(
    point=POINT, disk="db01-os", region="westus", result=Result.DONE, percent=100.0
)
NOT_COPIED = CopyOutcome(
    point=POINT, disk="db01-data", region="westus", result=Result.FAILED, failure=BUSY
)


def a_report(*vms, copies=(), **changes):
    facts = {
        "run_id": "0011",
        "policy": "erp",
        "started_at": TAKEN,
        "ended_at": TAKEN + timedelta(minutes=3),
        "vms": vms,
        "copies": copies,
    }
    return RunReport(**{**facts, **changes})


def test_a_row_shows_what_was_reached_and_for_how_long_the_guest_stood_still():
    rows = report_page(a_report(DONE, LESS, copies=(COPIED,)), schema="backup").table.rows

    assert rows[0][1:6] == ("db01", "done", POINT, "filesystem", timedelta(seconds=4.492))
    assert rows[1][4:6] == ("crash (asked: filesystem)", None)
    assert rows[2] == ("copy", "db01-os", "done", POINT, None, None, "westus", 100.0)


def test_below_what_was_asked_is_11_where_the_policy_says_so():
    assert report_page(a_report(LESS), schema="backup").exit_code == 11


def test_the_last_line_counts():
    report = a_report(
        DONE, FAILED, copies=(COPIED, NOT_COPIED), warnings=("db01: w",), recovered=("r",)
    )

    lines = [*plain_lines(report_page(report, schema="backup").blocks)]

    assert lines[-3:] == [
        "put right: r",
        "warning: db01: w",
        "2 sources: 1 done, 1 failed; 2 copies: 1 done, 1 failed in 3 min.",
    ]


def test_one_source_and_one_copy_are_counted_as_one():
    page = report_page(a_report(DONE, copies=(COPIED,)), schema="backup")

    assert [*plain_lines(page.blocks)][-1] == "1 source: 1 done; 1 copy: 1 done in 3 min."


def test_a_run_that_did_nothing_says_so():
    lines = [*plain_lines(report_page(a_report(), schema="copy").blocks)]

    assert lines == ["Nothing was done in 3 min."]


def test_every_failure_is_told_with_what_it_happened_to():
    report = a_report(DONE, FAILED, copies=(NOT_COPIED,), failures=(BUSY,))

    assert [*report_trouble(report)] == [
        "diskguard: error[guest-busy]: another script runs",
        "hint: wait",
        "correlation id: c-1",
        "diskguard: error[guest-busy]: db03: another script runs",
        "hint: wait",
        "correlation id: c-1",
        "diskguard: error[guest-busy]: copy of db01-data to westus: another script runs",
        "hint: wait",
        "correlation id: c-1",
    ]


def test_the_document_keeps_every_outcome():
    page = report_page(a_report(FAILED, copies=(COPIED,), failures=(BUSY,)), schema="backup")

    failed, copied = page.items
    assert (failed["kind"], copied["kind"]) == ("backup", "copy")
    assert failed["consistency"] is None
    assert [failed["failure"]] == page.more["failures"]
    assert copied["failure"] is None
    assert page.exit_code == 3
