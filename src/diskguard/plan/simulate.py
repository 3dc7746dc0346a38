"""Schedule and retention day by day, without Azure: what a rule would keep, and when it is most.

Every slot gives a complete point at its instant, copied at once; `prune` runs at the end of each
day (UTC). So a day's peak is what lay there before that day's prune.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from itertools import groupby, pairwise
from typing import Final

from diskguard.model.restore_point import Location
from diskguard.plan.backup_limits import MOST_SNAPSHOTS
from diskguard.plan.retention import Candidate, Verdict, decide, has_rules
from diskguard.plan.schedule import slots_between
from diskguard.policy.effective import Settings
from diskguard.policy.sections import Keep, Schedule

GIVES_UP_AT: Final = (
    2 * MOST_SNAPSHOTS
)  # points beyond this are not followed: Azure would refuse them
_INSTANT: Final = timedelta(microseconds=1)
_UNPRUNED: Final = "nothing is pruned here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day (UTC): points made, the most that lay there at once, and those kept at its end."""

    day: date
    made: int
    peak: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A point that is there at the end, and every keep rule it serves."""

    taken_at: datetime
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationSimulation:
    """What one location holds, for each VM of the rule: as many points, and snapshots per disk.

    `given_up` is the day after which nothing is reckoned, because Azure would long have refused.
    """

    location: Location
    days: tuple[Day, ...]
    points: tuple[Kept, ...]
    given_up: date | None

    @property
    def made(self) -> int:
        """All points that were made here."""
        return sum(day.made for day in self.days)

    @property
    def peak(self) -> Day | None:
        """The first day with the most points at once."""
        return max(self.days, key=lambda day: day.peak, default=None)

    @property
    def over_limit(self) -> date | None:
        """The first day on which Azure would refuse a snapshot."""
        return next((day.day for day in self.days if day.peak > MOST_SNAPSHOTS), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What becomes of each VM of one rule. `longest_gap` lies between two slots of any schedule."""

    rule: str
    schedules: tuple[str, ...]
    longest_gap: timedelta | None
    locations: tuple[LocationSimulation, ...]


def simulate_all(
    rules: Iterable[Settings], *, start: datetime, end: datetime
) -> tuple[Simulation, ...]:
    """Simulate each rule; those that share schedules, retention and copying are reckoned once."""
    reckoned: dict[object, Simulation] = {}
    found = []
    for settings in rules:
        shared = (settings.schedules, settings.retention, settings.copying)
        if shared not in reckoned:
            reckoned[shared] = simulate(settings, start=start, end=end)
        found.append(replace(reckoned[shared], rule=settings.rule.name))
    return tuple(found)


def simulate(settings: Settings, *, start: datetime, end: datetime) -> Simulation:
    """Give what the rule's schedules and retention make of the time from start until before end."""
    shelves = tuple(_shelves(settings))
    longest: timedelta | None = None
    before: datetime | None = None
    for day, until, slots in _days(settings.schedules, start, end):
        for shelf in shelves:
            shelf.pass_day(day, slots, until)
        if all(shelf.given_up for shelf in shelves):
            break
        seen = slots if before is None else [before, *slots]
        gaps = [later - earlier for earlier, later in pairwise(seen)]
        longest = max(gaps if longest is None else [longest, *gaps], default=longest)
        before = slots[-1] if slots else before
    return Simulation(
        rule=settings.rule.name,
        schedules=tuple(schedule.name for schedule in settings.schedules),
        longest_gap=longest,
        locations=tuple(shelf.result() for shelf in shelves),
    )


def _days(
    schedules: Sequence[Schedule], start: datetime, end: datetime
) -> Iterator[tuple[date, datetime, list[datetime]]]:
    """Give each day, the end of it, and its slots; one instant of two schedules is one point."""
    streams = (slots_between(each, start - _INSTANT, end - _INSTANT) for each in schedules)
    by_day = groupby(merge(*streams), key=datetime.date)
    next_day, next_slots = next(by_day, (None, iter(())))
    day = start.date()
    while (begins := datetime.combine(day, time(), UTC)) < end:
        slots: list[datetime] = []
        if day == next_day:
            slots = list(dict.fromkeys(next_slots))
            next_day, next_slots = next(by_day, (None, iter(())))
        yield day, min(begins + timedelta(days=1), end), slots
        day += timedelta(days=1)


def _shelves(settings: Settings) -> Iterator["_Shelf"]:
    yield _Shelf(Location.PRIMARY, settings.retention.primary)
    if settings.copying.to:
        first_only = settings.copying.which == "daily-first"
        yield _Shelf(Location.DR, settings.retention.dr, first_only=first_only)


@dataclass(slots=True)
class _Shelf:
    """The points of one VM in one location, while the days go by."""

    location: Location
    keep: Keep | None
    first_only: bool = False
    points: list[Candidate] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    days: list[Day] = field(default_factory=list)
    given_up: date | None = None

    def pass_day(self, day: date, slots: list[datetime], until: datetime) -> None:
        """Take the day's points, then prune."""
        if self.given_up is not None:
            return
        taken = slots[:1] if self.first_only else slots
        self.points += [Candidate(id=slot.isoformat(), taken_at=slot) for slot in taken]
        peak = len(self.points)
        if peak > GIVES_UP_AT:
            self.given_up = day
        self._prune(until)
        self.days.append(Day(day=day, made=len(taken), peak=peak, kept=len(self.points)))

    def result(self) -> LocationSimulation:
        """Give what came of it."""
        unpruned = Verdict(id="", keep=True, reasons=(_UNPRUNED,))
        return LocationSimulation(
            location=self.location,
            days=tuple(self.days),
            points=tuple(
                Kept(taken_at=each.taken_at, reasons=self.verdicts.get(each.id, unpruned).reasons)
                for each in reversed(self.points)
            ),
            given_up=self.given_up,
        )

    def _prune(self, now: datetime) -> None:
        if self.keep is None or not has_rules(self.keep):
            return
        verdicts = decide(self.points, self.keep, now=now)
        self.verdicts = {each.id: each for each in verdicts if each.keep}
        self.points = [each for each in self.points if each.id in self.verdicts]
