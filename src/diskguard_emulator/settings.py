"""How the pretended cloud behaves: latencies, paging, lags, switches; all values, all changeable in a run."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Span:
    """A duration in seconds, drawn evenly from `low` to `high`."""

    low: float
    high: float


def exactly(seconds: float) -> Span:
    """A span of one duration."""
    return Span(seconds, seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """How long things take. The defaults are recorded or documented figures; sources: docs/emulator.md."""

    read: Span = Span(0.03, 0.06)
    write: Span = Span(0.10, 0.40)
    snapshot: Span = Span(0.4, 0.9)
    copy_accepted: Span = Span(1.2, 1.2)
    copy: Span = Span(300, 600)
    background: Span = Span(60, 120)
    delete_snapshot: Span = Span(0.5, 1.5)
    disk: Span = Span(0.1, 0.5)
    patch: Span = Span(0.1, 0.1)
    start: Span = Span(20, 28)
    power_off: Span = Span(12.7, 12.7)
    deallocate: Span = Span(29, 51)
    restart: Span = Span(0.1, 0.1)
    before_script: Span = Span(4, 8)
    after_script: Span = Span(2, 5)
    script_at_least: Span = Span(18, 22)


QUICK: Final = Latencies(
    read=exactly(0.005),
    write=Span(0.02, 0.05),
    snapshot=Span(0.3, 0.6),
    copy_accepted=exactly(0.3),
    copy=Span(3, 6),
    background=Span(3, 5),
    delete_snapshot=exactly(0.2),
    disk=exactly(0.1),
    patch=exactly(0.05),
    start=exactly(1),
    power_off=exactly(1),
    deallocate=exactly(1.5),
    restart=exactly(0.1),
    before_script=exactly(0.2),
    after_script=exactly(0.2),
    script_at_least=exactly(0.5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """Eventual consistency: for how long after its creation a resource is not found, and not listed."""

    get: timedelta = timedelta()
    lists: timedelta = timedelta()


@dataclass(slots=True, kw_only=True)
class Settings:
    """The switches of a world; change them at any time."""

    latencies: Latencies = field(default_factory=Latencies)
    throttling: bool = True
    page_size: int = 200
    lag: Lag = field(default_factory=Lag)
    upper_case_ids: bool = False
    read_only: bool = False
    percent_on_plain_snapshots: bool = False
    retry_after_on_accept: int | None = 2
    limit_refused_at_put: bool = False
    script_limit: timedelta = timedelta(minutes=90)
    script_slot_lingers: timedelta = timedelta()
    regions_with_zones: frozenset[str] = frozenset({"eastus", "eastus2", "westeurope"})
    lists_fail_in_dead_regions: bool = False

    def quick(self, **changes: Span) -> None:
        """Answer as fast as a demo wants, but for `changes`."""
        self.latencies = replace(QUICK, **changes)
