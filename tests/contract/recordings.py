"""The recordings, read into exchanges; where the folder is absent the tests say so and skip."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

FOLDER = Path(
    os.environ.get(
        "DISKGUARD_RECORDINGS", Path(__file__).parents[2].parent / "shared" / "recordings"
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One recorded request with its answer; header names in lower case, the query as pairs."""

    method: str
    url: str
    asked: Any
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))


def recorded(name: str) -> list[Exchange]:
    """The exchanges of a recording, in order; skips the test where it is not there."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"the recording {name} is not here; set DISKGUARD_RECORDINGS to its folder")
    return _read(path)


@cache
def _read(path: Path) -> list[Exchange]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return [_of_java(each) for each in json.loads(text)["networkCallRecords"]]
    return [_of_go(each) for each in yaml.safe_load(text)["interactions"]]


def _of_go(entry: dict[str, Any]) -> Exchange:
    request, response = entry["request"], entry["response"]
    return Exchange(
        method=request["method"],
        url=request["url"],
        asked=_parsed(request["body"]),
        status=response["code"],
        headers={name.lower(): values[0] for name, values in response["headers"].items()},
        body=_parsed(response["body"]),
    )


def _of_java(entry: dict[str, Any]) -> Exchange:
    response = dict(entry["Response"])
    body, status = response.pop("Body", ""), int(response.pop("StatusCode"))
    headers = {name.lower(): value for name, value in response.items()}
    return Exchange(
        method=entry["Method"],
        url=entry["Uri"],
        asked=None,
        status=status,
        headers=headers,
        body=_parsed(body),
    )


def _parsed(text: str) -> Any:
    return json.loads(text) if text else None


def keys_of(body: Any, path: str = "") -> set[str]:
    """Every key of a body as a dotted path; entries of a list count together, tags not at all."""
    if isinstance(body, list):
        return set().union(*(keys_of(each, f"{path}[]") for each in body)) if body else set()
    if not isinstance(body, dict) or path.endswith(".tags"):
        return set()
    found = set()
    for name, value in body.items():
        place = f"{path}.{name}"
        found |= {place} | keys_of(value, place)
    return found
