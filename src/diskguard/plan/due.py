"""Whether a source's next point is due: from its schedules and from the points it has, no more.

A point serves every slot up to its own, of every schedule: a slot wants data at least as new as
itself, and that is what a later point is. So one point may serve several slots, one made by hand
serves like any other, and of the slots that were missed only the newest is caught up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Final

from diskguard.model.restore_point import PointState, RestorePoint
from diskguard.plan.schedule import last_slot, next_slot, slots_between
from diskguard.policy.sections import Schedule

MOST_MISSED: Final = 1_000
"""So many missed slots are counted; after weeks of silence the exact number tells nothing more."""

LATE: Final = timedelta(hours=1)
"""A slot caught up after longer than this is said, also when no newer one came in between."""

# More than clocks may differ before nothing is deleted (contract 5); a point's slot is no further
# ahead of its data than that, or one wrong clock would keep everything from being due for long.
_CLOCKS_DIFFER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A slot to be made a point of, the newest that is due; it names the point.

    `schedules` are those with a slot that this point serves, `missed` how many older slots of
    theirs it catches up, at most MOST_MISSED. `first`: the source has no point that serves
    anything yet; it has missed none.
    """

    slot: datetime
    schedules: tuple[str, ...]
    missed: int = 0
    first: bool = False


def served_until(points: Iterable[RestorePoint], *, now: datetime) -> datetime | None:
    """Give the newest instant whose slots a source's points serve; None without such a point.

    A complete point serves, in whichever location it is complete, and one that is being made: if
    its run dies it becomes incomplete, and its slot is due again. A point's slot counts no further
    than five minutes past the instant of its data, by Azure's clock.
    """
    instants = [
        min(point.slot, (point.taken_at or now) + _CLOCKS_DIFFER)
        for point in points
        if point.state in (PointState.COMPLETE, PointState.PENDING)
    ]
    return max(instants, default=None)


@lru_cache(maxsize=4_096)
def choose_due(
    schedules: tuple[Schedule, ...], served: datetime | None, *, now: datetime
) -> Due | None:
    """Give the slot that is due for a source whose points serve until `served`; None: none is."""
    newest = [(last_slot(schedule, now), schedule) for schedule in schedules]
    due = [
        (slot, schedule)
        for slot, schedule in newest
        if slot is not None and (served is None or slot > served)
    ]
    if not due:
        return None
    slot = max(slot for slot, _ in due)
    return Due(
        slot=slot,
        schedules=tuple(schedule.name for _, schedule in due),
        missed=0 if served is None else _missed([each for _, each in due], served, slot),
        first=served is None,
    )


@lru_cache(maxsize=64)
def next_due(schedules: tuple[Schedule, ...], now: datetime) -> datetime | None:
    """Give the first slot after `now` of any schedule; None where there is no schedule."""
    return min((next_slot(schedule, now) for schedule in schedules), default=None)


def _missed(schedules: Sequence[Schedule], served: datetime, slot: datetime) -> int:
    """Count the different slots after `served` and before `slot`."""
    missed: set[datetime] = set()
    for schedule in schedules:
        missed |= set(islice(slots_between(schedule, served, slot), MOST_MISSED))
    return min(len(missed - {slot}), MOST_MISSED)
