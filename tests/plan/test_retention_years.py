"""Ten years of points in several time zones, pruned day by day: no promise of the document breaks."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from tests.policy.builders import a_policy
from tests.support.depth import sampled

from diskguard.plan.retention import Candidate, decide
from diskguard.plan.schedule import slots_between
from diskguard.plan.simulate import simulate
from diskguard.policy.effective import effective_settings
from diskguard.policy.sections import Keep, When

START, END = datetime(2024, 1, 1, tzinfo=UTC), datetime(2034, 1, 1, tzinfo=UTC)
DAY, MOMENT = timedelta(days=1), timedelta(microseconds=1)
MOST_KEPT = 2 + 12 + 7 + 6 + 14 + 4 + 3
KEEP = Keep(keep_last=2, hourly=12, daily=7, weekly=6, monthly=14, yearly=4, min_keep=3)
# Half an hour of DST, an odd offset, DST on either half of the globe, and none.
ZONES = ["Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
FORMS = {
    "daily": lambda at: f"{at:%Y-%m-%d}",
    "weekly": lambda at: f"{at:%G-W%V}",
    "monthly": lambda at: f"{at:%Y-%m}",
    "yearly": lambda at: f"{at:%Y}",
}


def instants(zone, *, seed):
    """Every six hours on the wall, with outages of weeks and a clock that jumps now and then."""
    dice = random.Random(seed)  # noqa: S311 - histories, not secrets
    silent_until, jump = START, timedelta()
    for slot in slots_between(When(cron="30 */6 * * *", timezone=zone), START, END):
        if dice.random() < 0.002:
            silent_until = slot + timedelta(days=dice.randrange(2, 60))
        if dice.random() < 0.002:
            jump = timedelta(minutes=dice.randrange(-4000, 4000))
        if slot >= silent_until:
            yield slot + jump


@dataclass
class Life:
    """The points of one VM in one location, after the prune of a day."""

    history: list[Candidate] = field(default_factory=list)
    alive: list[Candidate] = field(default_factory=list)
    came: list[Candidate] = field(default_factory=list)
    went: list[Candidate] = field(default_factory=list)

    def pass_day(self, came, keep, now):
        stay = {each.id for each in decide(self.alive + came, keep, now=now) if each.keep}
        self.came = came
        self.went = [each for each in self.alive + came if each.id not in stay]
        self.alive = [each for each in self.alive + came if each.id in stay]
        self.history += came


def days_of(zone, keep, *, seed):
    """Give the evening of each day, and what lies there after its prune."""
    points = [
        Candidate(id=f"p{number:05}", taken_at=taken)
        for number, taken in enumerate(instants(zone, seed=seed))
    ]
    life, made, evening = Life(), 0, START
    while evening < END:
        evening += DAY
        upto = next(
            (at for at in range(made, len(points)) if points[at].taken_at >= evening), len(points)
        )
        life.pass_day(points[made:upto], keep, evening)
        made = upto
        yield evening, life


def newest_of_each(history, form):
    """The newest point of each bucket, newest bucket first."""
    newest = {}
    for point in sorted(history, key=lambda each: (each.taken_at, each.id)):
        newest[form(point.taken_at)] = point
    return [newest[label] for label in sorted(newest, reverse=True)]


def order(point):
    return point.taken_at, point.id


@pytest.mark.parametrize(("seed", "zone"), sampled(enumerate(ZONES), every=2, tuples=True))
@pytest.mark.timeout(120)
def test_ten_years_break_no_promise_of_the_counts(seed, zone):
    life = Life()
    for number, (_, life) in enumerate(days_of(zone, KEEP, seed=seed)):
        alive = {each.id for each in life.alive}
        assert len(alive) <= MOST_KEPT
        assert life.came or not life.went  # while backups stand still nothing goes
        if number % 123:  # looking at all of history is slow
            continue
        recent = sorted(life.history, key=order)[-KEEP.min_keep :]
        assert {each.id for each in recent} <= alive
        for period, form in FORMS.items():
            places, filled = getattr(KEEP, period), newest_of_each(life.history, form)
            assert {each.id for each in filled[:places]} <= alive
            if life.history and len(filled) < places:
                assert min(life.history, key=order).id in alive

    once = {each.id for each in decide(life.history, KEEP, now=END) if each.keep}
    assert {each.id for each in life.alive} == once  # as if nobody had pruned all those days


@pytest.mark.parametrize(("seed", "zone"), sampled(enumerate(ZONES), every=2, tuples=True))
@pytest.mark.timeout(120)
def test_nothing_young_goes_in_ten_years_and_the_last_ones_stay(seed, zone):
    keep = Keep(within=timedelta(days=5), within_weekly=timedelta(days=60), min_keep=3)

    for evening, life in days_of(zone, keep, seed=seed):
        assert all(evening - each.taken_at > timedelta(days=5) for each in life.went)
        assert len(life.alive) >= min(3, len(life.history))


def test_the_ten_years_have_outages_clock_steps_leap_days_and_weeks_53():
    taken = list(instants("Europe/Vienna", seed=0))
    gaps = [later - earlier for earlier, later in pairwise(taken)]

    assert max(gaps) > timedelta(weeks=3)
    assert min(gaps) < timedelta()
    assert {f"{at:%m-%d}" for at in taken} >= {"02-29", "12-31"}
    assert {f"{at:%V}" for at in taken} >= {"01", "53"}


@pytest.mark.parametrize("zone", sampled(ZONES, every=4))
def test_ten_simulated_years_keep_what_pruning_all_points_once_would(zone):
    policy = a_policy(
        f"schedules: [{{name: hourly, cron: '*/30 1-2 * * *', timezone: {zone}}}]\n"
        "retention: {primary: {hourly: 30, daily: 9, weekly: 5, monthly: 7, yearly: 5}}\n"
    )
    settings = effective_settings(policy, policy.rules[0])
    slots = slots_between(settings.schedules[0], START - MOMENT, END - MOMENT)
    points = [Candidate(id=slot.isoformat(), taken_at=slot) for slot in slots]
    keep = settings.retention.primary
    assert keep is not None

    (there,) = simulate(settings, start=START, end=END).locations

    once = [each.id for each in decide(points, keep, now=END) if each.keep]
    assert [each.taken_at.isoformat() for each in there.points] == once
    assert there.made == len(points)
