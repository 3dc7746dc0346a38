"""docs/monitoring.md: its commands run, and its tables name what there is."""

import os
import re

import pytest
from tests.house.test_examples import EMULATED, ROOT, RUNNABLE, emulator_runs, run_shell

PAGE = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
METRIC = re.compile(r"^# TYPE (\S+) ", re.MULTILINE)


@pytest.fixture
def folder(tmp_path):
    """A folder whose emulators are stopped at the end."""
    yield tmp_path
    for file in tmp_path.rglob("emulator.lock"):
        run_shell(f"diskguard-emulator stop --state-dir {file.parent}", tmp_path)


@pytest.mark.long  # a minute and more of real backups
@EMULATED
@pytest.mark.real_time
@pytest.mark.timeout(300)
def test_the_page_works_as_it_is_written(folder):
    ended = run_shell("\n".join(RUNNABLE.findall(PAGE)), folder, DISKGUARD_LOCK_DIR=str(folder))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "never" in ended.stdout
    assert "Without eastus: 5 of 5 of its VMs and disks could be restored" in ended.stdout
    assert "DISKGUARD OK - demo: 5 sources within what was promised | " in ended.stdout
    assert "All in time: 5 VMs and disks" in (folder / "status.html").read_text(encoding="utf-8")
    text = (folder / "diskguard.prom").read_text(encoding="utf-8")
    told = {name for name in METRIC.findall(text) if "last_run" not in name}
    assert [name for name in sorted(told) if f"`{name}`" not in PAGE] == []
    assert emulator_runs(folder / f"diskguard-emulator-{os.getuid()}")
