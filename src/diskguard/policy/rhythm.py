"""How the slots of some schedules lie in time, counted over up to two years.

A lint looks at thousands of slots of each rule, so they are laid out by the day here, not asked for
one by one as a run does it (plan/schedule.py, which says the rules; a test compares the two).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from itertools import islice, pairwise
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim

from diskguard.policy.sections import When

Level = Literal["slot", "hour", "day", "week", "month", "year"]

# Two years, one of them with a leap day; from a 1st of January, in winter's time of the north.
START: Final = date(2027, 1, 1)
LONGEST: Final = 731  # days
_SHORTEST: Final = 15
_ENOUGH_SLOTS: Final = 1_500
_MOST_SLOTS: Final = 50_000  # a schedule of seconds is no schedule
_FIRST_MONDAY: Final = date(1970, 1, 5)
_DAY: Final = 86_400
_ONE_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_FIVE_MINUTES: Final = 300
_ORIGIN: Final = datetime.combine(START, time())
_SECONDS_OF: Final[dict[Level, float]] = {
    "hour": 3600,
    "day": _DAY,
    "week": 7 * _DAY,
    "month": 365.25 / 12 * _DAY,
    "year": 365.25 * _DAY,
}
_DAYS_IN: Final[dict[Level, int]] = {"week": 7, "month": 31, "year": 366}


class Rhythm:
    """Distinct slots, ascending, in seconds since START (UTC), over `days` days from there."""

    def __init__(self, slots: tuple[int, ...], days: int) -> None:
        self.slots = slots
        self.days = days
        self._most: dict[tuple[Level, Level], int] = {}
        self._first: dict[Level, tuple[int, ...]] = {}

    @property
    def spacing(self) -> timedelta:
        """The mean time between two slots."""
        return timedelta(days=self.days) / max(1, len(self.slots))

    @cached_property
    def longest_gap(self) -> timedelta:
        """The longest time between two slots; all of it where there are none."""
        gaps = (later - sooner for sooner, later in pairwise(self.slots))
        return timedelta(seconds=max(gaps, default=self.days * _DAY))

    @cached_property
    def most_in_five_minutes(self) -> int:
        """How many slots any five minutes hold at most."""
        held = (
            bisect_left(self.slots, slot + _FIVE_MINUTES) - place
            for place, slot in enumerate(self.slots)
        )
        return max(held, default=0)

    def most(self, fine: Level, coarse: Level) -> int:
        """Give how many fine periods with a slot one coarse period holds at most, or a few more."""
        if coarse in _DAYS_IN and self.days < LONGEST:
            return 12 if fine == "month" else self.most(fine, "day") * _DAYS_IN[coarse]
        if (fine, coarse) not in self._most:
            counts = Counter(period(each, coarse) for each in self._firsts(fine))
            self._most[fine, coarse] = max(counts.values(), default=0)
        return self._most[fine, coarse]

    def spacing_of(self, level: Level) -> timedelta:
        """Give the mean time between two periods that have a slot."""
        if level == "slot":
            return self.spacing
        count = max(1, len(self._firsts(level)))
        return timedelta(seconds=max(_SECONDS_OF[level], self.days * _DAY / count))

    def _firsts(self, level: Level) -> tuple[int, ...]:
        """Give the first slot of each period."""
        if level == "slot":
            return self.slots
        if level not in self._first:
            finer = self.slots if level in ("hour", "day") else self._firsts("day")
            firsts = {period(each, level): each for each in reversed(finer)}
            self._first[level] = tuple(reversed(firsts.values()))
        return self._first[level]

    @cached_property
    def first_of_each_day(self) -> "Rhythm":
        """The first slot of each day (UTC) only."""
        return Rhythm(self._firsts("day"), self.days)


def period(slot: int, level: Level) -> int:
    """Give the number of the slot's period; equal exactly within one period (UTC, ISO weeks)."""
    return _NUMBER[level](slot)


@lru_cache(maxsize=4 * LONGEST)
def _date(day: int) -> date:
    return START + day * _ONE_DAY


_NUMBER: Final[dict[Level, Callable[[int], int]]] = {
    "slot": lambda slot: slot,
    "hour": lambda slot: slot // 3600,
    "day": lambda slot: slot // _DAY,
    "week": lambda slot: (slot // _DAY + START.weekday()) // 7,
    "month": lambda slot: _date(slot // _DAY).year * 12 + _date(slot // _DAY).month,
    "year": lambda slot: _date(slot // _DAY).year,
}


class Beat(NamedTuple):
    """What of a schedule says when: all but its name."""

    cron: str | None
    every: timedelta | None
    at: str | None
    timezone: str


def beat_of(when: When) -> Beat:
    """Give what says when, so that equal schedules of different names are looked at once."""
    return Beat(when.cron, when.every, when.at, when.timezone)


def rhythm_of(schedules: Iterable[When]) -> Rhythm:
    """Give the slots of all the schedules together; of very many, fewer days than two years."""
    return _rhythm(frozenset(beat_of(each) for each in schedules))


@lru_cache(maxsize=256)
def _rhythm(beats: frozenset[Beat]) -> Rhythm:
    rows = [_Row(each) for each in beats]
    days = _days_of(rows)
    share = _MOST_SLOTS // max(1, len(rows)) if days == 1 else None
    slots = {slot for row in rows for slot in islice(row.all_slots(days), share)}
    return Rhythm(tuple(sorted(slots)), days)


def _days_of(rows: Iterable["_Row"]) -> int:
    total = 0
    for day in range(LONGEST):
        total += sum(len(row.walls(day)) for row in rows)
        if (total >= _ENOUGH_SLOTS and day >= _SHORTEST) or total >= _MOST_SLOTS:
            return day + 1
    return LONGEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A local time that is skipped or doubled by a change of the clock."""

    wall: datetime
    doubled: bool


def misfits(when: When) -> Iterator[Misfit]:
    """Give the times of a schedule that clocks of its zone skip or double, in two years.

    One that comes every hour loses nothing by a skipped hour, and gains nothing by a doubled one.
    """
    if when.timezone == "UTC":
        return
    row = _Row(beat_of(when))
    if row.every_hour:
        return
    for day in range(LONGEST):
        if changes(row.zone, day):
            yield from row.misfits(day)


class _Row:
    """One schedule, laid out by the local day (days count from START)."""

    def __init__(self, beat: Beat) -> None:
        self.zone = beat.timezone
        self.every = beat.every
        self.at = time.fromisoformat(beat.at or "00:00")
        self.cron = None if beat.cron is None else CronSim(beat.cron, _ORIGIN.replace(tzinfo=UTC))
        self.times = () if self.cron is None else _times(self.cron)
        self.by_time, self.every_hour = self._manner(beat)

    def _manner(self, beat: Beat) -> tuple[bool, bool]:
        """Tell whether it goes by the time that passes, and whether it misses no hour."""
        if self.every is not None:
            return self.every <= _HOUR, self.every <= _HOUR
        minutes, hours = (beat.cron or "").split()[:2]
        by_time = minutes.startswith("*") or hours.startswith("*")
        return by_time, by_time and self.cron is not None and len(self.cron.hours) == 24

    def walls(self, day: int) -> Sequence[int]:
        """Give the seconds since that day's midnight, on the wall, at which it is due."""
        if self.cron is not None:
            there = _date(day)
            fits = there.month in self.cron.months and self.cron.match_day(there)
            return self.times if fits else ()
        return self._beats(day)

    def _beats(self, day: int) -> range:
        step = 1 if self.every is None else self.every // timedelta(seconds=1)
        sooner = (START - _FIRST_MONDAY).days * _DAY + day * _DAY
        first = (self.at.hour * 60 + self.at.minute) * 60
        return range((first - sooner) % step, _DAY, step)

    def all_slots(self, days: int) -> Iterator[int]:
        """Give the instants in that many days from START on, in seconds; not quite in order."""
        for day in range(-1, days + 1):  # a local day begins and ends in another one of UTC
            yield from (slot for slot in self._slots(day) if 0 <= slot < days * _DAY)

    def _slots(self, day: int) -> Iterator[int]:
        midnight = day * _DAY
        if self.zone == "UTC":
            yield from (midnight + wall for wall in self.walls(day))
        elif changes(self.zone, day):
            for wall in self.walls(day):
                yield from self._instants(midnight + wall)
        else:
            shift = midnight - offset(self.zone, midnight, 0)
            yield from (shift + wall for wall in self.walls(day))

    def misfits(self, day: int) -> Iterator[Misfit]:
        """Give those of its times on that day that clocks skip or double."""
        for wall in self.walls(day):
            there = day * _DAY + wall
            before, after = offset(self.zone, there, 0), offset(self.zone, there, 1)
            if before != after:
                wall_time = _ORIGIN + timedelta(seconds=there)
                yield Misfit(wall=wall_time, doubled=before > after)

    def _instants(self, there: int) -> tuple[int, ...]:
        """Give the instants for which a local time stands, on a day of change."""
        before, after = offset(self.zone, there, 0), offset(self.zone, there, 1)
        if before < after and self.by_time:
            return ()
        while before < after:  # skipped: it stands for the instant of the change
            there += 60
            before, after = offset(self.zone, there, 0), offset(self.zone, there, 1)
        return (there - before, there - after) if self.by_time else (there - before,)


@lru_cache(maxsize=32 * LONGEST)
def changes(zone: str, day: int) -> bool:
    """Tell whether the zone's clocks are changed on that local day."""
    ends = (day * _DAY, (day + 1) * _DAY)
    return len({offset(zone, there, fold) for there in ends for fold in (0, 1)}) > 1


@lru_cache(maxsize=32 * LONGEST)
def offset(zone: str, there: int, fold: Literal[0, 1]) -> int:
    """Give the seconds a zone's clocks are before UTC where they show `there` seconds after START."""
    wall = (_ORIGIN + timedelta(seconds=there)).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int((wall.utcoffset() or timedelta()).total_seconds())


def _times(cron: CronSim) -> tuple[int, ...]:
    return tuple(
        (hour * 60 + minute) * 60 for hour in sorted(cron.hours) for minute in sorted(cron.minutes)
    )
