"""A snapshot is deleted through one door, which looks at it first (run/deletion.py)."""

from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src" / "diskguard"
DOOR = "run/deletion.py"


def test_nobody_else_asks_for_a_deletion():
    askers = [
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.py")
        if ".delete_snapshot(" in path.read_text(encoding="utf-8")
    ]

    assert askers == [DOOR]
