"""The examples work as they lie there: policies, estates, the demo, the tutorial."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from diskguard.policy.load import examine_file
from diskguard_emulator.estate import load_estate

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "examples").glob("*.yaml"))
ESTATES = [path for path in FILES if path.name.startswith("estate")]
POLICIES = [path for path in FILES if path not in ESTATES]
RUNNABLE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
EMULATED = pytest.mark.skipif(
    subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "true"], check=False
    ).returncode
    != 0,
    reason="this machine gives no user namespaces, which emulated guests need",
)


def run_shell(script: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run it in the repository, with our programs first on the path and a home of its own."""
    programs = Path(sys.executable).parent
    environment = {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PATH": f"{programs}:{os.environ['PATH']}",
        "XDG_RUNTIME_DIR": str(folder),
        **{name: text for name, text in os.environ.items() if name.startswith("COVERAGE")},
        **variables,
    }
    return subprocess.run(
        ["sh", "-euc", script],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose emulators are stopped at the end, also when the test is cut short."""
    yield tmp_path
    for file in tmp_path.rglob("emulator.lock"):
        run_shell(f"diskguard-emulator stop --state-dir {file.parent}", tmp_path)


def emulator_runs(state: Path) -> bool:
    return (state / "emulator.env").exists()


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_every_example_of_a_policy_is_valid(path):
    assert examine_file(path).problems == ()


@pytest.mark.parametrize("path", ESTATES, ids=lambda path: path.name)
def test_every_example_of_an_estate_is_valid(path):
    estate = load_estate(path)

    assert [vm for home in estate.subscriptions for vm in home.vms]


def test_the_demo_is_plain_shell():
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed (make system-packages)")

    checked = run_shell("shellcheck examples/*.sh", ROOT)

    assert checked.stdout == ""


@pytest.mark.long  # `make demo` is run by .ci/run besides
@EMULATED
@pytest.mark.real_time
@pytest.mark.timeout(300)
def test_the_demo_reaches_its_end(folder):
    ended = run_shell("sh examples/demo.sh", folder, DEMO_FOLDER=str(folder / "demo"))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "whole in both regions" in ended.stdout
    assert not emulator_runs(folder / "demo/emulator")


@EMULATED
@pytest.mark.real_time
@pytest.mark.timeout(60)
def test_a_demo_that_goes_wrong_says_so_and_stops_the_emulator(folder):
    policy = folder / "policy.yaml"
    text = (ROOT / "examples/demo.yaml").read_text(encoding="utf-8")
    policy.write_text(text.replace("expect_at_least: 3", "expect_at_least: 300"))

    ended = run_shell(
        "sh examples/demo.sh",
        folder,
        DEMO_FOLDER=str(folder / "demo"),
        DEMO_POLICY=str(policy),
    )

    assert ended.returncode == 5
    assert "error[nothing-matched]" in ended.stderr
    assert not emulator_runs(folder / "demo/emulator")


@EMULATED
@pytest.mark.long
@pytest.mark.real_time
@pytest.mark.timeout(600)
def test_the_tutorial_works_as_it_is_written(folder):
    text = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    in_a_clone = f"ln -s {ROOT}/examples {ROOT}/.venv {folder}\ncd {folder}\n"

    ended = run_shell(in_a_clone + "\n".join(RUNNABLE.findall(text)), folder)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "filesystem" in ended.stdout
    assert not emulator_runs(folder / f"diskguard-emulator-{os.getuid()}")
