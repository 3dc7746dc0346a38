"""Instants as users write them: 2026-11-22, 2026-11-22T12:00Z, or 7d for seven days ago."""

from datetime import UTC, datetime

from diskguard.errors import UsageInvalid
from diskguard.policy.scalars import parse_duration


def parse_instant(text: str, *, now: datetime) -> datetime:
    """Read an instant; one without a zone is UTC. Raises UsageInvalid for anything else."""
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        hint = "Write 2026-11-22, 2026-11-22T12:00Z, or 90m, 24h, 7d for so long ago."
        raise UsageInvalid(f"not a time: {text}", hint=hint) from None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
