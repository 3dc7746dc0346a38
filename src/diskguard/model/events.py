"""What happened, as data: progress, log and report are renderings of these."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened at an instant."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """A run knows what it will do."""

    run_id: str
    policy: str
    vms: int
    disks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseEntered(Event):
    """A VM (or loose disk) entered a phase: queued, stopping, arming, window, collecting, ..."""

    source: str
    phase: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSealed(Event):
    """A restore point is whole and says what it reached."""

    source: str
    point: str
    requested: str
    achieved: str
    reason: str | None
    window_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFailed(Event):
    """A VM's backup failed; the others go on."""

    source: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyProgressed(Event):
    """A copy started, moved or ended. `state`: started, copying, complete, failed, skipped."""

    point: str
    disk: str
    region: str
    state: str
    percent: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered(Event):
    """Something a dead run left was put right."""

    what: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PointDeleted(Event):
    """A point's deletion in one location ended. `result`: done, failed, skipped."""

    point: str
    location: str
    result: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeImmutable(Event):
    """A snapshot cannot be deleted for so many days after the start of its policy."""

    point: str
    snapshot: str
    location: str
    days: int
    locked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Event):
    """Something a reader should know that stops nothing."""

    source: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowed(Event):
    """Azure throttled a request; the whole run waits."""

    subscription: str
    region: str
    bucket: str
    seconds: float
