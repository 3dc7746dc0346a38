"""Which policy files are meant: files, folders, standard input; and which of a folder are none."""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from diskguard.policy.load import LARGEST_FILE, Examination, examine_file, examine_policy
from diskguard.policy.wording import printable

STDIN: Final = Path("-")
_ENDINGS: Final = (".yaml", ".yml")
# What every policy has and hardly another file has two of.
_MARKS: Final = frozenset({"azure", "locations", "rules"})
_MARKS_IN_TEXT: Final = re.compile(
    rb"^[ \t{]*[\"']?(azure|locations|rules)[\"']?[ \t]*:", re.MULTILINE
)
_HEADER: Final = re.compile(
    rb"^# yaml-language-server: *\$schema=\S*diskguard-policy", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A file, and all that is to be said of it; `folder` is the named one that it was found in."""

    file: str
    examination: Examination
    folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A file or a folder below a named folder that was not looked at further."""

    file: str
    reason: str


def examine_all(named: Iterable[Path], *, stdin_filename: str) -> Iterator[Examined | Skipped]:
    """Examine each file once, in the order they are named, those of a folder by name."""
    seen: set[str] = set()
    for found in _found(named):
        if isinstance(found, Skipped):
            yield found
            continue
        path, folder = found
        mark = str(path) if path == STDIN else os.path.realpath(path)
        if mark not in seen:
            seen.add(mark)
            yield _examined(path, folder, stdin_filename)


def _found(named: Iterable[Path]) -> Iterator[tuple[Path, Path | None] | Skipped]:
    for path in named:
        if path != STDIN and path.is_dir():
            yield from _below(path)
        else:
            yield path, None


def _below(folder: Path) -> Iterator[tuple[Path, Path | None] | Skipped]:
    """Walk without following links to folders, which may lead in circles."""
    unreadable: list[Path] = []
    for name, folders, files in os.walk(
        folder, onerror=lambda error: unreadable.append(Path(error.filename))
    ):
        hidden = sorted(each for each in folders if each.startswith("."))
        folders[:] = sorted(set(folders) - set(hidden))
        for each in hidden:
            yield Skipped(file=printable(f"{Path(name, each)}/"), reason="hidden")
        for each in sorted(files):
            if each.lower().endswith(_ENDINGS):
                yield Path(name, each), folder
    yield from ((path, None) for path in unreadable)


def _examined(path: Path, folder: Path | None, stdin_filename: str) -> Examined | Skipped:
    if path == STDIN:
        name = printable(stdin_filename)
        text = sys.stdin.buffer.read(LARGEST_FILE + 1)
        return Examined(file=name, examination=examine_policy(text, file=name))
    name, examination = printable(str(path)), examine_file(path)
    if folder is not None and not _looks_like_a_policy(path, examination):
        return Skipped(file=name, reason="not a policy")
    return Examined(file=name, examination=examination, folder=folder)


def _looks_like_a_policy(path: Path, examination: Examination) -> bool:
    """Tell by the keys; where the file is too broken to have any, by its text. In doubt it is one."""
    data = examination.document.data
    if isinstance(data, dict) and len(_MARKS & data.keys()) > 1:
        return True
    try:
        text = path.read_bytes()[:LARGEST_FILE].replace(b"\0", b"")  # without those of UTF-16
    except OSError:
        return True
    broken = data is None and len(set(_MARKS_IN_TEXT.findall(text))) > 1
    return broken or _HEADER.search(text) is not None
