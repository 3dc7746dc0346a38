"""What is kept of one source in one location, and why: the document is docs/retention.md."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from diskguard.policy.scalars import format_duration
from diskguard.policy.sections import Keep


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One complete point of one source in one location; `protected` says what else keeps it."""

    id: str
    taken_at: datetime
    protected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a point stays: all reasons to keep it, or what each rule says against it."""

    id: str
    keep: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A kind of bucket. `number` grows with time and is the same exactly within one bucket (UTC)."""

    name: str
    noun: str
    number: Callable[[datetime], int]
    label: Callable[[datetime], str]


def _iso_week(moment: datetime) -> str:
    year, week, _ = moment.isocalendar()
    return f"{year}-W{week:02}"


PERIODS: Final = (
    Period(
        name="hourly",
        noun="hour",
        number=lambda moment: moment.toordinal() * 24 + moment.hour,
        label=lambda moment: f"{moment.date()}T{moment.hour:02}",
    ),
    Period(
        name="daily", noun="day", number=datetime.toordinal, label=lambda moment: f"{moment.date()}"
    ),
    # The calendar's first day, 0001-01-01, is a Monday, as is the first day of every ISO week.
    Period(
        name="weekly",
        noun="week",
        number=lambda moment: (moment.toordinal() - 1) // 7,
        label=_iso_week,
    ),
    Period(
        name="monthly",
        noun="month",
        number=lambda moment: moment.year * 12 + moment.month,
        label=lambda moment: f"{moment.year}-{moment.month:02}",
    ),
    Period(
        name="yearly",
        noun="year",
        number=lambda moment: moment.year,
        label=lambda moment: f"{moment.year}",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ruling:
    """One rule over all points, by their place newest first: whom it keeps, why not the others."""

    kept: dict[int, str]
    reach: int  # the first place that lies beyond everything the rule could keep
    crowded: str  # why a point before `reach` is not kept
    beyond: str  # why a point from `reach` on is not kept


def has_rules(keep: Keep) -> bool:
    """Tell whether the section keeps by any rule; `min_keep` alone is none."""
    return keep.keep_last > 0 or keep.within is not None or any(_periodic(keep))


def decide(candidates: Sequence[Candidate], keep: Keep, *, now: datetime) -> tuple[Verdict, ...]:
    """Give a verdict on every point, newest first; a point goes only if nothing keeps it.

    `now` matters to the `within` rules alone. Without any rule every point stays.
    """
    newest_first = sorted(candidates, key=lambda each: (each.taken_at, each.id), reverse=True)
    if not has_rules(keep):
        unruled = ("no keep rule: nothing is pruned",)
        return tuple(Verdict(id=each.id, keep=True, reasons=unruled) for each in newest_first)
    moments = [each.taken_at.astimezone(UTC) for each in newest_first]
    rulings = tuple(_rulings(keep, moments, now))
    return tuple(_verdict(each, place, rulings) for place, each in enumerate(newest_first))


def _verdict(candidate: Candidate, place: int, rulings: Sequence[_Ruling]) -> Verdict:
    kept = [ruling.kept[place] for ruling in rulings if place in ruling.kept]
    if kept or candidate.protected:
        return Verdict(id=candidate.id, keep=True, reasons=(*candidate.protected, *kept))
    against = [ruling.crowded if place < ruling.reach else ruling.beyond for ruling in rulings]
    return Verdict(id=candidate.id, keep=False, reasons=tuple(against))


def _rulings(keep: Keep, moments: list[datetime], now: datetime) -> Iterator[_Ruling]:
    yield _newest("min_keep", keep.min_keep, moments)
    if keep.keep_last:
        yield _newest("keep_last", keep.keep_last, moments)
    if keep.within is not None:
        yield _younger("within", keep.within, moments, now)
    for period, places, within in _periodic(keep):
        if places:
            yield _one_each(period, places, moments)
        if within is not None:
            yield _one_each_within(period, within, moments, now)


def _periodic(keep: Keep) -> Iterator[tuple[Period, int, timedelta | None]]:
    for period in PERIODS:
        places: int = getattr(keep, period.name)
        within: timedelta | None = getattr(keep, f"within_{period.name}")
        if places or within is not None:
            yield period, places, within


def _newest(name: str, places: int, moments: list[datetime]) -> _Ruling:
    count = min(places, len(moments))
    beyond = f"{name}: {places} newer"
    kept = {place: f"{name} {place + 1} of {places}" for place in range(count)}
    return _Ruling(kept=kept, reach=count, crowded=beyond, beyond=beyond)


def _younger(name: str, within: timedelta, moments: list[datetime], now: datetime) -> _Ruling:
    reach = _count_since(moments, now - within)
    rule = f"{name} {format_duration(within)}"
    beyond = f"{rule}: older"
    return _Ruling(kept=dict.fromkeys(range(reach), rule), reach=reach, crowded="", beyond=beyond)


def _count_since(moments: list[datetime], since: datetime) -> int:
    older = (place for place, moment in enumerate(moments) if moment < since)
    return next(older, len(moments))


def _one_each(period: Period, places: int, moments: list[datetime]) -> _Ruling:
    """Keep the newest point of each of the newest buckets that have one.

    While fewer buckets than places have a point, the oldest point of all gets the next place.
    """
    kept: dict[int, str] = {}
    reach, bucket = len(moments), None
    for place, moment in enumerate(moments):
        number = period.number(moment)
        if number == bucket:
            continue
        if len(kept) == places:
            reach = place
            break
        bucket = number
        kept[place] = f"{period.name} {len(kept) + 1} of {places} ({period.label(moment)})"
    oldest = len(moments) - 1
    if len(kept) < places and oldest >= 0 and oldest not in kept:
        kept[oldest] = f"{period.name} {len(kept) + 1} of {places} (oldest)"
    return _Ruling(
        kept=kept,
        reach=reach,
        crowded=_crowded(period.name, period),
        beyond=f"{period.name}: {places} newer {period.noun}s have a point",
    )


def _one_each_within(
    period: Period, within: timedelta, moments: list[datetime], now: datetime
) -> _Ruling:
    """Keep the newest point of each bucket if it is young enough, and the oldest point if that is."""
    reach = _count_since(moments, now - within)
    rule = f"within_{period.name} {format_duration(within)}"
    kept: dict[int, str] = {}
    bucket = None
    for place, moment in enumerate(moments[:reach]):
        number = period.number(moment)
        if number != bucket:
            kept[place] = f"{rule} ({period.label(moment)})"
        bucket = number
    oldest = len(moments) - 1
    if 0 <= oldest < reach:
        kept.setdefault(oldest, f"{rule} (oldest)")
    return _Ruling(kept=kept, reach=reach, crowded=_crowded(rule, period), beyond=f"{rule}: older")


def _crowded(rule: str, period: Period) -> str:
    return f"{rule}: its {period.noun} has a newer point"
