"""How long a freeze may take, from the policy and from what earlier points taught."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from diskguard.model.restore_point import Learned, RestorePoint
from diskguard.plan.backup_plan import FreezeBudget
from diskguard.policy.sections import Consistency

FIRST_LEAD = timedelta(seconds=30)
LONGEST_LEAD = timedelta(seconds=120)
SHORTEST_LEAD = timedelta(seconds=1)
LONGEST_COMPLETION = timedelta(
    seconds=60
)  # afterwards a snapshot is asked about, whatever a tag says
_LONGEST_MARGIN = timedelta(seconds=1)
_KEPT_FREE = timedelta(seconds=1)  # freezing and hold end by the limit less this (freeze.md)
_LESSONS = 3


def teachers_of(points: Iterable[RestorePoint]) -> tuple[RestorePoint, ...]:
    """Give the sealed points of one source that its next freeze learns from, newest first."""
    newest_first = sorted(points, key=lambda point: (point.slot, point.id), reverse=True)
    return tuple(point for point in newest_first if point.seal is not None)[:_LESSONS]


def learned_from(points: Iterable[RestorePoint]) -> Learned:
    """Give the most cautious of what the last three sealed points of one source teach."""
    lessons = [point.seal.learned for point in teachers_of(points) if point.seal is not None]
    return Learned(
        lead=_longest(lesson.lead for lesson in lessons),
        hold=_longest(lesson.hold for lesson in lessons),
        completion=_longest(lesson.completion for lesson in lessons),
    )


def choose_budget(wish: Consistency, learned: Learned) -> FreezeBudget:
    """Give the first attempt's budget.

    The margin leaves the guest time to freeze, and our clock room to be wrong. A hold that would
    not fit into the limit is None: the guest then holds as long as the limit allows.
    """
    limit = wish.freeze_limit
    fits = learned.hold is not None and _fits(learned.hold, limit)
    lead = learned.lead if learned.lead is not None else FIRST_LEAD
    return FreezeBudget(
        lead=min(max(lead, SHORTEST_LEAD), LONGEST_LEAD),
        limit=limit,
        hold=learned.hold if fits else None,
        margin=min(_LONGEST_MARGIN, limit / 5),
        mounts=None if wish.mounts == "auto" else tuple(wish.mounts),
        allow_without_systemd=wish.allow_without_systemd,
    )


def choose_completion(learned: Learned) -> timedelta | None:
    """Give about how long a snapshot will take; a lesson is a tag, and may say anything."""
    if learned.completion is None:
        return None
    return min(max(learned.completion, timedelta()), LONGEST_COMPLETION)


def is_possible(budget: FreezeBudget) -> bool:
    """True for lead and hold that `choose_budget` or `second_budget` could have chosen."""
    in_time = SHORTEST_LEAD <= budget.lead <= LONGEST_LEAD
    return in_time and (budget.hold is None or _fits(budget.hold, budget.limit))


def second_budget(first: FreezeBudget) -> FreezeBudget:
    """Give the one further attempt's budget: twice the lead, and the whole hold."""
    return replace(first, lead=min(2 * first.lead, LONGEST_LEAD), hold=None)


def _fits(hold: timedelta, limit: timedelta) -> bool:
    return timedelta() < hold < limit - _KEPT_FREE


def _longest(durations: Iterable[timedelta | None]) -> timedelta | None:
    return max((each for each in durations if each is not None), default=None)
