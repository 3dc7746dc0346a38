"""Typed, bounded fields out of a document nobody vouches for."""

import math
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar

LONGEST_TEXT: Final = 300
LONGEST_LIST: Final = 5000
_EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_LARGEST_COUNT: Final = 2**64
_LARGEST_LUN: Final = 4095

Word = TypeVar("Word", bound=StrEnum)
Item = TypeVar("Item")


class Unacceptable(Exception):
    """Something in the document is not what it must be."""


def clean(text: str) -> str:
    """The text without control, format and surrogate characters, cut to 300."""
    kept = (each for each in text if unicodedata.category(each)[0] != "C")
    return "".join(kept)[:LONGEST_TEXT]


class Fields:
    """The fields of one object; each reader raises Unacceptable for what it does not want."""

    def __init__(self, document: object) -> None:
        if not isinstance(document, dict):
            raise Unacceptable("it is no object")
        self._document: Mapping[str, object] = document

    def text(self, name: str) -> str:
        """A text, cleaned; never empty."""
        return _text(self._document.get(name), name)

    def optional_text(self, name: str) -> str | None:
        """A text, or None."""
        return None if self._document.get(name) is None else self.text(name)

    def word(self, name: str, words: type[Word]) -> Word:
        """One of the words of an enumeration."""
        try:
            return words(self.text(name))
        except ValueError as error:
            raise Unacceptable(f"{name} is none of {', '.join(words)}") from error

    def number(self, name: str, *, least: float, most: float) -> float:
        """A finite number within bounds."""
        return _number(self._document.get(name), name, least=least, most=most)

    def duration(self, name: str) -> timedelta:
        """A number of seconds between none and a day."""
        return timedelta(seconds=self.number(name, least=0, most=86_400))

    def optional_duration(self, name: str) -> timedelta | None:
        """A duration, or None."""
        return None if self._document.get(name) is None else self.duration(name)

    def instant(self, name: str) -> datetime:
        """Seconds since the epoch, between the years 2020 and 2200."""
        least, most = _EARLIEST.timestamp(), _LATEST.timestamp()
        return datetime.fromtimestamp(self.number(name, least=least, most=most), UTC)

    def optional_instant(self, name: str) -> datetime | None:
        """An instant, or None."""
        return None if self._document.get(name) is None else self.instant(name)

    def count(self, name: str) -> int:
        """How many of something there are."""
        return count(self._document.get(name), name, most=LONGEST_LIST)

    def several(self, name: str, read: Callable[[object], Item]) -> tuple[Item, ...]:
        """Every item of a list, read."""
        return tuple(read(item) for item in listed(self._document.get(name), name))


def listed(value: object, name: str, *, length: int | None = None) -> list[object]:
    """A list of at most 5,000, or of exactly `length`, items."""
    if not isinstance(value, list) or len(value) > LONGEST_LIST:
        raise Unacceptable(f"{name} is no list, or too long")
    if length is not None and len(value) != length:
        raise Unacceptable(f"{name} has {len(value)} parts, not {length}")
    return value


def texts(value: object, name: str, *, length: int) -> tuple[str, ...]:
    """A list of exactly `length` texts."""
    return tuple(_text(item, name) for item in listed(value, name, length=length))


def count(value: object, name: str, *, most: int = _LARGEST_COUNT) -> int:
    """A whole number, not negative."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise Unacceptable(f"{name} is no count")
    return value


def lun(value: object) -> int | None:
    """A LUN, None for the OS disk."""
    return None if value is None else count(value, "a LUN", most=_LARGEST_LUN)


def seconds(value: object) -> float:
    """A finite number of seconds, of either sign."""
    return _number(value, "a number of seconds", least=-1e11, most=1e11)


def text(value: object) -> str:
    """A text on its own."""
    return _text(value, "a text")


def _text(value: object, name: str) -> str:
    cleaned = clean(value) if isinstance(value, str) else ""
    if not cleaned:
        raise Unacceptable(f"{name} is no text")
    return cleaned


def _number(value: object, name: str, *, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unacceptable(f"{name} is no number")
    if not math.isfinite(value) or not least <= value <= most:
        raise Unacceptable(f"{name} is out of bounds")
    return float(value)
