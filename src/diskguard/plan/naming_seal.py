"""The seal as tags, and the way back: what a point as a whole is, on its first member."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from diskguard.model.restore_point import Consistency, Grade, Learned, Seal

SEAL = "diskguard-seal"
MAX_TAG_VALUE = 256  # Azure's limit
MAX_PARTS = 9
_MAX_REASON = 400
_INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"
_WRITTEN = re.compile(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}Z")
_UNREADABLE = (ValueError, TypeError, KeyError, OverflowError, RecursionError)


def split_value(name: str, value: str) -> dict[str, str]:
    """Spread a long value over `name`, `name-2`, `name-3`, ...; Azure takes 256 characters each.

    Raises ValueError for what would need more than nine.
    """
    parts = [value[at : at + MAX_TAG_VALUE] for at in range(0, len(value), MAX_TAG_VALUE)]
    if len(parts) > MAX_PARTS:
        raise ValueError(f"{name} is too long for tags: {len(value)} characters")
    return {name if at == 0 else f"{name}-{at + 1}": part for at, part in enumerate(parts)}


def join_value(name: str, tags: Mapping[str, str]) -> str | None:
    """Put a value spread by `split_value` together again; None where there is none."""
    first = tags.get(name)
    if first is None or f"{name}-2" not in tags:
        return first
    parts = [first]
    for at in range(2, MAX_PARTS + 1):
        part = tags.get(f"{name}-{at}")
        if part is None:
            break
        parts.append(part)
    return "".join(parts)


def format_instant(when: datetime) -> str:
    """Write an instant in UTC, to the microsecond."""
    return when.astimezone(UTC).strftime(_INSTANT)


def parse_instant(text: str) -> datetime:
    """Read what `format_instant` wrote. Raises ValueError for anything else."""
    if not _WRITTEN.fullmatch(text):
        raise ValueError("not an instant as diskguard writes it")
    return datetime.fromisoformat(text)  # a tenth of what strptime takes, a million times a run


def plain_reason(reason: str | None) -> str | None:
    """Keep what a tag can hold of a reason: printable ASCII, at most 400 characters."""
    if reason is None:
        return None
    return "".join(letter if " " <= letter <= "~" else "?" for letter in reason)[:_MAX_REASON]


def seal_tags(seal: Seal) -> dict[str, str]:
    """Write the seal as tags, to be merged onto the first member as the point's last write."""
    consistency, learned = seal.consistency, seal.learned
    fields = {
        "requested": consistency.requested.value,
        "achieved": consistency.achieved.value,
        "reason": plain_reason(consistency.reason),
        "frozen_at": _instant(consistency.frozen_at),
        "thawed_at": _instant(consistency.thawed_at),
        "spread": _microseconds(consistency.spread),
        "clock_error": _microseconds(consistency.clock_error),
        "members": seal.members,
        "taken_at": format_instant(seal.taken_at),
        "sealed_at": format_instant(seal.sealed_at),
        "run": seal.run_id,
        "lead": _microseconds(learned.lead),
        "hold": _microseconds(learned.hold),
        "completion": _microseconds(learned.completion),
    }
    said = {name: value for name, value in fields.items() if value is not None}
    return split_value(SEAL, json.dumps(said, separators=(",", ":")))


def parse_seal(tags: Mapping[str, str]) -> Seal | None:
    """Read a seal from tags with lower-case names; None where there is none.

    Raises ValueError for one that cannot be read: it is not ours to call a point unsealed then.
    """
    text = join_value(SEAL, tags)
    if text is None:
        return None
    return _read_seal(text)


@lru_cache(maxsize=1 << 14)  # every copy carries the seal of its point
def _read_seal(text: str) -> Seal:
    try:
        return _seal(json.loads(text))
    except _UNREADABLE as error:
        raise ValueError(f"the seal cannot be read: {type(error).__name__}") from None


def _seal(fields: Any) -> Seal:
    if not isinstance(fields["members"], int) or not isinstance(fields["run"], str):
        raise TypeError("members, run")
    return Seal(
        consistency=Consistency(
            requested=Grade(fields["requested"]),
            achieved=Grade(fields["achieved"]),
            reason=plain_reason(fields.get("reason")),
            frozen_at=_parsed_instant(fields.get("frozen_at")),
            thawed_at=_parsed_instant(fields.get("thawed_at")),
            spread=_duration(fields.get("spread")),
            clock_error=_duration(fields.get("clock_error")),
        ),
        members=fields["members"],
        taken_at=parse_instant(fields["taken_at"]),
        sealed_at=parse_instant(fields["sealed_at"]),
        run_id=fields["run"],
        learned=Learned(
            lead=_duration(fields.get("lead")),
            hold=_duration(fields.get("hold")),
            completion=_duration(fields.get("completion")),
        ),
    )


def _instant(when: datetime | None) -> str | None:
    return None if when is None else format_instant(when)


def _parsed_instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def _microseconds(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // timedelta(microseconds=1)


def _duration(microseconds: int | None) -> timedelta | None:
    return None if microseconds is None else timedelta(microseconds=microseconds)
