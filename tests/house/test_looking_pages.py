"""docs/explain.md and docs/coverage.md: their commands run, and print what the pages show."""

import os
import re

import pytest
from tests.house.test_examples import ROOT, emulator_runs, run_shell

BLOCKS = re.compile(r"^```(sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path):
    """A folder whose emulators are stopped at the end."""
    yield tmp_path
    for file in tmp_path.rglob("emulator.lock"):
        run_shell(f"diskguard-emulator stop --state-dir {file.parent}", tmp_path)


@pytest.mark.real_time
@pytest.mark.timeout(60)
@pytest.mark.parametrize("page", ["explain", "coverage"])
def test_the_page_shows_what_its_commands_print(folder, page):
    blocks = BLOCKS.findall((ROOT / f"docs/{page}.md").read_text(encoding="utf-8"))
    script = "\n".join(block for kind, block in blocks if kind == "sh")

    ended = run_shell(script, folder)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    for shown in (block for kind, block in blocks if kind == "text"):
        assert shown in ended.stdout
    assert emulator_runs(folder / f"diskguard-emulator-{os.getuid()}")
