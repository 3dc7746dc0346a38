"""HTTP as values: what came in, what goes out, and answers that are no answer."""

import json
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

JsonObject = dict[str, Any]


class Headers(MutableMapping[str, str]):
    """Headers by name without case; the first spelling is kept."""

    def __init__(self, pairs: Mapping[str, str] | None = None) -> None:
        self._pairs: dict[str, tuple[str, str]] = {}
        self.update(pairs or {})

    def __getitem__(self, name: str) -> str:
        return self._pairs[name.lower()][1]

    def __setitem__(self, name: str, value: str) -> None:
        self._pairs[name.lower()] = (name, value)

    def __delitem__(self, name: str) -> None:
        del self._pairs[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return (spelling for spelling, _ in self._pairs.values())

    def __len__(self) -> int:
        return len(self._pairs)


@dataclass(slots=True, kw_only=True)
class Request:
    """One request; `raw_query` is byte for byte what was sent."""

    method: str
    base: str
    path: str
    raw_query: str = ""
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    _query: dict[str, str] | None = None

    @classmethod
    def of_url(cls, method: str, url: str, *, headers: Headers, body: bytes = b"") -> "Request":
        """The request a client sends when it is given this absolute URL."""
        parts = urlsplit(url)
        return cls(
            method=method,
            base=f"{parts.scheme}://{parts.netloc}",
            path=parts.path,
            raw_query=parts.query,
            headers=headers,
            body=body,
        )

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, names in lower case."""
        if self._query is None:
            pairs = parse_qsl(self.raw_query, keep_blank_values=True)
            self._query = {name.lower(): value for name, value in pairs}
        return self._query

    @property
    def api_version(self) -> str:
        """The api-version asked for, empty where none was."""
        return self.query.get("api-version", "")

    @property
    def is_write(self) -> bool:
        """True for whatever may change something."""
        return self.method not in ("GET", "HEAD")


@dataclass(slots=True, kw_only=True)
class Response:
    """One answer; a body of None goes out empty, a str as it stands."""

    status: int
    body: Any = None
    headers: Headers = field(default_factory=Headers)

    def payload(self) -> bytes:
        """The body's bytes."""
        if self.body is None:
            return b""
        if isinstance(self.body, str):
            return self.body.encode()
        return json.dumps(self.body, separators=(",", ":")).encode()


class ConnectionLost(Exception):
    """No answer will come: the connection is reset."""
