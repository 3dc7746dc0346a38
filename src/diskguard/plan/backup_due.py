"""Which slot a source's next point is for, and what a reader should know of it."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from diskguard.model.restore_point import RestorePoint
from diskguard.plan.backup_plan import PlanWarning
from diskguard.plan.due import LATE, MOST_MISSED, Due, choose_due, next_due, served_until
from diskguard.plan.selection import Selected


def find_due(selected: Selected, points: Sequence[RestorePoint], now: datetime) -> Due | None:
    """Give the slot that is due for a source with these points; None: none is."""
    return choose_due(selected.settings.schedules, served_until(points, now=now), now=now)


def why_not_due(selected: Selected, now: datetime) -> str:
    """Say when a source's next slot is, or why it never has one."""
    upcoming = next_due(selected.settings.schedules, now)
    if upcoming is None:
        return f"rule {selected.rule.name} has no schedule, so it is never due"
    return f"not due: its next slot is {upcoming:%Y-%m-%d %H:%M}Z"


def warn_of_slot(selected: Selected, due: Due, now: datetime) -> Iterator[PlanWarning]:
    """Say that slots were missed, or that this one is late; a new source has missed nothing."""
    late = now - due.slot
    if due.first or (not due.missed and late <= LATE):
        return
    names = ", ".join(due.schedules)
    message = f"the slot {due.slot:%Y-%m-%d %H:%M}Z ({names}) is caught up"
    if late > LATE:
        message += f" {int(late.total_seconds() // 60)} minutes late"
    if due.missed:
        older = f"{'at least ' if due.missed == MOST_MISSED else ''}{due.missed}"
        message += f"; older slots missed, which no point will have: {older}"
    yield PlanWarning(source=selected.source.text, code="missed-slots", message=message)


def notes_of_slot(due: Due) -> Iterator[str]:
    """Say which schedules one point serves; nothing of a single one."""
    if due.first:
        yield f"its first point, for {', '.join(due.schedules)}"
    elif len(due.schedules) > 1:
        yield f"one point for the slots of {', '.join(due.schedules)}"
