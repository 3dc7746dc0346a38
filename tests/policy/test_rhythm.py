"""Slots laid out by the thousand are the slots that come one by one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from diskguard.plan.schedule import slots_between
from diskguard.policy.rhythm import START, changes, misfits, rhythm_of
from diskguard.policy.scalars import parse_duration
from diskguard.policy.sections import When

BEGIN = datetime(START.year, START.month, START.day, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
ZONES = [
    *("UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"),
    *("Asia/Kolkata", "America/Santiago", "Pacific/Apia", "Africa/Casablanca", "Asia/Beirut"),
]
MINUTES = ["0", "30", "*/15", "*", "5,35", "50-59/3"]
HOURS = ["*", "2", "0", "*/6", "1,3", "8-18", "23"]
DAYS = ["*", "1", "L", "13", "*/2"]
MONTHS = ["*", "3", "10-11"]
WEEKDAYS = ["*", "0", "1-5", "7", "1#1", "5L"]
CRONS = st.builds(
    lambda *fields: " ".join(fields),
    *map(st.sampled_from, (MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS)),
)
EVERY = [
    parse_duration(text)
    for text in ("150s", "10m", "1h", "90m", "6h", "7h", "24h", "36h", "1w", "45d", "400d")
]
WHENS = st.one_of(
    st.builds(lambda cron, zone: When(cron=cron, timezone=zone), CRONS, st.sampled_from(ZONES)),
    st.builds(
        lambda every, at, zone: When(every=every, at=at, timezone=zone),
        st.sampled_from(EVERY),
        st.sampled_from([None, "00:00", "01:30", "02:00", "23:59"]),
        st.sampled_from(ZONES),
    ),
)


def one_by_one(whens, first, last):
    begin, end = BEGIN + first * DAY - SECOND, BEGIN + last * DAY - SECOND
    slots = {slot for when in whens for slot in slots_between(when, begin, end)}
    return [(slot - BEGIN) // SECOND for slot in sorted(slots)]


def within(slots, first, last):
    return [slot for slot in slots if first * 86_400 <= slot < last * 86_400]


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(WHENS, min_size=1, max_size=3), st.integers(0, 730))
def test_a_rhythm_has_the_slots_that_a_run_would_serve(whens, first):
    rhythm = rhythm_of(whens)
    first %= rhythm.days
    last = min(rhythm.days, first + 20)

    assert within(rhythm.slots, first, last) == one_by_one(whens, first, last)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cron", ["30 2 * * *", "*/30 0-3 * * *", "0 * * * *"])
def test_so_it_has_around_every_change_of_the_clock(zone, cron):
    when = When(cron=cron, timezone=zone)
    rhythm = rhythm_of([when])
    days = [day for day in range(1, rhythm.days - 1) if changes(zone, day)]

    for day in days:
        around = (day - 1, day + 2)
        assert within(rhythm.slots, *around) == one_by_one([when], *around)


def test_a_schedule_of_seconds_is_cut_off_and_still_seen_as_too_close():
    rhythm = rhythm_of([When(every=SECOND), When(every=2 * SECOND)])

    assert rhythm.most_in_five_minutes == 300
    assert len(rhythm.slots) <= 50_000


def test_the_longest_gap_is_the_longest_time_that_passes():
    nightly = rhythm_of([When(every=DAY, at="01:30", timezone="Europe/Vienna")])
    workdays = rhythm_of([When(cron="0 8-18 * * 1-5")])

    assert nightly.longest_gap == timedelta(hours=25)
    assert workdays.longest_gap == timedelta(days=2, hours=14)


def test_where_there_is_one_slot_in_two_years_the_gap_is_two_years():
    assert rhythm_of([When(cron="0 0 29 2 *")]).longest_gap == timedelta(days=731)


def test_the_first_slot_of_each_day_is_what_is_copied_daily():
    rhythm = rhythm_of([When(cron="15 * * * *")]).first_of_each_day

    assert rhythm.most("slot", "day") == 1
    assert rhythm.longest_gap == DAY


@pytest.mark.parametrize(
    ("fine", "coarse", "most"),
    [("slot", "hour", 4), ("slot", "day", 8), ("hour", "day", 2), ("day", "week", 5),
     ("day", "month", 23), ("day", "year", 262), ("hour", "week", 10), ("month", "year", 12)],
)  # fmt: skip
def test_periods_are_counted_as_a_calendar_does(fine, coarse, most):
    rhythm = rhythm_of([When(cron="*/15 8,20 * * 1-5")])

    # Too many slots for two years, so long periods are reckoned from the busiest day.
    assert rhythm.days < 731
    assert rhythm.most(fine, coarse) >= most
    sparse = rhythm_of([When(cron="0 8 * * 1-5")])
    assert sparse.days == 731
    assert sparse.most("day", "week") == 5
    assert sparse.most("day", "month") == 23


def test_a_period_without_slots_does_not_count():
    monthly = rhythm_of([When(cron="0 3 1 * *")])

    assert monthly.spacing_of("day") == monthly.spacing == timedelta(days=731) / 24
    assert monthly.spacing_of("year") == timedelta(days=731) / 2
    assert rhythm_of([When(cron="15 * * * *")]).spacing_of("week") == timedelta(weeks=1)


def test_a_time_that_clocks_skip_or_double_is_a_misfit():
    found = list(misfits(When(cron="30 2 * * *", timezone="Europe/Vienna")))

    assert [(f"{each.wall}", each.doubled) for each in found] == [
        ("2027-03-28 02:30:00", False),
        ("2027-10-31 02:30:00", True),
        ("2028-03-26 02:30:00", False),
        ("2028-10-29 02:30:00", True),
    ]


@pytest.mark.parametrize(
    "when",
    [
        When(cron="30 2 * * *"),
        When(cron="30 4 * * *", timezone="Europe/Vienna"),
        When(cron="*/15 * * * *", timezone="Europe/Vienna"),
        When(every=timedelta(minutes=30), timezone="Europe/Vienna"),
        When(cron="30 2 * * *", timezone="Asia/Kolkata"),
    ],
)
def test_every_other_time_is_none(when):
    assert list(misfits(when)) == []
