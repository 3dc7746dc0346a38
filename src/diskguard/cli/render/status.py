"""How a policy stands, shown."""

from collections.abc import Iterator, Mapping

from diskguard.cli.render.cells import Cell, duration, instant, seconds, size
from diskguard.cli.render.page import Block, Lines, Page, Table
from diskguard.cli.render.points import consistency_fields
from diskguard.model.restore_point import LocationPart
from diskguard.plan.backup_limits import MANY_SNAPSHOTS, MOST_SNAPSHOTS
from diskguard.plan.freshness import Freshness
from diskguard.plan.status import DiskUse, Status
from diskguard.plan.status_copies import CopyUnderWay
from diskguard.plan.status_run import LastRun
from diskguard.plan.status_sizes import DAILY_CHANGE, Stored

_MOST_DISKS = 5  # of those not near the limit none is worth a line


def status_page(status: Status) -> Page:
    """Everything that is known; the table has a row for each source and location."""
    table = Table(
        headings=(
            "source",
            "rule",
            "location",
            "newest point",
            "age",
            "rpo",
            "consistency",
            "state",
        ),
        rows=tuple(_row(each) for each in status.freshness),
    )
    shown: tuple[Block, ...] = (
        (table,) if table.rows else (Lines(lines=("Nothing is protected.",)),)
    )
    return Page(
        schema="status",
        items=tuple(freshness_item(each) for each in status.freshness),
        blocks=(*shown, *_blocks(status)),
        table=table,
        more=_more(status),
    )


def freshness_item(fresh: Freshness) -> dict[str, object]:
    """One source in one location, as a document shows it."""
    newest, part = fresh.newest, _part(fresh)
    return {
        "source": {"id": str(fresh.source), "name": fresh.name},
        "rule": fresh.rule,
        "location": fresh.location.value,
        "region": None if part is None else part.region,
        "state": fresh.state,
        "late": fresh.late,
        "age_seconds": seconds(fresh.age),
        "rpo_seconds": seconds(fresh.rpo),
        "expected_slot": instant(fresh.expected_slot),
        "point": None if newest is None else newest.id,
        "taken_at": None if newest is None else instant(newest.taken_at),
        "consistency": None if newest is None or part is None else _consistency(part),
        "risks": list(fresh.risks),
    }


def _consistency(part: LocationPart) -> dict[str, object]:
    proof = None if part.seal is None else part.seal.consistency
    requested = None if proof is None else proof.requested.value
    return {"requested": requested, **consistency_fields(proof)}


def _part(fresh: Freshness) -> LocationPart | None:
    return None if fresh.newest is None else fresh.newest.part(fresh.location)


def _row(fresh: Freshness) -> tuple[Cell, ...]:
    return (
        fresh.name,
        fresh.rule,
        fresh.location.value,
        None if fresh.newest is None else fresh.newest.taken_at,
        fresh.age,
        fresh.rpo,
        _grade(fresh),
        _word(fresh),
    )


def _grade(fresh: Freshness) -> str | None:
    part = _part(fresh)
    if part is None or part.seal is None:
        return None
    reached = part.seal.consistency
    asked = f" (asked: {reached.requested})" if reached.downgraded else ""
    return f"{reached.achieved}{asked}"


def _word(fresh: Freshness) -> str:
    """A first copy that is on its way in good time is not shown as a failure."""
    if fresh.newest is None and not fresh.late:
        return "pending"
    return "risk" if fresh.state == "ok" and fresh.risks else fresh.state


def _blocks(status: Status) -> Iterator[Block]:
    risks = [
        f"{each.name} in {each.location}: {risk}"
        for each in status.freshness
        for risk in each.risks
    ]
    sections = {
        "At risk": risks,
        "Copies under way": [_copy_line(each) for each in status.copies],
        "Snapshots": [*_use_lines(status)],
        "Stored": [_stored_line(each) for each in status.sizes],
        "Last run": [] if status.last_run is None else [_run_line(status.last_run)],
        "Left out": list(status.left_out),
    }
    for title, lines in sections.items():
        if lines:
            yield Lines(title=title, lines=tuple(lines))


def _copy_line(copy: CopyUnderWay) -> str:
    if copy.done_at is None:
        end = "nothing to estimate its end by yet"
    else:
        end = f"done about {copy.done_at:%Y-%m-%d %H:%M}Z (estimate from {_basis(copy)})"
    return f"{copy.point}: {copy.percent:.0f} %, {end}"


def _basis(copy: CopyUnderWay) -> str:
    return "its progress" if copy.basis == "progress" else "the time between earlier copies"


def _use_lines(status: Status) -> Iterator[str]:
    if status.fullest is None:
        return
    many = [use for use in status.uses if use.used >= MANY_SNAPSHOTS][:_MOST_DISKS]
    for use in many or [status.fullest]:
        yield f"disk {use.disk.name} has {use.used} of {MOST_SNAPSHOTS}"
    yield "counted in this policy's resource groups, whoever made them"


def _stored_line(stored: Stored) -> str:
    number = f"{stored.snapshots} snapshot{'' if stored.snapshots == 1 else 's'}"
    return (
        f"{stored.location}: {number} of disks of {size(stored.disk_bytes)}; stored about "
        f"{size(stored.estimated_bytes)} (estimate: full disks, {DAILY_CHANGE:.0%} changed a day)"
    )


def _run_line(run: LastRun) -> str:
    points = f"{run.points} point{'' if run.points == 1 else 's'}"
    below = f", {run.downgraded} below what was asked" if run.downgraded else ""
    left = "" if run.whole else "; something begun since then is incomplete"
    return (
        f"{instant(run.ended_at)}: {points}{below} in {duration(run.took)} (run {run.run_id}){left}"
    )


def _more(status: Status) -> dict[str, object]:
    return {
        "policy": status.policy,
        "at": instant(status.at),
        "points": _counts(status),
        "copies": [_copy_item(each) for each in status.copies],
        "disks": [_use_item(each) for each in status.uses],
        "stored": [_stored_item(each) for each in status.sizes],
        "last_run": None if status.last_run is None else _run_item(status.last_run),
        "shortages": [
            {"rule": each.rule, "expected": each.expected, "found": each.found}
            for each in status.shortages
        ],
        "left_out": list(status.left_out),
    }


def _counts(status: Status) -> Mapping[str, Mapping[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for (location, state), number in status.counts.items():
        counts.setdefault(location.value, {})[state.value] = number
    return counts


def _copy_item(copy: CopyUnderWay) -> dict[str, object]:
    return {
        "point": copy.point,
        "source": str(copy.source),
        "percent": copy.percent,
        "began_at": instant(copy.began_at),
        "estimated_done_at": instant(copy.done_at),
        "estimated_from": copy.basis,
    }


def _use_item(use: DiskUse) -> dict[str, object]:
    return {
        "id": str(use.disk),
        "source": str(use.source),
        "snapshots": use.used,
        "limit": MOST_SNAPSHOTS,
    }


def _stored_item(stored: Stored) -> dict[str, object]:
    return {
        "location": stored.location.value,
        "snapshots": stored.snapshots,
        "disk_bytes": stored.disk_bytes,
        "estimated_bytes": stored.estimated_bytes,
    }


def _run_item(run: LastRun) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "began_at": instant(run.began_at),
        "ended_at": instant(run.ended_at),
        "took_seconds": seconds(run.took),
        "points": run.points,
        "downgraded": run.downgraded,
        "whole": run.whole,
    }
