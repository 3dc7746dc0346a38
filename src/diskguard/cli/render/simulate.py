"""A simulation: what each rule keeps where, its peak against Azure's limit, day by day."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from diskguard.cli.render.cells import Cell, instant, seconds
from diskguard.cli.render.page import Block, Lines, Page, Table
from diskguard.plan.backup_limits import MOST_SNAPSHOTS
from diskguard.plan.simulate import Day, LocationSimulation, Simulation

SCHEMA: Final = "simulation"


def simulation_page(simulations: Sequence[Simulation], *, start: datetime, end: datetime) -> Page:
    """An item per rule and location; TSV has a line per day, a table only where a count changes."""
    places = [(each, there) for each in simulations for there in each.locations]
    return Page(
        schema=SCHEMA,
        items=tuple(_item(each, there) for each, there in places),
        blocks=tuple(_blocks(places)),
        table=_day_table([(each, there, there.days) for each, there in places]),
        more={"from": instant(start), "to": instant(end), "limit_per_disk": MOST_SNAPSHOTS},
    )


def _item(rule: Simulation, there: LocationSimulation) -> dict[str, object]:
    peak = there.peak
    return {
        "rule": rule.rule,
        "location": there.location.value,
        "schedules": list(rule.schedules),
        "made": there.made,
        "kept": len(there.points),
        "peak": None if peak is None else peak.peak,
        "peak_on": None if peak is None else peak.day.isoformat(),
        "over_limit_on": None if there.over_limit is None else there.over_limit.isoformat(),
        "given_up_on": None if there.given_up is None else there.given_up.isoformat(),
        "longest_gap_seconds": seconds(rule.longest_gap),
        "days": [_day(day) for day in there.days],
        "points": [
            {"taken_at": instant(point.taken_at), "kept_by": list(point.reasons)}
            for point in there.points
        ],
    }


def _day(day: Day) -> dict[str, object]:
    return {"day": day.day.isoformat(), "made": day.made, "peak": day.peak, "kept": day.kept}


_Place = tuple[Simulation, LocationSimulation]


def _blocks(places: Sequence[_Place]) -> Iterator[Block]:
    yield Table(
        headings=(
            "rule",
            "location",
            "made",
            "kept",
            "peak per disk",
            "limit",
            "on",
            "longest gap",
        ),
        rows=tuple(_summary(each, there) for each, there in places),
    )
    remarks = tuple(remark for each, there in places for remark in _remarks(each, there))
    if remarks:
        yield Lines(lines=remarks)
    yield _day_table([(each, there, _changes(there.days)) for each, there in places])
    points = tuple(
        (each.rule, there.location.value, point.taken_at, "; ".join(point.reasons))
        for each, there in places
        for point in there.points
    )
    if points:
        yield Table(headings=("rule", "location", "point", "kept by"), rows=points)


def _summary(rule: Simulation, there: LocationSimulation) -> tuple[Cell, ...]:
    peak = there.peak
    return (
        rule.rule,
        there.location.value,
        there.made,
        len(there.points),
        None if peak is None else peak.peak,
        MOST_SNAPSHOTS,
        None if peak is None else peak.day.isoformat(),
        rule.longest_gap,
    )


def _remarks(rule: Simulation, there: LocationSimulation) -> Iterator[str]:
    where = f"{rule.rule}, {there.location.value}"
    if not rule.schedules:
        yield f"{where}: no schedule, so no point is ever due"
    if there.over_limit is not None:
        yield f"{where}: from {there.over_limit} on Azure would take no further snapshot of a disk"
    if there.given_up is not None:
        yield f"{where}: not followed beyond {there.given_up}"


def _changes(days: tuple[Day, ...]) -> tuple[Day, ...]:
    """The days on which another number of points is kept than the day before, and the last."""
    kept = [None, *(day.kept for day in days)]
    last = len(days) - 1
    return tuple(day for at, day in enumerate(days) if day.kept != kept[at] or at == last)


def _day_table(
    rows: Sequence[tuple[Simulation, LocationSimulation, tuple[Day, ...]]],
) -> Table:
    return Table(
        headings=("rule", "location", "day", "made", "peak", "kept"),
        rows=tuple(
            (each.rule, there.location.value, day.day.isoformat(), day.made, day.peak, day.kept)
            for each, there, days in rows
            for day in days
        ),
    )
