"""Files and functions stay small enough to read."""

import ast
import statistics
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"
FILES = sorted(SRC.rglob("*.py"))
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
# A path (or path:function) that may be longer, with its reason.
EXCEPTIONS: dict[str, str] = {}


def functions(path: Path) -> list[tuple[str, int]]:
    """Give each function's name and length in lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_no_file_is_longer_than_a_reader_holds_in_mind(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())

    assert lines <= LONGEST_FILE or str(path.relative_to(SRC)) in EXCEPTIONS


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_no_function_is_longer_than_a_screen(path):
    long = {
        f"{path.relative_to(SRC)}:{name}": length
        for name, length in functions(path)
        if length > LONGEST_FUNCTION
    }

    assert not set(long) - set(EXCEPTIONS), long


def test_the_median_function_is_short():
    lengths = [length for path in FILES for _, length in functions(path)]

    assert statistics.median(lengths) <= 10


def test_every_exception_is_still_needed():
    known = {str(path.relative_to(SRC)) for path in FILES}

    assert all(name.split(":")[0] in known for name in EXCEPTIONS)
