"""COLLECT: the holder's report, read afterwards, with the clocks of that moment."""

from typing import TYPE_CHECKING, Any, Dict

from diskguard_helper.clock import (
    UNSYNCHRONISED,
    error_of,
    instant,
    read_clocks,
    source_of,
    wall_minus_boot,
)
from diskguard_helper.freeze import FAILED, HELD
from diskguard_helper.nouns import Refused, check_name
from diskguard_helper.places import Places, read_json, read_plan

if TYPE_CHECKING:
    from diskguard_helper.kernel import Kernel

NAPS, NAP = 100, 0.1


def collect(request: Dict[str, Any], kernel: "Kernel") -> Dict[str, Any]:
    """What became of an attempt. Raises Refused while its holder is still at work."""
    places = Places(kernel, check_name(request.get("attempt")))
    if not kernel.exists(places.plan):
        return missing("this guest knows no such attempt: it restarted, or armed again since")
    for _ in range(NAPS):
        if has_ended(places, kernel):
            break
        kernel.sleep_until(kernel.boot_clock() + NAP)
    else:
        raise Refused("not-finished", "the holder of this attempt is still at work")
    return read_report(places, kernel)


def has_ended(places: Places, kernel: "Kernel") -> bool:
    """Whether the report is final; a flush that hangs keeps a child of the holder, not the report."""
    said = kernel.exists(places.report) and not places.something_left(kernel)
    return said or not places.is_freezing(kernel)


def missing(why: str) -> Dict[str, Any]:
    """There is no report, and why."""
    return {"kind": "missing", "why": why}


def read_report(places: Places, kernel: "Kernel") -> Dict[str, Any]:
    """The report with the watchdog's word added, or that there is none."""
    report = read_json(places.report, kernel)
    watched = read_json(places.watched, kernel) or {"thawed": [], "resisted": []}
    if report is None:
        thawed = ", ".join(watched["thawed"])
        return missing("the holder died; thawed in its place: %s" % (thawed or "nothing"))
    report = with_clocks(report, places, kernel)
    if watched["thawed"] or watched["resisted"]:
        report["faulty"] += [[path, "thawed by the watchdog"] for path in watched["thawed"]]
        report["faulty"] += watched["resisted"]
        if report["outcome"] == HELD:
            report.update(outcome=FAILED, reason="the watchdog found something frozen")
    return report


def with_clocks(report: Dict[str, Any], places: Places, kernel: "Kernel") -> Dict[str, Any]:
    """The report with instants of the best clock that was there all along."""
    kernel.open_host_clock()
    frozen, thawed = report.pop("readings")
    inside = [reading for reading in (frozen, thawed) if reading is not None]
    readings = [read_plan(places, kernel).armed] + inside + [read_clocks(kernel)]
    source = source_of(readings) if inside else UNSYNCHRONISED
    report.update(
        kind="report",
        frozen_at=instant(frozen, source),
        thawed_at=instant(thawed, source),
        collected_at=instant(readings[-1], source),
        clock=source,
        clock_error=error_of(inside, source),
        wall_minus_boot=wall_minus_boot(readings),
        warnings=[],
    )
    return report
