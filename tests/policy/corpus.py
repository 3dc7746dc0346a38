"""The corpus of policy files: what each says of itself, what diskguard says of it."""

import re
from pathlib import Path

from diskguard.errors import Problem

POLICIES = Path(__file__).parents[1] / "policies"
BAD = sorted((POLICIES / "bad").iterdir())
GOOD = sorted((POLICIES / "good").iterdir())
LAYOUT = POLICIES / "layout.yaml"  # every key of the layout once

_EXPECTATION = re.compile(rb"^# expect: ([0-9]+:[0-9]+ [a-z0-9-]+)$", re.MULTILINE)


def expected_of(path: Path) -> list[str]:
    """Give the `LINE:COLUMN code` lines at the head of a file, in order."""
    return sorted(match.decode() for match in _EXPECTATION.findall(path.read_bytes()))


def found_in(problems: tuple[Problem, ...]) -> list[str]:
    """Give problems in the words of an expectation, in order.

    What this version only remarks on is left out: it says nothing of the file, and will go.
    """
    return sorted(
        f"{each.line}:{each.column} {each.code}"
        for each in problems
        if (each.code, each.severity) != ("not-yet-supported", "warning")
    )
