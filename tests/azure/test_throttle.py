"""The request budget: a law, and the manners around it."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from diskguard.azure.throttle import Bucket, Budget, Limit, parse_remaining

BUCKET = Bucket("disk/s/eastus", "Snapshots3Min")
OTHER = Bucket("vm/s/eastus", "UpdateVM3Min")
SMALL = Limit(capacity=12, refill=4 / 60)
CHARGES = {BUCKET: SMALL}
limits = st.builds(Limit, capacity=st.floats(2, 300), refill=st.floats(0.05, 30)).filter(
    lambda limit: limit.capacity > limit.refill + 1
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "window", "keep", "learn", "close"]),
        st.floats(0, 20),  # time until this step
        st.floats(0, 1),  # how long the request travels
        st.integers(0, 12),
    ),
    max_size=80,
)


def a_server_that_never_refuses(limit: Limit, arrivals: list[float]) -> bool:
    """Azure's own token bucket: full at first, filled evenly, one token a request."""
    tokens = limit.capacity
    arrivals = sorted(arrivals)
    for before, now in pairwise([arrivals[0], *arrivals] if arrivals else []):
        tokens = min(limit.capacity, tokens + (now - before) * limit.refill)
        if tokens < 1 - 1e-6:
            return False
        tokens -= 1
    return True


@given(limits, steps)
def test_the_budget_is_never_exceeded(limit, steps):
    budget, charges, now = Budget(), {BUCKET: limit}, 0.0
    arrivals: list[float] = []

    for step, pause, travel, number in steps:
        now += pause
        if (step == "take" and budget.take(charges, now) is None) or (
            step == "window" and budget.take_in_window(charges, now) is None
        ):
            arrivals.append(now + travel)
        elif step == "keep":
            budget.keep({BUCKET: number}, charges, now)
        elif step == "learn":
            budget.learn(charges, {BUCKET.name: number}, now)
        elif step == "close":
            budget.close(charges, number, now)

    assert a_server_that_never_refuses(limit, arrivals)


@given(limits, st.integers(1, 60))
def test_who_waits_as_told_gets_through(limit, requests):
    budget, charges, now = Budget(), {BUCKET: limit}, 0.0

    for _ in range(requests):
        wait = budget.take(charges, now)
        if wait is not None:
            now += wait.seconds + 1e-6
            assert budget.take(charges, now) is None

    assert now <= requests / limit.refill + 1


def test_a_second_of_the_refill_is_left_for_what_is_under_way():
    assert Limit(capacity=200, refill=10).usable == 190
    assert SMALL.usable == 11
    assert Limit(capacity=1, refill=1).usable == 1


def test_a_request_takes_all_its_tokens_or_none():
    budget = Budget()
    charges = {BUCKET: SMALL, OTHER: Limit(capacity=100, refill=1)}
    for _ in range(11):
        budget.take(charges, 0)

    wait = budget.take(charges, 0)

    assert wait is not None
    assert (wait.bucket, wait.closed) == (BUCKET, False)
    assert wait.seconds == pytest.approx(15)
    assert budget.take({OTHER: charges[OTHER]}, 0) is None


def test_what_is_kept_for_a_window_is_nobody_elses():
    budget = Budget()
    budget.keep({BUCKET: 10}, CHARGES, 0)

    taken = [budget.take(CHARGES, 0) for _ in range(3)]
    windows = [budget.take_in_window(CHARGES, 0) for _ in range(11)]

    assert [wait is None for wait in taken] == [True, False, False]
    assert [wait is None for wait in windows] == [True] * 10 + [False]


def test_a_window_may_also_take_what_is_free():
    budget = Budget()

    assert budget.take_in_window(CHARGES, 0) is None


def test_tokens_are_kept_only_when_they_are_there():
    budget = Budget()
    budget.keep({BUCKET: 10}, CHARGES, 0)

    wait = budget.keep({BUCKET: 5}, CHARGES, 0)

    assert wait is not None
    assert wait.seconds == pytest.approx(4 * 15)


def test_more_than_the_bucket_holds_is_never_kept():
    wait = Budget().keep({BUCKET: 12}, CHARGES, 0)

    assert wait is not None
    assert wait.seconds == float("inf")


def test_a_reservation_nobody_used_falls_back():
    budget = Budget()
    budget.keep({BUCKET: 11}, CHARGES, 0)

    before = budget.take(CHARGES, 299)
    after = [budget.take(CHARGES, 300) for _ in range(12)]

    assert before is not None
    assert [wait is None for wait in after] == [True] * 11 + [False]


def test_azures_own_count_is_believed_where_it_is_lower():
    budget = Budget()
    budget.take(CHARGES, 0)
    budget.learn(CHARGES, {BUCKET.name: 2, "Unknown3Min": 0}, 0)

    taken = [budget.take(CHARGES, 0) is None for _ in range(3)]

    assert taken == [True, True, False]


def test_azures_count_includes_what_we_keep():
    budget = Budget()
    budget.keep({BUCKET: 5}, CHARGES, 0)
    budget.learn(CHARGES, {BUCKET.name: 6}, 0)

    taken = [budget.take(CHARGES, 0) is None for _ in range(2)]

    assert taken == [True, False]


def test_a_higher_count_of_azures_changes_nothing():
    budget = Budget()
    for _ in range(11):
        budget.take(CHARGES, 0)
    budget.learn(CHARGES, {BUCKET.name: 5000}, 0)

    assert budget.take(CHARGES, 0) is not None


def test_a_closed_bucket_holds_everybody_up_for_as_long_as_azure_said():
    budget = Budget()

    news = budget.close(CHARGES, 1200, 0, subscription="s")
    wait = budget.take(CHARGES, 100, subscription="t")

    assert news
    assert wait is not None
    assert (wait.seconds, wait.closed) == (1100, True)
    assert budget.take(CHARGES, 1200, subscription="t") is None


def test_one_refusal_makes_the_rest_of_the_subscription_pause_a_little():
    budget, others = Budget(), {OTHER: Limit(capacity=100, refill=1)}
    budget.close(CHARGES, 1200, 0, subscription="s")

    wait = budget.take(others, 4, subscription="s")

    assert wait is not None
    assert (wait.seconds, wait.bucket, wait.closed) == (6, None, True)
    assert budget.take(others, 4, subscription="t") is None
    assert budget.take_in_window(others, 4) is None


def test_a_window_on_a_closed_bucket_is_told_so():
    budget = Budget()
    budget.keep({BUCKET: 3}, CHARGES, 0)
    budget.close(CHARGES, 30, 0)

    wait = budget.take_in_window(CHARGES, 10)

    assert wait is not None
    assert (wait.seconds, wait.closed) == (20, True)


def test_the_same_refusal_met_twice_is_news_once():
    budget = Budget()

    news = [budget.close(CHARGES, 30, at, subscription="s") for at in (0.0, 0.2, 20.0)]

    assert news == [True, False, True]


@pytest.mark.parametrize(
    ("values", "remaining"),
    [
        (
            ["Microsoft.Compute/A3Min;239,Microsoft.Compute/A30Min;1194"],
            {"A3Min": 239, "A30Min": 1194},
        ),
        (
            ["Microsoft.Compute/A3Min;239", "Microsoft.Compute/A30Min;1194"],
            {"A3Min": 239, "A30Min": 1194},
        ),
        ([" Microsoft.Compute/HighCostGet; 0 "], {"HighCostGet": 0}),
        (["", "nonsense", "a;b", ";4"], {}),
        ([], {}),
    ],
)
def test_both_forms_of_the_header_are_read(values, remaining):
    assert parse_remaining(values) == remaining
