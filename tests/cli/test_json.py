"""Documents for machines."""

import json
from datetime import UTC, datetime

import yaml

from diskguard.cli.render.json import (
    document,
    error_fields,
    json_lines,
    json_text,
    yaml_text,
)
from diskguard.cli.render.page import Page
from diskguard.errors import CloudRefused, PolicyInvalid, Problem

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PAGE = Page(schema="restore-points", items=({"id": "a"}, {"id": "b"}), exit_code=3)
HEAD = {
    "schema": "diskguard/restore-points/1",
    "generated_at": "2026-11-22T12:00:00.000Z",
    "run_id": "0011",
    "result": "partial",
    "exit_code": 3,
}


def test_a_document_begins_with_the_contracts_keys_and_ends_with_its_items():
    made = document(PAGE, at=NOW, run_id="0011")

    assert made == {**HEAD, "items": [{"id": "a"}, {"id": "b"}]}
    assert [*made] == [*HEAD, "items"]


def test_json_lines_are_items_and_one_summary():
    lines = [json.loads(line) for line in json_lines(PAGE, at=NOW, run_id="0011")]

    assert lines == [
        {"type": "item", "id": "a"},
        {"type": "item", "id": "b"},
        {"type": "summary", **HEAD, "items": 2},
    ]


def test_json_and_yaml_say_the_same():
    made = document(PAGE, at=NOW, run_id="0011")

    assert json.loads(json_text(made)) == made == yaml.safe_load(yaml_text(made))


def test_control_characters_and_tokens_do_not_get_into_documents():
    text = json_text({"tag": "a\x1bb", "url": "https://x.test/y?sig=abc"})

    assert json.loads(text) == {"tag": "ab", "url": "https://x.test/y?[hidden]"}


def test_yaml_cannot_be_led_astray_by_a_name():
    document_of_names = {"name": "on", "other": "- x: !!python/object", "line": "a\u2028b"}

    assert yaml.safe_load(yaml_text(document_of_names)) == document_of_names | {"line": "ab"}


def test_an_error_keeps_all_it_knows():
    error = CloudRefused("no", hint="do so", correlation_id="c-1")

    assert error_fields(error) == {
        "code": "cloud-refused",
        "message": "no",
        "exit_status": 1,
        "hint": "do so",
        "correlation_id": "c-1",
    }


def test_a_wrong_policy_lists_its_problems():
    problem = Problem(file="p.yaml", line=3, column=5, code="unknown-key", message="what?")

    fields = error_fields(PolicyInvalid((problem,)))

    assert fields["problems"] == [
        {
            "file": "p.yaml",
            "line": 3,
            "column": 5,
            "code": "unknown-key",
            "message": "what?",
            "hint": None,
            "severity": "error",
        }
    ]
