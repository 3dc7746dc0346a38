"""The request budget: a law, and the manners around it."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from diskguard.azure.throttle import Bucket, Budget, Limit, Window, parse_remaining

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


def a_window(requests: int, *, ahead: float = 0.0, after: int = 0, name: str = "w") -> Window:
    return Window(name=name, requests=requests, ahead=ahead, after=after)


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
            step == "window" and budget.take_in_window(charges, now, "w") is None
        ):
            arrivals.append(now + travel)
        elif step == "keep":
            budget.keep(a_window(number, ahead=pause), charges, now)
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
    budget.keep(a_window(10), CHARGES, 0)

    taken = [budget.take(CHARGES, 0) for _ in range(3)]
    windows = [budget.take_in_window(CHARGES, 0, "w") for _ in range(11)]

    assert [wait is None for wait in taken] == [True, False, False]
    assert [wait is None for wait in windows] == [True] * 10 + [False]


def test_a_window_may_also_take_what_is_free():
    budget = Budget()

    assert budget.take_in_window(CHARGES, 0) is None


def test_tokens_are_kept_only_when_they_are_there():
    budget = Budget()
    budget.keep(a_window(6), CHARGES, 0)

    wait = budget.keep(a_window(6, name="v"), CHARGES, 0)

    assert wait is not None
    assert wait.seconds == pytest.approx(2 * 15)  # one token more: for the request that arms


def test_more_than_the_bucket_holds_is_never_kept():
    wait = Budget().keep(a_window(11), CHARGES, 0)

    assert wait is not None
    assert wait.seconds == float("inf")


def test_a_reservation_nobody_used_falls_back():
    budget = Budget()
    budget.keep(a_window(10), CHARGES, 0)
    budget.take(CHARGES, 299)

    before = budget.take(CHARGES, 299)
    after = [budget.take(CHARGES, 300) for _ in range(12)]

    assert before is not None
    assert [wait is None for wait in after] == [True] * 10 + [False] * 2


def test_what_is_given_back_is_everybodys():
    budget = Budget()
    budget.keep(a_window(10), CHARGES, 0)
    budget.give_back("w")

    taken = [budget.take(CHARGES, 0) for _ in range(11)]

    assert taken == [None] * 11


def test_a_window_counts_on_what_flows_in_until_it_departs():
    budget = Budget()
    for _ in range(10):
        budget.take(CHARGES, 0)

    at_once = budget.keep(a_window(4), CHARGES, 0)
    later = budget.keep(a_window(4, ahead=60), CHARGES, 0)

    assert at_once is not None
    assert at_once.seconds == pytest.approx(4 * 15)
    assert later is None


def test_what_flows_in_for_a_window_is_nobody_elses():
    budget = Budget()
    for _ in range(10):
        budget.take(CHARGES, 0)
    budget.keep(a_window(4, ahead=60), CHARGES, 0)

    taken = [budget.take(CHARGES, 15.0 * number) is None for number in range(5)]
    windows = [budget.take_in_window(CHARGES, 100, "w") is None for _ in range(4)]

    assert taken == [True, False, False, False, False]
    assert windows == [True] * 4


def test_who_waits_and_who_has_begun_goes_before_a_new_window():
    budget = Budget()

    behind_others = budget.keep(a_window(4), CHARGES, 0, waiting={BUCKET: 8})
    budget.keep(a_window(4, after=4), CHARGES, 0)
    behind_its_like = budget.keep(a_window(4, name="v"), CHARGES, 0)

    assert behind_others is not None
    assert behind_others.seconds == pytest.approx(2 * 15)
    assert behind_its_like is not None
    assert behind_its_like.seconds == pytest.approx(2 * 15)


plays = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "take", "keep"]),
        st.floats(0, 20),
        st.integers(1, 6),
        st.floats(0, 60),
        st.floats(0, 30),  # how much later than it said the window departs
        st.sampled_from(["departs", "settles", "is given back"]),
    ),
    max_size=60,
)


@given(limits.filter(lambda limit: limit.usable > 8), plays)
def test_a_window_that_departs_when_it_said_or_somewhat_later_finds_its_tokens(limit, plays):
    budget, charges, now = Budget(), {BUCKET: limit}, 0.0
    promised: list[tuple[float, str, int]] = []

    for number, (step, pause, requests, ahead, late, fate) in enumerate(plays):
        now += pause
        for departs, name, amount in sorted(promised):
            if departs <= now:
                taken = [budget.take_in_window(charges, departs, name) for _ in range(amount)]
                assert taken == [None] * amount
                promised.remove((departs, name, amount))
        window = a_window(requests, ahead=ahead, after=2, name=str(number))
        if step == "take":
            budget.take(charges, now)
        elif budget.keep(window, charges, now) is None and fate != "is given back":
            departs = now + ahead + late
            promised.append((departs, window.name, requests))
            if fate == "settles":
                budget.settle(window.name, departs, departs)
        else:
            budget.give_back(window.name)


def test_azures_own_count_is_believed_where_it_is_lower():
    budget = Budget()
    budget.take(CHARGES, 0)
    budget.learn(CHARGES, {BUCKET.name: 2, "Unknown3Min": 0}, 0)

    taken = [budget.take(CHARGES, 0) is None for _ in range(3)]

    assert taken == [True, True, False]


def test_azures_count_includes_what_we_keep():
    budget = Budget()
    budget.keep(a_window(5), CHARGES, 0)
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
    budget.keep(a_window(3), CHARGES, 0)
    budget.close(CHARGES, 30, 0)

    wait = budget.take_in_window(CHARGES, 10, "w")

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
