"""Two depths of one table: a few rows in `make test`, every row in `make test-long`."""

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(rows: Iterable[Any], *, every: int, tuples: bool = False) -> list[Any]:
    """Give all rows; those between every nth carry the mark `long`."""
    return [
        row if number % every == 0 else _long(row, tuples=tuples) for number, row in enumerate(rows)
    ]


def _long(row: Any, *, tuples: bool) -> Any:
    values = row if tuples else (row,)
    return pytest.param(*values, marks=pytest.mark.long)
