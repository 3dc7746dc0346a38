"""Values as people read them, and as machines do."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Bytes:
    """A size: in a unit that fits for people, in bytes for machines."""

    number: int

    def __str__(self) -> str:
        return size(self.number)


Cell = str | int | float | datetime | timedelta | Bytes | None

_BINARY_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def instant(when: datetime | None) -> str | None:
    """An instant as contract 4 writes it: UTC, milliseconds, Z."""
    if when is None:
        return None
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(span: timedelta | None) -> float | None:
    """A duration in seconds, to the microsecond."""
    return None if span is None else round(span.total_seconds(), 6)


def for_people(cell: Cell) -> str:
    """A cell of a table on a screen; what is absent is a dash."""
    match cell:
        case None:
            return "-"
        case datetime():
            return cell.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        case timedelta():
            return duration(cell)
        case float():
            return f"{cell:.1f}"
        case _:
            return str(cell)


def for_machines(cell: Cell) -> str:
    """A cell of a TSV line; what is absent is empty."""
    match cell:
        case None:
            return ""
        case datetime():
            return instant(cell) or ""
        case timedelta():
            return str(seconds(cell))
        case Bytes():
            return str(cell.number)
        case _:
            return str(cell)


def duration(span: timedelta) -> str:
    """A duration in the unit that fits: 84 ms, 4.492 s, 12 min, 3 h 20 min, 5 d."""
    total = span.total_seconds()
    if total < 1:
        return f"{total * 1000:.0f} ms"
    if total < 60:
        return f"{total:.3f}".rstrip("0").rstrip(".") + " s"
    minutes, hours = round(total / 60), round(total / 60) // 60
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return f"{hours} h {minutes % 60} min".removesuffix(" 0 min")
    return f"{hours // 24} d"


def size(number: int) -> str:
    """A number of bytes in binary units: 128 GiB."""
    value = float(number)
    for unit in _BINARY_UNITS[:-1]:
        if value < 1024:
            return f"{value:.1f}".removesuffix(".0") + f" {unit}"
        value /= 1024
    return f"{value:.1f}".removesuffix(".0") + f" {_BINARY_UNITS[-1]}"
