"""A freeze's budget: first generous, then learned, always within the limit."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, strategies as st
from tests.plan.builders import NOON, PLACES, a_point, a_seal, a_vm

from diskguard.model.restore_point import Learned
from diskguard.plan.budget import (
    FIRST_LEAD,
    LONGEST_COMPLETION,
    LONGEST_LEAD,
    choose_budget,
    choose_completion,
    is_possible,
    learned_from,
    second_budget,
)
from diskguard.plan.naming_seal import seal_tags
from diskguard.plan.points import assemble_points
from diskguard.policy.sections import Consistency


def seconds(number):
    return timedelta(seconds=number)


def wish(limit=10, **changes):
    return Consistency(freeze_limit=seconds(limit), **changes)


durations = st.none() | st.timedeltas(-timedelta(days=1), timedelta(days=1))


def points_that_taught(*lessons):
    snapshots = []
    for day, lesson in enumerate(lessons):
        made = a_point(a_vm("db01"), slot=NOON + timedelta(days=day))
        snapshots += [
            *made[1:],
            replace(made[0], tags={**made[0].tags, **seal_tags(a_seal(learned=lesson))}),
        ]
    return assemble_points(snapshots, PLACES, now=NOON + timedelta(days=99)).points


def test_the_first_freeze_takes_thirty_seconds_of_lead_and_the_whole_hold():
    budget = choose_budget(wish(), Learned())

    assert (budget.lead, budget.hold, budget.limit) == (FIRST_LEAD, None, seconds(10))
    assert budget.mounts is None


def test_what_was_learned_is_used():
    budget = choose_budget(wish(), Learned(lead=seconds(12), hold=seconds(3)))

    assert (budget.lead, budget.hold) == (seconds(12), seconds(3))


def test_a_hold_the_limit_has_no_room_for_takes_all_of_it():
    assert choose_budget(wish(limit=3), Learned(hold=seconds(2.5))).hold is None


def test_the_second_attempt_has_twice_the_lead_and_the_whole_hold():
    first = choose_budget(wish(), Learned(lead=seconds(12), hold=seconds(3)))

    assert (second_budget(first).lead, second_budget(first).hold) == (seconds(24), None)


def test_named_mounts_are_kept():
    assert choose_budget(wish(mounts=("/", "/data")), Learned()).mounts == ("/", "/data")


def test_the_most_cautious_of_the_last_three_lessons_counts():
    points = points_that_taught(
        Learned(lead=seconds(50), hold=seconds(9)),
        Learned(lead=seconds(10), hold=seconds(3)),
        Learned(lead=seconds(11)),
        Learned(lead=seconds(9), hold=seconds(2), completion=seconds(1)),
    )

    assert learned_from(points) == Learned(lead=seconds(11), hold=seconds(3), completion=seconds(1))


def test_unsealed_points_teach_nothing():
    unsealed = assemble_points(a_point(a_vm("db01"), sealed=False), PLACES, now=NOON).points

    assert learned_from(unsealed) == Learned()


@given(st.integers(3, 60), durations, durations)
def test_no_lesson_makes_a_budget_that_breaks_the_limit(limit, lead, hold):
    budget = choose_budget(wish(limit=limit), Learned(lead=lead, hold=hold))

    assert timedelta() < budget.lead <= LONGEST_LEAD
    assert second_budget(budget).lead <= LONGEST_LEAD
    assert budget.hold is None or timedelta() < budget.hold < budget.limit - seconds(1)
    assert timedelta() < budget.margin <= budget.limit / 5
    assert is_possible(budget)
    assert is_possible(second_budget(budget))


@given(durations)
def test_no_lesson_makes_us_wait_long_before_we_look(completion):
    chosen = choose_completion(Learned(completion=completion))

    assert (chosen is None) == (completion is None)
    assert timedelta() <= (chosen or timedelta()) <= LONGEST_COMPLETION
