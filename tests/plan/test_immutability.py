"""Which snapshots are made immutable, for how long, and that nothing is ever shortened."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.plan.builders import NOON, a_point, a_policy, an_estate
from tests.plan.prune_kit import DAY, DB, daily, point_at, together

from diskguard.model.restore_point import Location
from diskguard.plan.immutability import (
    MOST_IMMUTABLE,
    asks_for_immutability,
    days_to_ask,
    plan_immutability,
)

TEN_DAYS = a_policy("protection: {immutability: {primary: {mode: unlocked, days: 10}}}")
LOCKED = a_policy("protection: {immutability: {primary: {mode: locked, days: 10}}}")
COPIES = a_policy("protection: {immutability: {dr: {mode: unlocked, days: 10}}}")


def planned(policy, snapshots):
    return plan_immutability(policy, an_estate(DB, snapshots=snapshots), now=NOON)


def lasting(point, until, kind="Unlocked"):
    since = NOON - DAY
    return [
        replace(each, immutability=kind, immutable_since=since, immutable_until=until)
        for each in point
    ]


def test_every_member_of_a_sealed_point_is_made_immutable():
    point = point_at(1)

    steps = planned(TEN_DAYS, point).steps

    assert {step.snapshot for step in steps} == {each.id for each in point}
    assert {step.until for step in steps} == {NOON + 9 * DAY + timedelta(seconds=2)}
    assert not any(step.locked for step in steps)


def test_each_location_is_as_the_policy_says():
    [point] = daily(1, copied=True)

    assert {step.location for step in planned(TEN_DAYS, point).steps} == {Location.PRIMARY}
    assert {step.location for step in planned(COPIES, point).steps} == {Location.DR}


def test_what_is_not_whole_or_past_its_time_is_left():
    assert planned(TEN_DAYS, a_point(DB, slot=NOON - DAY, sealed=False)).steps == ()
    assert planned(TEN_DAYS, point_at(1)[:1]).steps == ()
    assert planned(TEN_DAYS, point_at(11)).steps == ()
    assert planned(a_policy(), point_at(1)).steps == ()


def test_what_is_immutable_long_enough_is_left():
    assert planned(TEN_DAYS, lasting(point_at(1), NOON + 9.5 * DAY)).steps == ()
    assert planned(TEN_DAYS, lasting(point_at(1), NOON + 60 * DAY, "Locked")).steps == ()


def test_what_is_immutable_for_too_short_is_extended():
    assert len(planned(TEN_DAYS, lasting(point_at(1), NOON + 8 * DAY)).steps) == 2


def test_what_should_be_locked_and_is_not_is_locked():
    steps = planned(LOCKED, lasting(point_at(1), NOON + 20 * DAY)).steps

    assert [step.locked for step in steps] == [True, True]


def test_so_much_that_backups_would_stop_is_refused():
    many = [lasting(point_at(1 + n / 100), NOON + 30 * DAY) for n in range(MOST_IMMUTABLE)]

    plan = planned(TEN_DAYS, [*together(many), *point_at(0.5)])

    assert plan.steps == ()
    assert {failure.code for failure in plan.failures} == {"too-much-immutable"}


@pytest.mark.parametrize(
    ("since", "until", "kind", "asked"),
    [
        (None, None, None, 9),
        (NOON - 3 * DAY, NOON + 2 * DAY, "Unlocked", 12),
        (NOON - 9 * DAY, NOON - DAY, "Unlocked", 9),
        (NOON - DAY, NOON + 9 * DAY, "Unlocked", None),
        (NOON - DAY, NOON + 80 * DAY, "Locked", None),
    ],
    ids=["none yet", "from its start", "a new one", "enough", "more than enough"],
)
def test_days_are_counted_as_azure_counts_them(since, until, kind, asked):
    [step, _] = planned(TEN_DAYS, point_at(1)).steps
    step = replace(step, until=NOON + 9 * DAY - timedelta(seconds=30))
    snapshot = replace(
        point_at(1)[0], immutability=kind, immutable_since=since, immutable_until=until
    )

    assert days_to_ask(snapshot, step, NOON) == asked


def test_locking_never_shortens():
    [step, _] = planned(LOCKED, point_at(1)).steps
    longer = lasting(point_at(1), NOON + 40 * DAY)[0]

    assert days_to_ask(longer, step, NOON) == 41


@pytest.mark.parametrize(
    ("policy", "asks"), [(TEN_DAYS, True), (COPIES, True), (a_policy(), False)]
)
def test_a_policy_says_whether_it_asks_for_any(policy, asks):
    assert asks_for_immutability(policy) is asks
