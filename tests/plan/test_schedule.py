"""Slots are instants: what a schedule means on every day, those included that change the clocks."""

from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSimError
from hypothesis import example, given, strategies as st

from diskguard.plan.schedule import last_slot, next_slot, slots_between
from diskguard.policy.sections import When

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
# Vienna: clocks go forward on 29 March 2026 at 02:00, and back on 25 October at 03:00.
SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
CHANGES = [
    ("UTC", SPRING),
    ("Europe/Vienna", SPRING),
    ("Europe/Vienna", AUTUMN),
    ("America/New_York", datetime(2026, 3, 7, 18, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 10, 31, 18, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 0, tzinfo=UTC)),  # by half an hour
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 0, tzinfo=UTC)),
    ("Antarctica/Troll", SPRING),  # by two hours
    ("Antarctica/Troll", AUTUMN),
    ("Pacific/Apia", datetime(2011, 12, 29, 12, tzinfo=UTC)),  # a whole day is skipped
    ("Pacific/Kwajalein", datetime(1969, 9, 29, 18, tzinfo=UTC)),  # 23 hours are doubled
    ("Asia/Kolkata", NOON),
]


def a_schedule(*, zone="UTC", **keys):
    return When.model_validate({"timezone": zone, **keys})


def local_slots(when, after, for_days=2):
    """The slots of so many days, as clocks of the schedule's zone and in UTC show them."""
    zone = ZoneInfo(when.timezone)
    return [
        f"{slot.astimezone(zone):%d %H:%M} {slot:%H:%M}Z"
        for slot in slots_between(when, after, after + for_days * DAY)
    ]


def first_slots(count, **keys):
    found = islice(slots_between(a_schedule(**keys), NOON, NOON + 99 * DAY), count)
    return [f"{slot:%a %m-%d %H:%M}" for slot in found]


# -- what the keys mean ---------------------------------------------------------------------------


def test_cron_is_utc_unless_a_zone_is_named():
    assert first_slots(2, cron="30 1 * * *") == ["Mon 11-23 01:30", "Tue 11-24 01:30"]
    assert first_slots(1, cron="30 1 * * *", zone="Europe/Vienna") == ["Mon 11-23 00:30"]


def test_every_day_is_at_that_time():
    assert first_slots(2, every="24h", at="01:30") == ["Mon 11-23 01:30", "Tue 11-24 01:30"]
    assert first_slots(2, every="1d") == ["Mon 11-23 00:00", "Tue 11-24 00:00"]


def test_every_six_hours_counts_from_the_time_of_day():
    assert first_slots(4, every="6h", at="01:30") == [
        "Sun 11-22 13:30",
        "Sun 11-22 19:30",
        "Mon 11-23 01:30",
        "Mon 11-23 07:30",
    ]


def test_every_week_is_on_mondays():
    assert first_slots(2, every="1w", at="03:00") == ["Mon 11-23 03:00", "Mon 11-30 03:00"]


def test_day_of_month_or_day_of_week_as_in_debians_cron():
    assert first_slots(3, cron="0 4 1 * 6") == [
        "Sat 11-28 04:00",
        "Tue 12-01 04:00",
        "Sat 12-05 04:00",
    ]


# -- days that change the clocks ------------------------------------------------------------------


def test_a_time_that_is_skipped_has_its_slot_at_the_change():
    for keys in ({"cron": "30 2 * * *"}, {"every": "24h", "at": "02:30"}):
        daily = a_schedule(zone="Europe/Vienna", **keys)

        assert local_slots(daily, SPRING) == ["29 03:00 01:00Z", "30 02:30 00:30Z"]


def test_a_time_that_is_doubled_has_one_slot_at_its_first_pass():
    for keys in ({"cron": "30 2 * * *"}, {"every": "24h", "at": "02:30"}):
        daily = a_schedule(zone="Europe/Vienna", **keys)

        assert local_slots(daily, AUTUMN) == ["25 02:30 00:30Z", "26 02:30 01:30Z"]


@pytest.mark.parametrize("keys", [{"cron": "30 * * * *"}, {"every": "1h", "at": "00:30"}])
@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_hourly_slots_are_an_hour_apart_on_every_day(keys, day):
    hourly = a_schedule(zone="Europe/Vienna", **keys)

    slots = [*slots_between(hourly, day, day + 2 * DAY)]

    assert len(slots) == 48
    assert {other - one for one, other in pairwise(slots)} == {HOUR}


def test_two_skipped_times_and_the_one_after_them_are_one_slot():
    when = a_schedule(cron="0,30 2,3 * * *", zone="Europe/Vienna")

    assert local_slots(when, SPRING, for_days=1) == ["29 03:00 01:00Z", "29 03:30 01:30Z"]


def test_every_six_hours_stays_at_its_times_of_day_across_a_change():
    when = a_schedule(every="6h", at="01:30", zone="Europe/Vienna")

    shown = [each.split()[1] for each in local_slots(when, AUTUMN)]

    assert shown[:4] == ["19:30", "01:30", "07:30", "13:30"]
    assert shown[4:] == shown[:3]


# -- laws -----------------------------------------------------------------------------------------

ZONES = st.sampled_from(sorted({zone for zone, _ in CHANGES}))
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis puts the zone on them
FIELDS = {
    "minute": st.sampled_from(["0", "30", "5,59", "*/20", "*", "10-12"]),
    "hour": st.sampled_from(["0", "2", "1,3", "*/2", "*", "0-4", "23"]),
    "weekday": st.sampled_from(["*", "1-5", "0"]),
}
CRONS = st.builds("{} {} * * {}".format, *FIELDS.values())
DURATIONS = st.sampled_from(["20m", "45m", "1h", "90m", "2h", "5h", "6h", "24h", "36h", "2d", "1w"])
TIMES = st.sampled_from(["00:00", "01:30", "02:00", "02:45", "23:59"])
KEYS = CRONS.map(lambda cron: {"cron": cron}) | st.builds(
    lambda every, at: {"every": every, "at": at}, DURATIONS, TIMES
)
WHENS = st.builds(lambda keys, zone: a_schedule(zone=zone, **keys), KEYS, ZONES)


def shows(field, number, top):
    """Whether a field of cron names the number; written apart from the code that is tested."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, high = (
            (0, top) if span == "*" else (int(each) for each in (span + "-" + span).split("-")[:2])
        )
        if "-" in span:
            low, high = (int(each) for each in span.split("-"))
        if low <= number <= high and (number - low) % int(step or 1) == 0:
            return True
    return False


def names(when, wall):
    """Whether the schedule names that time of a clock on the wall."""
    if when.every is not None:
        monday = datetime.combine(datetime(1970, 1, 5), time.fromisoformat(when.at))  # noqa: DTZ001 - a wall clock's
        return (wall - monday) % when.every == timedelta()
    minute, hour, _, _, weekday = when.cron.split()
    return (
        shows(minute, wall.minute, 59)
        and shows(hour, wall.hour, 23)
        and shows(weekday, wall.isoweekday() % 7, 6)
    )


def minute_by_minute(when, after, until):
    """The slots, found by watching a clock of the zone through every minute."""
    zone = ZoneInfo(when.timezone)
    if when.every is None:
        by_time = "*" in (when.cron[0], when.cron.split()[1][0])
    else:
        by_time = when.every <= HOUR
    now, found = after, []
    while (now := now + MINUTE) <= until:
        local = now.astimezone(zone)
        wall = local.replace(tzinfo=None, fold=0)
        missing = (now - MINUTE).astimezone(zone).replace(tzinfo=None, fold=0) + MINUTE
        due = names(when, wall) and (by_time or not local.fold)
        while not by_time and missing < wall:
            due = due or names(when, missing)
            missing += MINUTE
        found += [now] if due else []
    return found


@given(keys=KEYS, change=st.sampled_from(CHANGES), shift=st.integers(-600, 600))
def test_slots_are_what_somebody_sees_who_watches_the_clock(keys, change, shift):
    zone, day = change
    when, after = a_schedule(zone=zone, **keys), day + shift * MINUTE

    assert [*slots_between(when, after, after + 2 * DAY)] == minute_by_minute(
        when, after, after + 2 * DAY
    )


@given(when=WHENS, now=INSTANTS)
@example(when=a_schedule(every="1h", zone="Pacific/Kwajalein"), now=CHANGES[10][1])
def test_the_last_slot_is_past_the_next_is_to_come_and_none_is_between(when, now):
    last, following = last_slot(when, now), next_slot(when, now)

    assert last is not None
    assert last <= now < following
    assert [*slots_between(when, last, following)] == [following]


@given(when=WHENS, now=INSTANTS, cut=st.integers(0, 7 * 24 * 60))
def test_where_one_looks_from_changes_nothing(when, now, cut):
    until, between = now + 7 * DAY, now + cut * MINUTE

    whole = [*slots_between(when, now, until)]

    parts = [*slots_between(when, now, between), *slots_between(when, between, until)]
    assert parts == whole
    assert whole == sorted(set(whole))
    assert all(now < slot <= until and slot.tzinfo is UTC for slot in whole)


@given(when=WHENS, now=INSTANTS)
def test_a_slot_is_a_slot_at_its_own_instant(when, now):
    slot = next_slot(when, now)

    assert last_slot(when, slot) == slot
    assert last_slot(when, slot - timedelta(microseconds=1)) != slot


PIECES = st.sampled_from(["*", "*/2", "*/30", "1", "2", "5", "30", "31", "1-5", "L", "1#5", "5L"])


@given(now=INSTANTS, fields=st.tuples(*[PIECES] * 5))
@example(now=NOON, fields=("0", "0", "*/30", "2", "1#5"))
def test_every_cron_a_policy_accepts_has_a_slot(now, fields):
    try:
        when = a_schedule(cron=" ".join(fields))
    except ValueError:
        never = When.model_construct(cron=" ".join(fields), timezone="UTC", every=None)
        with suppress(CronSimError, TypeError, ValueError):
            assert last_slot(never, now) is None
        return

    assert next_slot(when, now) > now
    assert last_slot(when, now) is not None


def test_a_leap_day_is_found_from_afar():
    leap = a_schedule(cron="0 0 29 2 *")

    assert next_slot(leap, NOON) == datetime(2028, 2, 29, tzinfo=UTC)
    assert last_slot(leap, datetime(2103, 6, 1, tzinfo=UTC)) == datetime(2096, 2, 29, tzinfo=UTC)


def test_the_longest_duration_has_its_slots_too():
    rare = a_schedule(every="36500d")

    assert last_slot(rare, NOON) == datetime(1970, 1, 5, tzinfo=UTC)
    assert next_slot(rare, NOON) == datetime(2069, 12, 11, tzinfo=UTC)
