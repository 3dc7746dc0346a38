"""Gaps: when the newest point was older than the RPO, and when retention hides whether it was."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from diskguard.plan.freshness import Freshness
from diskguard.plan.retention import Candidate, decide
from diskguard.plan.timeline_picture import Gap, GapKind
from diskguard.policy.sections import Keep

Stretch = tuple[datetime, datetime]

_MOST_DUE: Final = 50  # per stretch: enough to meet every bucket that could keep one


def find_gaps(
    fresh: Freshness,
    moments: Sequence[datetime],
    keep: Keep | None,
    *,
    since: datetime,
    now: datetime,
) -> Iterator[Gap]:
    """Give every gap between two instants, oldest first.

    `moments` are those of the restorable points of one source in one location, ascending. Before
    the first of them nothing is known, unless there should be one and is none.
    """
    if fresh.rpo is not None:
        bare = [(one + fresh.rpo, another) for one, another in pairwise(moments)]
        seen = [(begin, end) for begin, end in bare if begin < end and since < end]
        kept = _would_be_kept(seen, moments, fresh.rpo, keep, now=now)
        for begin, end in seen:
            kind = GapKind.PAST if begin in kept else GapKind.THINNED
            yield Gap(since=max(begin, since), until=end, kind=kind)
    if fresh.late:
        begin = max(since, _late_since(fresh, moments) or since)
        yield Gap(since=min(begin, now), until=now, kind=GapKind.OPEN)


def _late_since(fresh: Freshness, moments: Sequence[datetime]) -> datetime | None:
    if not moments:
        return None
    if fresh.rpo is not None:
        return moments[-1] + fresh.rpo
    return fresh.expected_slot


def _would_be_kept(
    stretches: Sequence[Stretch],
    moments: Sequence[datetime],
    rpo: timedelta,
    keep: Keep | None,
    *,
    now: datetime,
) -> set[datetime]:
    """The stretches, by their beginning, of which retention would keep a point had there been one."""
    if keep is None:
        return {begin for begin, _ in stretches}
    real = [Candidate(id=f"real {n}", taken_at=moment) for n, moment in enumerate(moments)]
    due = {
        f"due {number} {n}": (stretch[0], moment)
        for number, stretch in enumerate(stretches)
        for n, moment in enumerate(_due(stretch, rpo))
    }
    made_up = [Candidate(id=id, taken_at=moment) for id, (_, moment) in due.items()]
    verdicts = decide([*real, *made_up], keep, now=now)
    return {due[each.id][0] for each in verdicts if each.keep and each.id in due}


def _due(stretch: Stretch, rpo: timedelta) -> Iterator[datetime]:
    """The moments at which points were due in a stretch."""
    begin, end = stretch
    step = max(rpo, (end - begin) / _MOST_DUE)
    while begin < end:
        yield begin
        begin += step
