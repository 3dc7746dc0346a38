"""No machine path, registry host or index address is in the repository."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOSTS = re.compile(
    r"files\.pythonhosted|pypi\.org/simple|index-url|deb\.debian\.org", re.IGNORECASE
)
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|farm|home/\w+)/")


def tracked() -> list[Path]:
    """Every text file git knows, but this one."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = [name for name in listed.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).resolve() != Path(__file__).resolve()]


def test_no_registry_host_and_no_machine_path_is_committed():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.is_file()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if HOSTS.search(line) or MACHINE.search(line)
    ]

    assert found == []


def test_constraints_name_exact_versions_only():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()

    assert lines
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
