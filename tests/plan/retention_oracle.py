"""Keep or drop, a second time: docs/retention.md read aloud, point by point, slow and obvious.

Written from the document and not from the code; it shares nothing with it but the policy's keys.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from diskguard.policy.sections import Keep

History = Mapping[str, datetime]  # id of a complete point -> when it was taken

CALENDAR: Mapping[str, Callable[[datetime], tuple[int, ...]]] = {
    "hourly": lambda utc: (utc.year, utc.month, utc.day, utc.hour),
    "daily": lambda utc: (utc.year, utc.month, utc.day),
    "weekly": lambda utc: (utc.isocalendar().year, utc.isocalendar().week),
    "monthly": lambda utc: (utc.year, utc.month),
    "yearly": lambda utc: (utc.year,),
}


def rules_that_keep(history: History, keep: Keep, now: datetime) -> dict[str, set[str]]:
    """Give for each point the names of the rules that keep it; with none of them it goes."""
    ordered = sorted(history, key=lambda name: (history[name], name))
    pages = {
        rule: [page(history[name].astimezone(UTC)) for name in ordered]
        for rule, page in CALENDAR.items()
    }
    ages = [now - history[name] for name in ordered]
    if not asks_anything(keep):
        return {name: {"no"} for name in ordered}
    return {
        name: set(
            rules_for(place, keep, pages=pages, ages=ages),
        )
        for place, name in enumerate(ordered)
    }


def asks_anything(keep: Keep) -> bool:
    asked = keep.model_dump(exclude={"min_keep"})
    return any(value not in (0, None) for value in asked.values())


def rules_for(
    place: int,
    keep: Keep,
    *,
    pages: Mapping[str, Sequence[tuple[int, ...]]],
    ages: Sequence[timedelta],
) -> list[str]:
    """Ask each rule about the one point at that place, oldest first."""
    newer = len(ages) - 1 - place
    said = []
    if newer < keep.min_keep:
        said.append("min_keep")
    if newer < keep.keep_last:
        said.append("keep_last")
    if keep.within is not None and ages[place] <= keep.within:
        said.append("within")
    for rule, page in pages.items():
        newest_of_its_page = page[place] not in page[place + 1 :]
        pages_after_its_own = set(page[place:]) - {page[place]}
        number = getattr(keep, rule)
        has_a_place = newest_of_its_page and len(pages_after_its_own) < number
        stands_in = place == 0 and len(set(page)) < number
        if has_a_place or stands_in:
            said.append(rule)
        longest = getattr(keep, f"within_{rule}")
        if longest is not None and ages[place] <= longest and (newest_of_its_page or place == 0):
            said.append(f"within_{rule}")
    return said
