"""The JSON Schema: current, complete, and never stricter than diskguard itself."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.policy.corpus import BAD, GOOD, LAYOUT, expected_of

from diskguard.policy.load import examine_policy
from diskguard.policy.plain import Ambiguous
from diskguard.policy.reading import read_document
from diskguard.policy.schema import SCHEMA_FILE, policy_schema, render_schema

ROOT = Path(__file__).parents[2]
EXAMPLES = [ROOT / f"examples/{name}.yaml" for name in ("smallest", "two-regions", "production")]
SHARED = ROOT.parent / "shared/policy-example.yaml"
SCHEMA = policy_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
HEADER = re.compile(r"^# yaml-language-server: \$schema=(\S+)$", re.MULTILINE)
# What is wrong with one value or section by itself, whatever YAML's version and the rest say.
OF_SHAPE = frozenset(
    {
        *("unknown-key", "missing-key", "wrong-type", "unknown-value", "out-of-range"),
        *("empty-list", "empty-value", "empty-text", "empty-selector", "impossible-selector"),
        *("bad-name", "bad-time", "bad-mount", "bad-region", "bad-subscription", "bad-resource-id"),
        *("bad-schedule", "bad-immutability", "bad-tag", "reserved-tag", "too-many-tags"),
        *("unknown-version", "too-long", "empty-policy"),
    }
)
# The schema knows only part of these: not the longest duration, nor what cron's fields may hold.
NEIGHBOURS = frozenset({"bad-duration", "bad-cron", "bad-group"})


def codes_of(path: Path) -> set[str]:
    return {line.split()[1] for line in expected_of(path)}


def data_of(path: Path) -> object:
    """The file's data as an editor's reader of YAML 1.2 has it."""
    text = path.read_bytes().decode("utf-8-sig")
    return plain(read_document(text, file=path.name).document.data)


def plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, Ambiguous) else value


def complaints(data: object) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(data)]


def name(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


def test_it_is_a_schema_of_2020_12():
    Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("folder", ["docs", "src/diskguard/policy"])
def test_the_published_schema_is_what_the_models_say(folder):
    assert (ROOT / folder / SCHEMA_FILE).read_text(encoding="utf-8") == render_schema()


@pytest.mark.parametrize("path", [*GOOD, *EXAMPLES, LAYOUT], ids=name)
def test_a_good_policy_fits(path):
    assert complaints(data_of(path)) == []


@pytest.mark.skipif(not SHARED.exists(), reason="the shared pages do not lie beside this clone")
def test_the_layout_everybody_builds_against_fits():
    assert complaints(data_of(SHARED)) == []
    assert HEADER.findall(SHARED.read_text(encoding="utf-8")) == [SCHEMA_FILE]


@pytest.mark.parametrize("path", [path for path in BAD if codes_of(path) & OF_SHAPE], ids=name)
def test_a_bad_policy_of_shape_does_not_fit(path):
    assert complaints(data_of(path))


@pytest.mark.parametrize(
    "path",
    [path for path in BAD if codes_of(path) and not codes_of(path) & (OF_SHAPE | NEIGHBOURS)],
    ids=name,
)
def test_what_does_not_fit_is_refused_by_diskguard_too(path):
    """Never stricter: what has no fault of shape fits, unless reading it went wrong already."""
    reading = read_document(path.read_bytes().decode("utf-8", "replace"), file=path.name)
    judged = reading.complete and not reading.problems

    ambiguous = "ambiguous-scalar" in codes_of(path)
    assert not judged or ambiguous or complaints(plain(reading.document.data)) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_an_editor_finds_the_schema_by_the_first_line_of_an_example(path):
    [header] = HEADER.findall(path.read_text(encoding="utf-8"))

    assert json.loads((path.parent / header).read_text(encoding="utf-8")) == SCHEMA


def objects(schema: object, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every property of every section, by its path in the schema."""
    if isinstance(schema, list):
        return [each for part in schema for each in objects(part, path)]
    if not isinstance(schema, dict):
        return []
    own = schema.get("properties", {}) if "additionalProperties" in schema else {}
    found = [(f"{path}/{key}", each) for key, each in own.items()]
    return found + [each for key, part in schema.items() for each in objects(part, f"{path}/{key}")]


PROPERTIES = objects(SCHEMA)


@pytest.mark.parametrize(("path", "schema"), PROPERTIES, ids=[path for path, _ in PROPERTIES])
def test_every_key_is_described_and_shows_what_may_stand_there(path, schema):
    target = SCHEMA["$defs"][schema["$ref"].split("/")[-1]] if "$ref" in schema else schema
    text = json.dumps(schema)

    assert schema.get("description") or target["description"]
    assert "$ref" in text or any(
        f'"{word}"' in text
        for word in ("examples", "enum", "const", "minimum", "boolean", "default")
    )


def test_defaults_are_written_as_in_a_policy():
    consistency = SCHEMA["$defs"]["Consistency"]["properties"]

    assert consistency["freeze_limit"]["default"] == "10s"
    assert SCHEMA["$defs"]["Limits"]["properties"]["run_timeout"]["default"] == "2h"


def test_every_default_and_every_example_fits_its_own_place():
    for _, schema in PROPERTIES:
        here = Draft202012Validator({**schema, "$defs": SCHEMA["$defs"]})
        shown = [value for key, value in schema.items() if key == "default"]
        for value in shown + schema.get("examples", []):
            assert list(here.iter_errors(value)) == []


def test_the_example_of_the_whole_is_a_policy():
    [example] = SCHEMA["examples"]

    assert examine_policy(json.dumps(example), file="example").problems == ()


def test_patterns_are_javascripts_too():
    """With its flag `u`, which editors set, a backslash before any other sign is an error."""
    patterns = re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(SCHEMA))
    escapes = {each for text in patterns for each in re.findall(r"\\.", json.loads(text))}

    assert patterns
    assert escapes <= {r"\s", r"\S", r"\.", r"\*", "\\\\"}
