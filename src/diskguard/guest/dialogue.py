"""What we say to a guest by Run Command, and how we read what comes back."""

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Final

from diskguard.errors import GuestReportMissing
from diskguard.guest import checks
from diskguard.guest.answer import is_plain_word, read_answer, unreadable
from diskguard.guest.archive import helper_archive
from diskguard.guest.checks import Fields, Unacceptable
from diskguard.model.guest import (
    Armed,
    ClockSource,
    DiskCounters,
    FreezeRequest,
    GuestMount,
    GuestReport,
    HoldOutcome,
    LeftOut,
    QuietDisk,
    ThawReport,
)

_COLUMNS: Final = 1000  # lines of base64 as short as a line of a script should be
_PROMISE: Final = timedelta(seconds=1)  # freeze.md, promise 1
_SLACK: Final = timedelta(seconds=0.1)


# What we say.


def render_arm(request: FreezeRequest, *, sentinel: str) -> tuple[str, ...]:
    """The script that asks a guest to promise a freeze. Lines for RunShellScript."""
    said = {
        "attempt": _plain(request.attempt),
        "disks": [[disk.name, disk.lun, disk.size_bytes] for disk in request.disks],
        "lead": request.lead.total_seconds(),
        "limit": request.limit.total_seconds(),
        "hold": None if request.hold is None else request.hold.total_seconds(),
        "mounts": None if request.mounts is None else list(request.mounts),
        "allow_without_systemd": request.allow_without_systemd,
    }
    return _render("arm", said, sentinel)


def render_collect(attempt: str, *, sentinel: str) -> tuple[str, ...]:
    """The script that reads the report of an attempt, whoever started it."""
    return _render("collect", {"attempt": _plain(attempt)}, sentinel)


def render_thaw(*, sentinel: str) -> tuple[str, ...]:
    """The script of the emergency: thaw whatever is frozen, whoever froze it."""
    return _render("thaw", {}, sentinel)


def _render(verb: str, request: Mapping[str, object], sentinel: str) -> tuple[str, ...]:
    payloads = {
        "DISKGUARD_SENTINEL": _plain(sentinel).encode(),
        "DISKGUARD_REQUEST": json.dumps({**request, "sentinel": sentinel}).encode(),
        "DISKGUARD_HELPER": helper_archive(),
    }
    lines: list[str] = []
    for line in _script():
        lines += _base64(payloads[line]) if line in payloads else ()
        lines.append(f"verb={verb}" if line == "verb=arm" else line)
    return tuple(lines)


@cache
def _script() -> tuple[str, ...]:
    found = files("diskguard.guest").joinpath("scripts", "run.sh").read_text(encoding="utf-8")
    return tuple(found.splitlines())


def _base64(payload: bytes) -> list[str]:
    whole = base64.b64encode(payload).decode()
    return [whole[start : start + _COLUMNS] for start in range(0, len(whole), _COLUMNS)]


def _plain(word: str) -> str:
    if not is_plain_word(word):
        raise ValueError(f"{word!r} is no plain word of at most 63 letters, digits and hyphens")
    return word


# What comes back.


def parse_armed(output: str, *, sentinel: str, request: FreezeRequest) -> Armed:
    """The promise, if it is one for this very request.

    Raises GuestRefused (nothing will freeze) or GuestAnswerUnreadable (something may).
    """
    found = read_answer(output, sentinel=sentinel, kind="armed")
    try:
        armed = _armed(found)
        _check_promise(armed, request)
    except Unacceptable as trouble:
        raise unreadable(trouble) from trouble
    return armed


def _armed(found: Fields) -> Armed:
    return Armed(
        attempt=found.text("attempt"),
        armed_at=found.instant("armed_at"),
        freeze_at=found.instant("freeze_at"),
        thaw_by=found.instant("thaw_by"),
        clock=found.word("clock", ClockSource),
        clock_error=found.duration("clock_error"),
        supervisor=found.text("supervisor"),
        mount_count=found.count("mount_count"),
        mounts=found.several("mounts", _mount),
        left_out=found.several("left_out", _left_out),
        warnings=found.several("warnings", checks.text),
    )


def _check_promise(armed: Armed, request: FreezeRequest) -> None:
    """The promise fits what was asked: a guest, or who speaks for it, cannot stretch it."""
    supervisors = {"systemd", "session"} if request.allow_without_systemd else {"systemd"}
    luns = {disk.lun for disk in request.disks}
    lead, length = armed.freeze_at - armed.armed_at, armed.thaw_by - armed.freeze_at
    doubts = {
        "it is for another attempt": armed.attempt != request.attempt,
        "its lead is not the one asked for": abs(lead - request.lead) > _SLACK,
        "its limit is not the one asked for": abs(length - request.limit - _PROMISE) > _SLACK,
        "its supervisor was not allowed": armed.supervisor not in supervisors,
        "it names more mounts than it counts": len(armed.mounts) > armed.mount_count,
        "it names disks we did not": any(set(mount.luns) - luns for mount in armed.mounts),
    }
    _refuse_doubts(doubts)


def parse_report(output: str, *, sentinel: str, attempt: str) -> GuestReport:
    """The holder's report on this attempt.

    Raises GuestReportMissing where the holder left none, GuestRefused while it is still at work,
    GuestAnswerUnreadable.
    """
    found = read_answer(output, sentinel=sentinel, kind="report")
    try:
        if found.text("kind") == "missing":
            raise GuestReportMissing(f"no report on attempt {attempt}: {found.text('why')}")
        report = _report(found)
        _check_report(report, attempt)
    except Unacceptable as trouble:
        raise unreadable(trouble) from trouble
    return report


def _report(found: Fields) -> GuestReport:
    return GuestReport(
        attempt=found.text("attempt"),
        outcome=found.word("outcome", HoldOutcome),
        reason=found.optional_text("reason"),
        frozen_at=found.optional_instant("frozen_at"),
        thawed_at=found.optional_instant("thawed_at"),
        freezing_took=found.optional_duration("freezing_took"),
        clock=found.word("clock", ClockSource),
        clock_error=found.duration("clock_error"),
        wall_minus_boot=found.several("wall_minus_boot", checks.seconds),
        mount_count=found.count("mount_count"),
        collected_at=found.optional_instant("collected_at"),
        disks=found.several("disks", _quiet_disk),
        faulty=found.several("faulty", _left_out),
        warnings=found.several("warnings", checks.text),
    )


def _check_report(report: GuestReport, attempt: str) -> None:
    luns = [disk.lun for disk in report.disks]
    held = report.outcome is HoldOutcome.HELD
    doubts = {
        "it is on another attempt": report.attempt != attempt,
        "it names a disk twice": len(luns) != len(set(luns)),
        "it held, but names something faulty": held and bool(report.faulty),
        "it held, but says not from when to when": held and not _has_window(report),
        "it failed without saying why": not held and report.reason is None,
    }
    _refuse_doubts(doubts)


def _has_window(report: GuestReport) -> bool:
    """Both instants are there; a clock stepped back may have them the wrong way round."""
    return report.frozen_at is not None and report.thawed_at is not None


def parse_thawed(output: str, *, sentinel: str) -> ThawReport:
    """What the emergency found. Raises GuestRefused or GuestAnswerUnreadable."""
    found = read_answer(output, sentinel=sentinel, kind="thawed")
    try:
        return ThawReport(
            thawed=found.several("thawed", checks.text),
            resisted=found.several("resisted", _left_out),
            mount_count=found.count("mount_count"),
        )
    except Unacceptable as trouble:
        raise unreadable(trouble) from trouble


def _refuse_doubts(doubts: Mapping[str, bool]) -> None:
    for doubt, holds in doubts.items():
        if holds:
            raise Unacceptable(doubt)


def _mount(value: object) -> GuestMount:
    path, file_system, luns = checks.listed(value, "a mount", length=3)
    return GuestMount(
        path=checks.text(path),
        file_system=checks.text(file_system),
        luns=tuple(checks.lun(each) for each in checks.listed(luns, "LUNs")),
    )


def _left_out(value: object) -> LeftOut:
    what, reason = checks.texts(value, "a thing left out", length=2)
    return LeftOut(what=what, reason=reason)


def _quiet_disk(value: object) -> QuietDisk:
    number, before, after = checks.listed(value, "a disk", length=3)
    return QuietDisk(lun=checks.lun(number), before=_counters(before), after=_counters(after))


def _counters(value: object) -> DiskCounters:
    writes, discards, in_flight = (
        checks.count(each, "a counter") for each in checks.listed(value, "counters", length=3)
    )
    return DiskCounters(writes=writes, discards=discards, in_flight=in_flight)
