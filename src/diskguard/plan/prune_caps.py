"""How much one run may delete: a wrong policy must not cost everything before somebody looks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from diskguard.model.ids import ResourceId

SHARE_OF_SOURCE = 4  # one in so many of a VM's points: 25 %
SHARE_OF_POLICY = 10  # 10 % of the policy's
FEWEST_OF_SOURCE = 2
FEWEST_OF_POLICY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubtless:
    """A point in one location that nothing keeps and nothing locks."""

    key: str
    source: ResourceId
    taken_at: datetime


def choose_within_caps(
    doubtless: Sequence[Doubtless], complete: Counter[ResourceId], *, at_most: int | None
) -> dict[str, str]:
    """Give those that must wait, by key, with the reason; the oldest are deleted first.

    `complete` counts each source's complete points, one for each location. `at_most` stands in the
    place of both shares.
    """
    whole = at_most if at_most is not None else _share(complete.total(), of_policy=True)
    chosen: Counter[ResourceId] = Counter()
    waiting: dict[str, str] = {}
    for each in sorted(doubtless, key=lambda one: (one.taken_at, one.key)):
        own = _share(complete[each.source], of_policy=False)
        if chosen.total() >= whole:
            waiting[each.key] = _why(whole, "the policy's points", at_most)
        elif at_most is None and chosen[each.source] >= own:
            waiting[each.key] = _why(own, f"the points of {each.source.name}", at_most)
        else:
            chosen[each.source] += 1
    return waiting


def _share(points: int, *, of_policy: bool) -> int:
    if of_policy:
        return max(FEWEST_OF_POLICY, points // SHARE_OF_POLICY)
    return max(FEWEST_OF_SOURCE, points // SHARE_OF_SOURCE)


def _why(most: int, what: str, at_most: int | None) -> str:
    said = "--max-delete" if at_most is not None else "without --max-delete"
    return f"this run deletes at most {most} of {what} ({said}): a later run's turn"
