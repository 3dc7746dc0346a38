"""What can be wrong with a virtual guest: values, not patches."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final


class Happening(StrEnum):
    """Something that befalls a guest at one instant."""

    HOLDER_KILLED = "holder-killed"  # SIGKILL of the unit that freezes
    WATCHDOG_KILLED = "watchdog-killed"
    BOTH_KILLED = "both-killed"
    ALL_KILLED = "all-killed"  # every unit, the timers too: what promise 1 does not cover
    STRANGER_THAWS = "stranger-thaws"  # FITHAW of one data mount by somebody else
    PAUSED = "paused"  # by the host, for `amount`; the wall clock is stepped right afterwards
    PAUSED_UNNOTICED = "paused-unnoticed"  # as above, and the wall clock stays behind
    CLOCK_STEPPED = "clock-stepped"  # by `amount`
    REPORT_LOST = "report-lost"  # whatever the holder has written by then is gone
    REBOOTED = "rebooted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A happening, `after` the first file system of a window froze; `window` None: of every one."""

    what: Happening
    window: int | None = None
    after: timedelta = timedelta()
    amount: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Troubles:
    """Everything that is wrong with one guest; the default is a healthy one.

    Mounts are named by their path, disks by their LUN (None: the OS disk).
    """

    no_agent: bool = False
    no_systemd: bool = False
    units_refused: bool = False  # systemd is there and starts nothing
    starts_late: timedelta = timedelta()  # between the agent's start and the script's
    freeze_takes: timedelta = timedelta(milliseconds=20)
    freeze_fails: tuple[str, ...] = ()  # EIO
    freeze_hangs: tuple[str, ...] = ()  # until something else is thawed; completes even then
    frozen_by_others: tuple[str, ...] = ()  # EBUSY
    unopenable: tuple[str, ...] = ()  # EACCES
    lock_taken: bool = False  # by a stranger, for good
    azure_backup: str | None = None  # its lock file is there: "idle" or "busy"
    raw_writes: tuple[int | None, ...] = ()  # disks written past their file systems
    unsynchronised: bool = False
    host_clock: bool = True
    clock_offset: timedelta = timedelta()  # the guest's wall clock minus the truth
    clock_error: timedelta = timedelta(milliseconds=10)
    report_lost: bool = False  # no collect ever finds one
    incidents: tuple[Incident, ...] = ()


DURATIONS: Final = frozenset(
    field.name for field in fields(Troubles) if isinstance(field.default, timedelta)
)


def read_troubles(options: Mapping[str, Any]) -> Troubles:
    """Troubles as an estate file writes them; durations are numbers of seconds.

    Raises TypeError for a name that is none, ValueError for a happening that is none.
    """
    named = {name: _value(name, value) for name, value in options.items()}
    return Troubles(**named)


def _value(name: str, value: Any) -> Any:
    if name in DURATIONS:
        return timedelta(seconds=value)
    if name == "incidents":
        return tuple(_incident(each) for each in value)
    return tuple(value) if isinstance(value, list) else value


def _incident(written: Mapping[str, Any]) -> Incident:
    return Incident(
        what=Happening(written["what"]),
        after=timedelta(seconds=written.get("after", 0)),
        amount=timedelta(seconds=written.get("amount", 0)),
        window=written.get("window"),
    )
