"""The processes, units and locks of a virtual guest, driven by calls on the running event loop."""

from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, cast

from diskguard_emulator.guests.machine_clock import Alarm, MachineClock

TIMER_SLACK: Final = 0.1  # AccuracySec=100ms, at its worst
STOP_TIMEOUT: Final = 90.0  # systemd's DefaultTimeoutStopSec

Leg = Callable[["Process"], Iterator[float]]


class Killed(BaseException):
    """This process is dead: whatever it still tries does not happen."""


@dataclass(eq=False, slots=True)
class Process:
    """One process of the guest; `sleep_until` is there for those that are no leg."""

    number: int
    verb: str
    unit: str | None = None
    after: tuple[Leg, ...] = ()
    alive: bool = True
    stopping: bool = False
    sleep_until: Callable[[float], None] | None = None
    children: list["Child"] = field(default_factory=list)
    steps: Iterator[float] | None = None
    alarm: Alarm | None = None


@dataclass(eq=False, slots=True)
class Child:
    """A process that does one call for its parent; it may outlive it."""

    parent: Process
    outcome: int | None = None


@dataclass(eq=False, slots=True)
class Lock:
    """One open lock; with `children` it lasts as long as any child started while it was held."""

    path: str
    exclusive: bool
    owner: Process
    children: bool
    closed: bool = False

    @property
    def held(self) -> bool:
        if not self.closed and self.owner.alive:
            return True
        return self.children and any(child.outcome is None for child in self.owner.children)


@dataclass
class ProcessTable:
    """Every process of one guest."""

    clock: MachineClock
    bugs: list[Exception] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    locks: list[Lock] = field(default_factory=list)
    timers: dict[str, Alarm] = field(default_factory=dict)
    _alarms: set[Alarm] = field(default_factory=set)
    _serial: int = 100

    def born(self, verb: str, unit: str | None = None, after: tuple[Leg, ...] = ()) -> Process:
        """A new process."""
        self._serial += 1
        process = Process(number=self._serial, verb=verb, unit=unit, after=after)
        self.processes.append(process)
        return process

    def find(self, *, unit: str) -> Process | None:
        """The living process of this unit."""
        return next((each for each in self.processes if each.unit == unit), None)

    def start(self, process: Process, leg: Leg) -> None:
        """The process has done its first step; the rest follows at the instants it asks for."""
        process.steps = leg(process)
        self._step(process)

    def _step(self, process: Process) -> None:
        if process.steps is None:
            return
        try:
            instant = next(process.steps)
        except (StopIteration, Killed):
            self.end(process)
        except Exception as bug:  # noqa: BLE001 - a broken helper must not look like a killed one
            self.bugs.append(bug)
            self.end(process)
        else:
            process.alarm = self.clock.at(
                0.0 if process.stopping else instant, lambda: self._step(process)
            )

    def terminate(self, process: Process) -> None:
        """SIGTERM: it is asked to stop and goes on at once; SIGKILL where it does not end in time."""
        process.stopping = True
        if process.alarm is not None:
            process.alarm.cancel()
            process.alarm = self.clock.at(0.0, lambda: self._step(process))
        self.later(STOP_TIMEOUT, lambda: self.end(process))

    def end(self, process: Process) -> None:
        """It is no more, as after SIGKILL: its locks are free, what its unit wants afterwards begins."""
        if not process.alive:
            return
        process.alive = False
        self.processes.remove(process)
        self.locks = [lock for lock in self.locks if lock.held]
        if process.alarm is not None:
            process.alarm.cancel()
            self._bury(process)
        for leg in process.after:
            self.start(self.born(f"after-{process.verb}"), leg)

    def _bury(self, process: Process) -> None:
        """Its clean-up code runs into `Killed` at the first call: a killed process cleans up nothing."""
        with suppress(
            Killed, ValueError
        ):  # ValueError: it is executing, and will meet Killed itself
            cast("Generator[float]", process.steps).close()

    def end_all(self) -> None:
        """The machine is off: no process, no timer, nothing afterwards."""
        for alarm in [*self._alarms, *self.timers.values()]:
            alarm.cancel()
        self.timers.clear()
        self._alarms.clear()
        for process in list(self.processes):
            process.after = ()
            self.end(process)
        self.locks.clear()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """`action` happens so much later on the boot clock, unless the machine is off by then."""
        alarm: Alarm

        def ring() -> None:
            self._alarms.discard(alarm)
            action()

        alarm = self.clock.at(self.clock.boot() + seconds, ring)
        self._alarms.add(alarm)

    def set_timer(self, unit: str, seconds: float, action: Callable[[], None]) -> None:
        """A unit that runs `action`, as late as its slack allows."""

        def ring() -> None:
            del self.timers[unit]
            action()

        instant = self.clock.boot() + seconds + TIMER_SLACK
        self.timers[unit] = self.clock.at(instant, ring)

    def stop_timer(self, unit: str) -> None:
        """The unit does not fire any more."""
        alarm = self.timers.pop(unit, None)
        if alarm is not None:
            alarm.cancel()

    def lock(self, path: str, owner: Process, *, exclusive: bool, children: bool) -> Lock | None:
        """A lock as flock(2) gives it, None where another forbids it."""
        self.locks = [lock for lock in self.locks if lock.held]
        rivals = [lock for lock in self.locks if lock.path == path]
        if any(exclusive or rival.exclusive for rival in rivals):
            return None
        lock = Lock(path, exclusive, owner, children)
        self.locks.append(lock)
        return lock
