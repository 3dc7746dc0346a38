"""How long a freeze may take, from the policy and from what earlier points taught."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from diskguard.model.restore_point import Learned, RestorePoint
from diskguard.plan.backup_plan import FreezeBudget
from diskguard.policy.sections import Consistency

FIRST_LEAD = timedelta(seconds=30)
LONGEST_LEAD = timedelta(seconds=120)
_LONGEST_MARGIN = timedelta(seconds=1)
_KEPT_FREE = timedelta(seconds=1)  # freezing and hold end by the limit less this (freeze.md)
_LESSONS = 3


def learned_from(points: Iterable[RestorePoint]) -> Learned:
    """Give the most cautious of what the last three sealed points of one source teach."""
    newest_first = sorted(points, key=lambda point: (point.slot, point.id), reverse=True)
    lessons = [point.seal.learned for point in newest_first if point.seal is not None][:_LESSONS]
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
    fits = learned.hold is not None and timedelta() < learned.hold < limit - _KEPT_FREE
    lead = learned.lead if learned.lead is not None else FIRST_LEAD
    return FreezeBudget(
        lead=min(max(lead, timedelta(seconds=1)), LONGEST_LEAD),
        limit=limit,
        hold=learned.hold if fits else None,
        margin=min(_LONGEST_MARGIN, limit / 5),
        mounts=None if wish.mounts == "auto" else tuple(wish.mounts),
        allow_without_systemd=wish.allow_without_systemd,
    )


def second_budget(first: FreezeBudget) -> FreezeBudget:
    """Give the one further attempt's budget: twice the lead, and the whole hold."""
    return replace(first, lead=min(2 * first.lead, LONGEST_LEAD), hold=None)


def _longest(durations: Iterable[timedelta | None]) -> timedelta | None:
    return max((each for each in durations if each is not None), default=None)
