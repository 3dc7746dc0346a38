"""A policy file's data, in which every key and value knows its line and column."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from diskguard.errors import Problem

Path = tuple[str | int, ...]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """A spot in a file; both count from 1."""

    line: int
    column: int


START = Place(line=1, column=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong with what stands at `path`; `at_key` points at the key, not at its value."""

    path: Path
    code: str
    message: str
    hint: str | None = None
    at_key: bool = False
    severity: Severity = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Dicts, tuples, text, whole numbers, booleans, None and Ambiguous; and where each stands.

    What an alias repeats has no place of its own below the alias.
    """

    file: str
    data: object = None
    keys: Mapping[Path, Place] = field(default_factory=dict)
    values: Mapping[Path, Place] = field(default_factory=dict)

    def place(self, path: Path, *, at_key: bool = False) -> Place:
        """Where `path` stands; for what is not in the file, its nearest surrounding."""
        for length in range(len(path), -1, -1):
            there = path[:length]
            wanted = self.keys if at_key and there == path else self.values
            if there in wanted:
                return wanted[there]
        return START

    def problem(self, fault: Fault) -> Problem:
        """Give the fault with its file, line and column."""
        place = self.place(fault.path, at_key=fault.at_key)
        return Problem(
            file=self.file,
            line=place.line,
            column=place.column,
            code=fault.code,
            message=fault.message,
            hint=fault.hint,
            severity=fault.severity,
        )

    def find(self, *pattern: str) -> list[tuple[Path, object]]:
        """Give every path that fits, with its value; `*` stands for any key or position.

        What is absent, or not of the shape the pattern needs, is passed over.
        """
        found: list[tuple[Path, object]] = [((), self.data)]
        for part in pattern:
            inside = [entry for entry in found if isinstance(entry[1], dict | tuple)]
            found = [
                ((*path, key), child)
                for path, value in inside
                for key, child in _children(value, part)
            ]
        return found


def _children(value: object, part: str) -> Iterable[tuple[str | int, object]]:
    if isinstance(value, dict):
        if part == "*":
            return value.items()
        return ((part, value[part]),) if part in value else ()
    return enumerate(value) if part == "*" and isinstance(value, tuple) else ()


def child_of(value: object, key: str | int) -> tuple[object, ...]:
    """Give the one value under the key, or nothing."""
    if isinstance(value, dict) and key in value:
        return (value[key],)
    if isinstance(value, tuple) and isinstance(key, int) and key < len(value):
        return (value[key],)
    return ()
