"""The clocks of a virtual machine: what they show when the host pauses it or somebody steps them."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from diskguard_emulator.clock import Clock

BOOT_OFFSET: Final = 5000.0  # so that nothing mistakes a boot clock for a duration
SHORTEST_NAP: Final = 0.000_002


class MachineClock:
    """Boot and wall clock of one guest, derived from the cloud's true time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._origin = clock.now()
        self._pauses: list[tuple[float, float]] = []
        self._steps: list[tuple[float, float]] = []

    def true(self) -> float:
        """Seconds since the epoch, as Azure has them."""
        return self._clock.now().timestamp()

    def boot(self) -> float:
        """Seconds of the boot clock; it stands still while the host pauses the machine."""
        elapsed = (self._clock.now() - self._origin).total_seconds()
        return BOOT_OFFSET + elapsed - self._paused(elapsed)

    def wall(self) -> float:
        """The guest's own idea of the time, in seconds since the epoch."""
        elapsed = (self._clock.now() - self._origin).total_seconds()
        stepped = sum(delta for instant, delta in self._steps if instant <= elapsed)
        return self.true() - self._paused(elapsed) + stepped

    def pause(self, length: timedelta, *, noticed: bool) -> None:
        """The machine stands still from now on; where noticed, its wall clock is right afterwards."""
        now = (self._clock.now() - self._origin).total_seconds()
        self._pauses.append((now, now + length.total_seconds()))
        if noticed:
            self._steps.append((now + length.total_seconds(), length.total_seconds()))

    def step(self, delta: timedelta) -> None:
        """The wall clock jumps by `delta`."""
        now = (self._clock.now() - self._origin).total_seconds()
        self._steps.append((now, delta.total_seconds()))

    def left_until(self, boot: float) -> float:
        """Seconds of true time until the machine sees that instant of its boot clock."""
        return max(0.0, boot - self.boot()) + self._pause_left()

    async def sleep_until(self, boot: float) -> None:
        """Not before that instant of the boot clock, and never while the machine is paused."""
        reached = asyncio.Event()
        alarm = self.at(boot, reached.set)
        try:
            await reached.wait()
        finally:
            alarm.cancel()

    def at(self, boot: float, action: Callable[[], None]) -> "Alarm":
        """`action` is called at that instant of the boot clock, on the running loop."""
        return Alarm(self, boot, action)

    def _paused(self, elapsed: float) -> float:
        return sum(max(0.0, min(elapsed, end) - start) for start, end in self._pauses)

    def _pause_left(self) -> float:
        elapsed = (self._clock.now() - self._origin).total_seconds()
        left = [end - elapsed for start, end in self._pauses if start <= elapsed]
        return max(0.0, *left) if left else 0.0


class Alarm:
    """A call to come, at an instant of a boot clock that may stand still meanwhile."""

    def __init__(self, clock: MachineClock, boot: float, action: Callable[[], None]) -> None:
        self._clock = clock
        self._boot = boot
        self._action = action
        self._set(clock.left_until(boot))

    def cancel(self) -> None:
        """The call does not come."""
        self._handle.cancel()

    def _set(self, left: float) -> None:
        delay = max(left, SHORTEST_NAP) if left else 0.0
        self._handle = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        left = self._clock.left_until(self._boot)
        if left > 0:
            self._set(left)
        else:
            self._action()
