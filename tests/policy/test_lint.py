"""Lints: all of them found, nothing secret repeated, nothing that takes long."""

import re

import pytest
from tests.policy.builders import EVERYTHING, policy_text
from tests.policy.corpus import BAD, expected_of

from diskguard.policy.lint import render_lints
from diskguard.policy.lint_scene import MOST_SCHEDULES
from diskguard.policy.lint_table import LINTS
from diskguard.policy.load import examine_policy

NIGHTLY = 'schedules: [{name: nightly, every: 24h, at: "01:30"}]\n'
HOURLY = 'schedules: [{name: hourly, cron: "15 * * * *"}]\n'


def problems(sections="", *, rules=EVERYTHING, dr=False):
    text = policy_text(sections, rules=rules, dr=dr)
    found = examine_policy(text, file="p").problems
    return [each for each in found if each.code != "not-yet-supported"]


def codes(sections="", *, rules=EVERYTHING, dr=False):
    return [each.code for each in problems(sections, rules=rules, dr=dr)]


def rules_of(*rules):
    return "rules:\n" + "".join(f"  - {rule}\n" for rule in rules)


@pytest.mark.parametrize("lint", LINTS, ids=lambda lint: lint.code)
def test_every_lint_has_bad_files_in_the_corpus(lint):
    found = [path.stem for path in BAD if any(lint.code in each for each in expected_of(path))]

    assert found


def test_every_lint_has_an_id_a_sentence_and_a_remedy_of_its_own():
    for lint in LINTS:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", lint.code)
        assert lint.sentence.endswith(".")
        assert lint.remedy.endswith((".", "]."))
    assert len({lint.code for lint in LINTS}) == len(LINTS)
    assert len({lint.sentence for lint in LINTS}) == len(LINTS)


def test_the_page_explains_every_lint_and_what_it_assumes():
    page = render_lints()

    for lint in LINTS:
        assert f"## {lint.code}\n" in page
        assert lint.remedy in page
        assert lint.assumes is None or lint.assumes in page


def test_a_warning_carries_its_remedy_and_stops_nothing():
    (problem,) = problems(NIGHTLY + "retention: {primary: {daily: 7, yearly: 1}}\n")

    assert problem.severity == "warning"
    assert problem.hint == "Write 2 to keep the last point of the period before, too."


def test_a_secret_is_told_by_its_place_and_never_repeated():
    (problem,) = problems("tags: {password: Tr0ubadour}\n")

    assert (problem.line, problem.column) == (7, 8)
    assert "Tr0ubadour" not in f"{problem} {problem.hint}"


def test_a_file_full_of_secrets_gets_no_more_warnings_than_one_reads():
    found = problems("# password=Tr0ubadour\n" * 100)

    assert [each.code for each in found] == ["secret-in-policy"] * 20


def test_a_secret_is_seen_even_where_yaml_ends():
    text = "# password=Tr0ubadour\nname: [\n"

    found = [each.code for each in examine_policy(text, file="p").problems]

    assert found == ["secret-in-policy", "syntax"]


# -- retention ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "void"),
    [
        ("daily: 8, weekly: 2", True),
        ("daily: 7, weekly: 2", False),  # on a Sunday, last week's point is eight days old
        ("daily: 32, monthly: 2", True),
        ("daily: 31, monthly: 2", False),
        ("monthly: 13, yearly: 2", True),
        ("monthly: 12, yearly: 2", False),
        ("weekly: 60, monthly: 12", False),  # a month's last point need not be its week's
    ],
)
def test_a_rule_is_called_void_only_where_a_calendar_makes_it_so(rules, void):
    found = codes(NIGHTLY + f"retention: {{primary: {{{rules}}}}}\n")

    assert found == (["keep-without-effect"] if void else [])


def test_a_rule_inherited_by_many_is_void_only_if_it_is_so_for_all():
    weekly = "{name: w, select: {include: [{names: [w]}]}, schedules: [{name: w, every: 1w}]}"
    hourly = "{name: all, select: {include: [{names: [a]}]}}"
    retention = "retention: {primary: {daily: 10, weekly: 8}}\n"

    assert codes(HOURLY + retention, rules=rules_of(weekly, hourly)) == []
    assert codes(HOURLY + retention, rules=rules_of(weekly)) == ["keep-without-effect"]


def test_the_peak_counts_a_point_once_that_several_rules_keep():
    overlapping = "retention: {primary: {daily: 400, weekly: 50, monthly: 13}}\n"
    apart = "retention: {primary: {daily: 400, monthly: 65, yearly: 20}}\n"

    assert "too-many-snapshots" not in codes(NIGHTLY + overlapping)
    assert "too-many-snapshots" in codes(NIGHTLY + apart)


def test_without_a_keep_rule_it_is_said_how_long_there_is_room():
    (problem,) = problems(HOURLY)

    assert "after 19 days a disk has 450 snapshots" in problem.message
    assert codes("schedules: [{name: w, every: 1w}]\n") == []


def test_a_min_keep_alone_prunes_nothing():
    assert codes(HOURLY + "retention: {primary: {min_keep: 5}}\n") == ["too-many-snapshots"]


# -- rules ----------------------------------------------------------------------------------------


def test_who_comes_first_is_named():
    first = "{name: gold, select: {include: [{tags: {backup: gold}}]}}"
    second = "{name: more, select: {include: [{tags: {backup: gold, a: b}}]}}"

    (problem,) = problems(rules=rules_of(first, second))

    assert problem.message == "no VM is left for `more`: `gold` comes first"


def test_what_the_first_rule_excludes_is_left_for_the_second():
    first = '{name: a, select: {include: [{names: ["*"]}], exclude: [{tags: {tier: "2"}}]}}'
    second = '{name: b, select: {include: [{tags: {tier: "2"}}]}}'

    assert codes(rules=rules_of(first, second)) == []


# -- much -----------------------------------------------------------------------------------------

MANY = {
    "rules": rules_of(
        *(f'{{name: r{n}, select: {{include: [{{names: ["a*{n}*c"]}}]}}}}' for n in range(1500))
    ),
    "patterns": rules_of(
        *(f'{{name: r{n}, select: {{include: [{{names: ["{"*a" * 500}"]}}]}}}}' for n in range(9))
    ),
    "excludes": rules_of(
        "{name: a, select: {include: ["
        + ", ".join(f'{{names: ["*{n}"]}}' for n in range(900))
        + "], exclude: ["
        + ", ".join(f'{{names: ["{n}*"]}}' for n in range(900))
        + "]}}"
    ),
}


@pytest.mark.parametrize("kind", MANY)
def test_too_many_selectors_are_not_compared_and_that_is_said(kind):
    found = codes(rules=MANY[kind])

    assert found.count("too-much-to-check") == 1


def test_too_many_schedules_are_not_looked_at_and_that_is_said():
    few = "".join(f"  - {{name: s{n}, every: {n + 100}d}}\n" for n in range(MOST_SCHEDULES))
    more = few + "  - {name: more, every: 99d}\n"

    assert codes("schedules:\n" + few) == ["too-many-snapshots"]
    assert codes("schedules:\n" + more) == ["too-much-to-check"]
