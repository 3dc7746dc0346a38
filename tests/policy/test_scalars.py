"""What single values mean: unquoted scalars, durations, regions, hints."""

from datetime import timedelta

import pytest
import yaml
from hypothesis import given, settings, strategies as st
from pydantic_core import PydanticCustomError
from tests.policy.builders import SUBSCRIPTION, a_policy

from diskguard.model.ids import Region, ResourceId
from diskguard.policy.plain import Ambiguous, resolve_plain
from diskguard.policy.scalars import (
    LONGEST_DURATION,
    LONGEST_TEXT,
    format_duration,
    id_of,
    parse_duration,
    parse_region,
)
from diskguard.policy.wording import did_you_mean, nearest, printable, shown


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_nothing_is_nothing(text):
    assert resolve_plain(text) is None


@pytest.mark.parametrize(("text", "meaning"), [("true", True), ("False", False), ("TRUE", True)])
def test_only_true_and_false_are_booleans(text, meaning):
    assert resolve_plain(text) is meaning


@pytest.mark.parametrize(("text", "meaning"), [("0", 0), ("-12", -12), ("+7", 7), ("500", 500)])
def test_a_plain_decimal_is_a_number(text, meaning):
    assert resolve_plain(text) == meaning


@pytest.mark.parametrize(
    "text",
    [
        *("on", "Yes", "NO", "y", "N", "010", "0o17", "0x1F", "0b11", "1_000", "1e3", "1.", ".5"),
        *(
            "-.inf",
            ".NaN",
            "22:30",
            "190:20:30",
            "2:00",
            "1:30.5",
            "2026-1-1",
            "2026-01-01 10:00:00",
        ),
        *("=", "9" * 19, "-0123"),
    ],
)
def test_what_readers_of_yaml_disagree_about_is_ambiguous(text):
    meaning = resolve_plain(text)

    assert isinstance(meaning, Ambiguous)
    assert str(meaning) == text


@pytest.mark.parametrize("text", ["db-1", "08:30", "1.2.3", "onto", "1x", "-", "rg*", "10s", "e3"])
def test_what_every_reader_takes_for_text_is_text(text):
    assert resolve_plain(text) == text


@settings(max_examples=500, derandomize=True)
@given(st.from_regex(r"[-+0-9a-fxoeyn:._TZ ]{1,12}", fullmatch=True))
def test_text_is_never_something_else_to_a_reader_of_yaml_1_1(text):
    meaning = resolve_plain(text.strip())

    try:
        older = yaml.safe_load(f"key: {text.strip()}")["key"]
    except (yaml.YAMLError, ValueError):
        return
    if isinstance(meaning, str) and not isinstance(older, list | dict):
        assert older == meaning
    if type(meaning) is int:
        assert older == meaning


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("10s", timedelta(seconds=10)),
        ("90m", timedelta(minutes=90)),
        ("24h", timedelta(days=1)),
        ("2w", timedelta(weeks=2)),
        ("36500d", LONGEST_DURATION),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text, duration):
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "10", "s", "1.5h", "10 s", "10S", "-1h", "1h30m", "٣s", None])
def test_anything_else_is_no_duration(text):
    with pytest.raises(PydanticCustomError, match="whole number and its unit"):
        parse_duration(text)


def test_a_bare_number_is_asked_for_its_unit():
    with pytest.raises(PydanticCustomError) as caught:
        parse_duration(10)

    assert caught.value.context == {
        "message": "a duration is a whole number and its unit, as in 10s, 90m, 24h, 90d or 2w",
        "hint": "Say which unit is meant: 10s, 10m, 10h or 10d.",
    }


@given(st.timedeltas(timedelta(seconds=1), LONGEST_DURATION))
def test_a_duration_survives_being_written_and_read(duration):
    whole = timedelta(seconds=int(duration.total_seconds()))

    assert parse_duration(format_duration(whole)) == whole
    assert parse_duration(whole) is whole


@pytest.mark.parametrize("text", ["West Europe", "westeurope", "WESTEUROPE"])
def test_a_region_has_one_spelling(text):
    assert parse_region(text) == Region("westeurope")


def test_a_region_that_is_endless_is_refused():
    with pytest.raises(PydanticCustomError, match="longer than"):
        parse_region("e" * (LONGEST_TEXT + 1))


def test_an_id_keeps_its_spelling_and_compares_without_case():
    text = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/RG/providers/Microsoft.Compute/disks/D"
    parse = id_of("Microsoft.Compute/disks")

    assert parse(text).text == text
    assert parse(text.lower()) == parse(text)
    assert parse(ResourceId(text)) == parse(text)


def test_a_policy_may_be_written_out_and_read_again():
    policy = a_policy("consistency: {freeze_limit: 30s}\n", dr=True)

    again = type(policy).model_validate(policy.model_dump(by_alias=True, exclude_unset=True))

    assert again == policy


def test_the_policy_has_a_json_schema_with_a_description_for_every_key():
    schema = type(a_policy()).model_json_schema()

    objects = [schema, *schema["$defs"].values()]
    keys = [key for each in objects for key in each["properties"].values()]
    assert all("description" in key or "$ref" in key for key in keys)


def test_the_nearest_word_is_offered():
    assert nearest("retentoin", ["retention", "restore"]) == "retention"
    assert nearest("freeze-limit", ["freeze_limit"]) == "freeze_limit"
    assert nearest("qqq", ["retention"]) is None
    assert did_you_mean("qqq", ["b", "a"]) == "Known here: a, b."


def test_what_is_shown_stays_on_its_line():
    assert shown("a\x1b[31m\nb") == "`a\\x1b[31m\\nb`"
    assert len(shown("x" * 1000)) < 70
    assert printable("é\u202e") == "é\\u202e"
