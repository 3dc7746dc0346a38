"""`diskguard simulate`: offline, from a policy to a calendar."""

import json
from pathlib import Path

import pytest

from diskguard.cli.render.simulate import SCHEMA

KEEPING = ("production", "demo")  # the examples with a schedule and retention
EXAMPLES = Path(__file__).parents[2] / "examples"
POLICY = """\
version: 1
name: erp
azure: {subscriptions: ["11111111-2222-3333-4444-555555555555"]}
locations:
  primary: {resource_group: rg-eus}
  dr: {resource_group: rg-wus}
schedules: [{name: hourly, cron: "15 * * * *"}]
retention:
  primary: {hourly: 24, daily: 7}
  dr: {daily: 14}
rules:
  - {name: gold, select: {include: [{tags: {backup: gold}}]}}
  - name: db
    select: {include: [{names: ["db*"]}]}
    retention: {dr: {daily: 2}}
"""
SPAN = ("--from", "2026-11-01", "--to", "2026-12-01")


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return path


def items(told):
    document = json.loads(told.out)
    assert document["schema"] == f"diskguard/{SCHEMA}/1"
    return document["items"]


def test_the_document_has_an_item_per_rule_and_location(cli, policy):
    told = cli("simulate", policy, *SPAN, "-o", "json")

    found = items(told)
    assert told.status == 0
    assert [(each["rule"], each["location"]) for each in found] == [
        ("gold", "primary"),
        ("gold", "dr"),
        ("db", "primary"),
        ("db", "dr"),
    ]
    last = found[-1]
    assert (last["made"], last["kept"], last["peak"]) == (720, 2, 26)
    assert last["peak_on"] == "2026-11-02"
    assert last["points"][0] == {
        "taken_at": "2026-11-30T23:15:00.000Z",
        "kept_by": ["min_keep 1 of 1", "daily 1 of 2 (2026-11-30)"],
    }
    assert len(last["days"]) == 30
    assert last["longest_gap_seconds"] == 3600


def test_the_documents_head_names_the_span_and_the_limit(cli, policy):
    told = cli("simulate", policy, *SPAN, "-o", "json")

    head = json.loads(told.out)
    assert (head["from"], head["to"]) == ("2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z")
    assert head["limit_per_disk"] == 500


def test_the_table_shows_peak_changes_and_points(cli, policy):
    told = cli("simulate", policy, *SPAN, "--vm", "db01")

    assert told.status == 0
    lines = told.out.splitlines()
    assert lines[0].split() == [
        "RULE",
        "LOCATION",
        "MADE",
        "KEPT",
        "PEAK",
        "PER",
        "DISK",
        "LIMIT",
        "ON",
        "LONGEST",
        "GAP",
    ]
    assert any(line.split()[:4] == ["db", "dr", "720", "2"] for line in lines)
    assert "daily 2 of 2 (2026-11-29)" in told.out
    assert "rule gold takes db01 only if its tags, group or id fit too" in told.err


def test_tsv_has_a_line_for_every_day(cli, policy):
    told = cli("simulate", policy, *SPAN, "-o", "tsv")

    rows = [line.split("\t") for line in told.out.splitlines()]
    assert len(rows) == 4 * 30
    assert rows[-1] == ["db", "dr", "2026-11-30", "24", "26", "2"]


def test_an_unpruned_location_is_warned_about(cli, tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.replace("  dr: {daily: 14}\n", ""), encoding="utf-8")

    told = cli("simulate", path, "--from", "2026-11-01", "--to", "100d", "--vm", "web")

    assert "gold, dr: from 2026-11-21 on Azure would take no further snapshot" in told.out
    assert "gold, dr: not followed beyond 2026-12-12" in told.out


def test_a_rule_without_a_schedule_is_remarked_on(cli, write_policy):
    told = cli("simulate", write_policy())

    assert told.status == 0
    assert "all, primary: no schedule, so no point is ever due" in told.out


def test_without_a_span_it_is_the_year_from_today(cli, policy):
    found = items(cli("simulate", policy, "-o", "json"))

    assert {len(each["days"]) for each in found} == {365}


def test_a_vm_that_no_rule_could_take_is_an_error(cli, tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.replace("{tags: {backup: gold}}", '{names: ["x"]}'), encoding="utf-8")

    told = cli("simulate", path, "--vm", "web")

    assert told.status == 5
    assert "error[nothing-matched]: no rule could take a VM named web" in told.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "yesterday"), "not a time: yesterday"),
        (("--to", "soon"), "not a time: soon"),
        (("--from", "2026-11-02", "--to", "2026-11-01"), "--to 2026-11-01 is not after --from"),
        (("--to", "36500d"), "more than 25 years are not simulated"),
        (("--from", "9999-01-01", "--to", "9000d"), "beyond the calendar"),
        (("--from", "0001-01-01", "--to", "10d"), "only the years 1970 to 8999"),
        (("--from", "8999-12-31", "--to", "9000-02-01"), "only the years 1970 to 8999"),
    ],
)
def test_a_bad_span_is_a_usage_error(cli, policy, arguments, said):
    told = cli("simulate", policy, *arguments)

    assert told.status == 2
    assert said in told.err


def test_an_invalid_policy_is_refused(cli, tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.replace("daily: 14", "daily: x"), encoding="utf-8")

    told = cli("simulate", path)

    assert told.status == 4


@pytest.mark.parametrize("name", ["smallest", "production", "two-regions", "demo"])
def test_the_examples_stay_below_azures_limit(cli, name):
    told = cli("simulate", EXAMPLES / f"{name}.yaml", "--to", "730d", "-o", "json")

    assert told.status == 0
    found = items(told)
    assert [each["over_limit_on"] for each in found] == [None] * len(found)
    assert all(each["made"] > each["kept"] > 0 for each in found) or name not in KEEPING
