"""The request log: what was asked, when, by whom, and how it was answered."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from diskguard_emulator.wire import Request


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request; `status` is 0 while unanswered and for a lost connection."""

    number: int
    at: datetime
    method: str
    path: str
    query: str
    kind: str
    caller: str = ""
    action: str = ""
    status: int = 0
    answered_at: datetime | None = None
    code: str = ""

    @property
    def writes(self) -> bool:
        """True for whatever may have changed something."""
        return self.kind == "write"


class Log:
    """Entries in the order of arrival."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._numbers = count(1)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def open(self, request: Request, now: datetime) -> Entry:
        """The entry of a request that has just come in."""
        entry = Entry(
            number=next(self._numbers),
            at=now,
            method=request.method,
            path=request.path,
            query=request.raw_query,
            kind="write" if request.is_write else "read",
        )
        self.entries.append(entry)
        return entry

    def writes(self) -> list[Entry]:
        """Only what may have changed something."""
        return [entry for entry in self.entries if entry.writes]

    def of(self, method: str, fragment: str = "") -> list[Entry]:
        """Requests of this method whose path holds `fragment`, without case."""
        wanted = fragment.lower()
        return [
            entry
            for entry in self.entries
            if entry.method == method and wanted in entry.path.lower()
        ]

    def clear(self) -> None:
        """Forget; numbers go on."""
        self.entries.clear()
