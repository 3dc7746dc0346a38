"""What is kept and why: the document's own examples, and what every verdict promises."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from tests.policy.builders import a_policy

from diskguard.plan.retention import Candidate, decide, has_rules
from diskguard.plan.simulate import simulate
from diskguard.policy.effective import effective_settings
from diskguard.policy.sections import Keep

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PAGE = (Path(__file__).parents[2] / "docs/retention.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"^### (.*?)$|^```yaml\n(.*?)^```\n\n```text\nnow  (\S+)\n(.*?)^```",
    PAGE,
    re.MULTILINE | re.DOTALL,
)
NUMBERS = re.findall(r"^\| `(\{.*?\})` \| (\d+) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)


def worked_examples():
    title = ""
    for heading, keep, now, lines in EXAMPLES:
        title = heading or title
        if keep:
            yield pytest.param(keep, now, lines.splitlines(), id=f"{title}-{now}")


def an_instant(text):
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def a_keep(text):
    return Keep.model_validate(yaml.safe_load(text))


def candidates(*instants, **changes):
    return [Candidate(id=f"p{n}", taken_at=each, **changes) for n, each in enumerate(instants)]


def ages(*hours):
    return candidates(*(NOON - timedelta(hours=each) for each in hours))


def kept(verdicts):
    return {each.id for each in verdicts if each.keep}


@pytest.mark.parametrize(("keep", "now", "lines"), [*worked_examples()])
def test_the_document_is_right(keep, now, lines):
    instants = [line.split()[1] for line in lines]
    points = [Candidate(id=text, taken_at=an_instant(text)) for text in instants]

    verdicts = decide(points, a_keep(keep), now=an_instant(now))

    said = [f"{'keep' if v.keep else 'drop'} {v.id}  {'; '.join(v.reasons)}" for v in verdicts]
    assert said == lines


def test_the_document_has_examples_and_numbers():
    assert len([*worked_examples()]) == 7
    assert len(NUMBERS) == 10


@pytest.mark.parametrize(("keep", "made", "left", "peak"), NUMBERS)
def test_an_hourly_policy_over_one_year_keeps_exactly_the_documented_numbers(
    keep, made, left, peak
):
    hourly = 'schedules: [{name: hourly, cron: "15 * * * *"}]\n'
    policy = a_policy(f"{hourly}retention: {{primary: {keep}}}\n")

    year = simulate(
        effective_settings(policy, policy.rules[0]),
        start=datetime(2026, 1, 1, tzinfo=UTC),
        end=datetime(2027, 1, 1, tzinfo=UTC),
    )

    (there,) = year.locations
    assert there.peak is not None
    assert (there.made, len(there.points), there.peak.peak) == (int(made), int(left), int(peak))


def test_verdicts_come_newest_first_whatever_the_order_of_the_points():
    points = ages(5, 1, 3)

    verdicts = decide(points, Keep(keep_last=1), now=NOON)

    assert [each.id for each in verdicts] == ["p1", "p2", "p0"]
    assert verdicts == decide(points[::-1], Keep(keep_last=1), now=NOON)


def test_of_two_points_at_one_instant_the_last_id_is_the_newer():
    verdicts = decide(ages(1, 1), Keep(keep_last=1), now=NOON)

    assert kept(verdicts) == {"p1"}


@pytest.mark.parametrize("keep", [Keep(), Keep(min_keep=2)])
def test_without_a_rule_nothing_goes(keep):
    verdicts = decide(ages(*range(0, 9000, 100)), keep, now=NOON)

    assert not has_rules(keep)
    assert all(each.keep for each in verdicts)
    assert {each.reasons for each in verdicts} == {("no keep rule: nothing is pruned",)}


@pytest.mark.parametrize("name", [name for name in Keep.model_fields if name != "min_keep"])
def test_every_other_key_is_a_rule(name):
    value = timedelta(days=1) if name.startswith("within") else 1

    assert has_rules(Keep.model_validate({name: value}))


def test_a_protected_point_stays_and_says_why_first():
    points = [*ages(1, 2), Candidate(id="old", taken_at=NOON - timedelta(9), protected=("held",))]

    verdicts = decide(points, Keep(keep_last=2, min_keep=1), now=NOON)

    assert verdicts[-1].keep
    assert verdicts[-1].reasons == ("held",)


def test_a_protected_point_that_a_rule_keeps_says_both():
    points = candidates(NOON, protected=("held",))

    (verdict,) = decide(points, Keep(daily=1), now=NOON)

    assert verdict.reasons == ("held", "min_keep 1 of 1", "daily 1 of 1 (2026-11-22)")


def test_a_point_exactly_as_old_as_the_duration_stays():
    keep = Keep(within=timedelta(hours=2))

    verdicts = decide(ages(0, 2, 3), keep, now=NOON)

    assert kept(verdicts) == {"p0", "p1"}


def test_a_point_from_the_future_is_young():
    keep = Keep(within=timedelta(hours=1), within_daily=timedelta(days=1))

    verdicts = decide(ages(-30, -29), keep, now=NOON)

    assert all(each.keep for each in verdicts)


def test_counts_never_look_at_the_clock():
    points, keep = ages(1, 2, 30, 800), Keep(hourly=2, daily=2, yearly=1)

    early, late = (decide(points, keep, now=NOON + timedelta(days=d)) for d in (0, 9000))

    assert early == late


def test_no_points_no_verdicts():
    keep = Keep(daily=1, within=timedelta(1), within_daily=timedelta(1))

    assert decide([], keep, now=NOON) == ()


def test_the_longest_duration_a_policy_can_ask_for_reaches_every_point():
    verdicts = decide(ages(1, 200_000), Keep(within=timedelta(days=36_500)), now=NOON)

    assert all(each.keep for each in verdicts)
