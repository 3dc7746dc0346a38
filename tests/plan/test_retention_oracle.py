"""Two independent readings of docs/retention.md agree: on random histories, and on any at all."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st
from tests.plan.retention_oracle import rules_that_keep

from diskguard.plan.retention import Candidate, decide
from diskguard.policy.sections import Keep

BATCHES, BATCH = 25, 100
COUNTS = ("keep_last", "hourly", "daily", "weekly", "monthly", "yearly")
DURATIONS = ("within", *(f"within_{period}" for period in COUNTS[1:]))
# Where calendars are odd: leap days, weeks 52, 53 and 1 at new year, DST in Vienna and New York.
ODD = [
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in (
        "2024-02-29T00:00",
        "2024-12-30T00:00",
        "2026-12-31T23:00",
        "2027-01-04T00:00",
        "2026-03-29T01:00",
        "2026-11-01T06:00",
        "2100-03-01T00:00",
    )
]
STEPS = [timedelta(minutes=7), *(timedelta(hours=h) for h in (1, 6, 24, 24 * 7, 24 * 31, 24 * 200))]


def both(history, keep, now):
    """Give the two readings in one shape: per point, the rules that keep it."""
    points = [Candidate(id=name, taken_at=taken) for name, taken in history.items()]
    verdicts = decide(points, keep, now=now)
    ours = {
        each.id: {r.split()[0] for r in each.reasons} if each.keep else set() for each in verdicts
    }
    return ours, rules_that_keep(history, keep, now)


def a_random_history(dice):
    """Points at some rhythm, with bursts, outages of weeks and clock steps either way."""
    rhythm, at, history = dice.choice(STEPS), dice.choice(ODD), {}
    at -= rhythm * dice.randrange(30)
    for number in range(dice.randrange(45)):
        history[f"p{number:02}"] = at
        at += rhythm * dice.choice((1, 1, 1, 1, 0, 2))
        if dice.random() < 0.05:
            at += timedelta(days=dice.randrange(-3, 40), minutes=dice.randrange(-90, 90))
    return history


def a_random_keep(dice):
    chosen = {"min_keep": dice.randrange(1, 4)}
    for name in dice.sample(COUNTS, dice.randrange(len(COUNTS) + 1)):
        chosen[name] = dice.choice((1, 2, 3, 7, 24))
    for name in dice.sample(DURATIONS, dice.choice((0, 0, 1, 2, 6))):
        chosen[name] = dice.choice(STEPS) * dice.randrange(1, 9)
    return Keep(**chosen)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_the_oracle_agrees_on_random_histories(batch):
    dice = random.Random(batch)  # noqa: S311 - histories, not secrets
    for _ in range(BATCH):
        history, keep = a_random_history(dice), a_random_keep(dice)
        newest = max(history.values(), default=ODD[0])
        now = newest + dice.choice(STEPS) * dice.randrange(-2, 20)

        ours, theirs = both(history, keep, now)

        assert ours == theirs, (keep, now)


INSTANTS = st.datetimes(
    ODD[0].replace(year=2023, day=1, tzinfo=None),
    ODD[0].replace(year=2028, day=1, tzinfo=None),
    timezones=st.just(UTC),
) | st.sampled_from(ODD)
KEEPS = st.builds(
    Keep,
    min_keep=st.integers(1, 5),
    **{name: st.integers(0, 9) for name in COUNTS},
    **{name: st.none() | st.sampled_from(STEPS) for name in DURATIONS},
)


@settings(max_examples=300, deadline=None)
@given(taken=st.lists(INSTANTS, max_size=25), keep=KEEPS, now=INSTANTS)
def test_the_oracle_agrees_on_any_history(taken, keep, now):
    history = {f"p{number:02}": at for number, at in enumerate(taken)}

    ours, theirs = both(history, keep, now)

    assert ours == theirs


@settings(max_examples=200, deadline=None)
@given(
    taken=st.lists(INSTANTS, min_size=1, max_size=25),
    later=st.lists(INSTANTS, max_size=10),
    keep=KEEPS,
)
def test_what_goes_today_would_go_tomorrow_too(taken, later, keep):
    """Pruning often and pruning once keep the same, for counts: nothing is regretted."""
    counts = Keep(**{name: getattr(keep, name) for name in ("min_keep", *COUNTS)})
    first = [Candidate(id=f"a{n:02}", taken_at=at) for n, at in enumerate(taken)]
    more = [Candidate(id=f"b{n:02}", taken_at=at) for n, at in enumerate(later)]
    stay = {each.id for each in decide(first, counts, now=ODD[0]) if each.keep}

    often = decide([each for each in first if each.id in stay] + more, counts, now=ODD[0])
    once = decide([*first, *more], counts, now=ODD[0])

    assert {each.id for each in often if each.keep} >= {each.id for each in once if each.keep}


@settings(max_examples=200, deadline=None)
@given(taken=st.lists(INSTANTS, max_size=25), keep=KEEPS, now=INSTANTS, extra=KEEPS)
def test_more_rules_never_keep_less(taken, keep, now, extra):
    points = [Candidate(id=f"p{n:02}", taken_at=at) for n, at in enumerate(taken)]
    wider = keep.model_copy(
        update={name: max(getattr(keep, name), getattr(extra, name)) for name in COUNTS}
    )

    fewer, more = (decide(points, each, now=now) for each in (keep, wider))

    if any(getattr(keep, name) for name in (*COUNTS, *DURATIONS)):
        assert {v.id for v in fewer if v.keep} <= {v.id for v in more if v.keep}
    else:
        assert all(each.keep for each in fewer)


@settings(max_examples=200, deadline=None)
@given(taken=st.lists(INSTANTS, max_size=25), keep=KEEPS, now=INSTANTS)
def test_the_newest_points_always_stay(taken, keep, now):
    points = [Candidate(id=f"p{n:02}", taken_at=at) for n, at in enumerate(taken)]

    verdicts = decide(points, keep, now=now)

    assert all(each.keep for each in verdicts[: keep.min_keep])
    assert all(each.reasons for each in verdicts)
