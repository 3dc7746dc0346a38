"""Schedule and retention, day by day."""

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.policy.builders import a_policy

from diskguard.model.restore_point import Location
from diskguard.plan.simulate import simulate, simulate_all
from diskguard.plan.simulate_choice import choose_rules
from diskguard.policy.effective import effective_settings

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOURLY = 'schedules: [{name: hourly, cron: "15 * * * *"}]\n'
DAILY = 'schedules: [{name: nightly, every: 24h, at: "01:30"}]\n'


def simulated(sections, *, days=10, start=START, dr=False, end=None):
    policy = a_policy(sections, dr=dr)
    settings = effective_settings(policy, policy.rules[0])
    return simulate(settings, start=start, end=end or start + days * DAY)


def primary(sections, **changes):
    return simulated(sections, **changes).locations[0]


def test_every_day_has_what_was_made_its_peak_and_what_was_kept():
    there = primary(HOURLY + "retention: {primary: {keep_last: 2}}\n", days=2)

    first, second = there.days
    assert (first.day, first.made, first.peak, first.kept) == (date(2026, 3, 1), 24, 24, 2)
    assert (second.day, second.made, second.peak, second.kept) == (date(2026, 3, 2), 24, 26, 2)
    assert there.peak is second
    assert there.made == 48


def test_the_points_at_the_end_say_which_rules_they_serve():
    there = primary(DAILY + "retention: {primary: {daily: 2, keep_last: 1}}\n", days=3)

    assert [(each.taken_at, each.reasons) for each in there.points] == [
        (
            datetime(2026, 3, 3, 1, 30, tzinfo=UTC),
            ("min_keep 1 of 1", "keep_last 1 of 1", "daily 1 of 2 (2026-03-03)"),
        ),
        (datetime(2026, 3, 2, 1, 30, tzinfo=UTC), ("daily 2 of 2 (2026-03-02)",)),
    ]


def test_two_schedules_are_summed_and_an_instant_of_both_is_one_point():
    both = (
        'schedules: [{name: a, cron: "30 1,2 * * *"}, {name: b, every: 24h, at: "01:30"}, '
        '{name: c, cron: "0 0 * * *"}]\n'
    )

    found = simulated(both, days=1)

    assert found.schedules == ("a", "b", "c")
    assert found.locations[0].made == 3
    assert found.longest_gap == timedelta(minutes=90)


def test_the_span_begins_with_its_first_instant_and_ends_before_its_last():
    midnight = 'schedules: [{name: a, cron: "0 0,12 * * *"}]\n'

    there = primary(midnight, start=START, end=START + DAY)
    half = primary(midnight, start=START + DAY / 4, end=START + DAY)

    assert [each.taken_at.hour for each in there.points] == [12, 0]
    assert [each.taken_at.hour for each in half.points] == [12]
    assert len(half.days) == 1


@pytest.mark.parametrize("sections", [DAILY, DAILY + "retention: {primary: {min_keep: 2}}\n"])
def test_without_rules_nothing_is_pruned(sections):
    there = primary(sections, days=40)

    assert there.days[-1].kept == 40
    assert there.over_limit is None


def test_beyond_azures_limit_the_day_is_named_and_the_rest_is_not_reckoned():
    there = primary(HOURLY, days=365)

    assert there.over_limit == date(2026, 3, 21)  # 20 days make 480 points
    assert there.given_up == date(2026, 4, 11)  # 41 days make 984
    assert there.days[-1].day == there.given_up


def test_a_location_that_is_given_up_leaves_the_other_in_peace():
    found = simulated(HOURLY + "retention: {dr: {daily: 3}}\n", days=60, dr=True)

    first, second = found.locations
    assert first.given_up is not None
    assert (second.location, second.given_up, len(second.days)) == (Location.DR, None, 60)


def test_copies_go_to_dr_only_where_there_is_one():
    assert len(simulated(DAILY).locations) == 1
    assert len(simulated(DAILY, dr=True).locations) == 2
    assert len(simulated(DAILY + "copy: {to: []}\n", dr=True).locations) == 1


def test_daily_first_copies_the_first_point_of_each_day():
    _, there = simulated(HOURLY + "copy: {which: daily-first}\n", dr=True, days=2).locations

    assert [each.taken_at.isoformat() for each in there.points] == [
        "2026-03-02T00:15:00+00:00",
        "2026-03-01T00:15:00+00:00",
    ]


def test_without_a_schedule_nothing_is_made():
    found = simulated("retention: {primary: {daily: 2}}\n", days=2)

    (there,) = found.locations
    assert (there.made, there.points, found.longest_gap) == (0, (), None)
    assert [day.kept for day in there.days] == [0, 0]


def test_while_no_point_is_due_durations_go_on_to_count():
    weekly = 'schedules: [{name: sunday, cron: "0 3 * * 0"}]\n'
    there = primary(weekly + "retention: {primary: {within: 3d}}\n", days=14, start=START)

    assert [day.kept for day in there.days] == [1] * 8 + [1] * 6  # min_keep holds the old one
    assert [each.taken_at.day for each in there.points] == [8]


def test_a_change_of_clocks_is_seen_as_a_gap():
    vienna = 'schedules: [{name: night, cron: "30 2 * * *", timezone: Europe/Vienna}]\n'

    found = simulated(vienna, start=datetime(2026, 10, 20, tzinfo=UTC), days=20)

    assert found.longest_gap == timedelta(hours=25)


def test_rules_that_share_everything_are_reckoned_once():
    rules = """rules:
  - {name: a, select: {include: [{names: ["a*"]}]}}
  - {name: b, select: {include: [{names: ["b*"]}]}, retention: {primary: {daily: 2}}}
  - {name: c, select: {include: [{names: ["c*"]}]}}
"""
    policy = a_policy(DAILY + "retention: {primary: {daily: 5}}\n", rules=rules)
    settings = [effective_settings(policy, rule) for rule in policy.rules]

    a, b, c = simulate_all(settings, start=START, end=START + 9 * DAY)

    assert [each.rule for each in (a, b, c)] == ["a", "b", "c"]
    assert [len(each.locations[0].points) for each in (a, b, c)] == [5, 2, 5]
    assert a.locations is c.locations
    assert b == simulate(settings[1], start=START, end=START + 9 * DAY)


RULES = """rules:
  - {name: gold, select: {include: [{tags: {backup: gold}}], exclude: [{names: ["*-scratch"]}]}}
  - {name: vip, select: {include: [{ids: ["COMPUTE/virtualMachines/fs1"]}]}}
  - {name: db, select: {include: [{names: ["db-*"]}], exclude: [{tags: {skip: "1"}}]}}
  - {name: sure, select: {include: [{names: ["db-*"]}]}}
  - {name: loose, select: {include: [{disks: ["archive-*"]}]}}
  - {name: never, select: {include: [{names: ["db-1"]}]}}
""".replace(
    "COMPUTE",
    "/subscriptions/11111111-2222-3333-4444-555555555555"
    "/resourceGroups/g/providers/Microsoft.Compute",
)


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("db-1", [("gold", False), ("db", False), ("sure", True)]),
        ("DB-1", [("gold", False), ("db", False), ("sure", True)]),
        ("db-scratch", [("db", False), ("sure", True)]),
        ("FS1", [("gold", False), ("vip", False)]),
        ("archive-7", [("gold", False), ("loose", True)]),
        ("web", [("gold", False)]),
        ("web-scratch", []),
    ],
)
def test_a_name_alone_tells_which_rules_could_take_a_vm(name, chosen):
    policy = a_policy(rules=RULES)

    found = [(each.rule.name, each.certain) for each in choose_rules(policy, name)]

    assert found == chosen
