"""Work that a signal or a deadline may end, always cleanly: it is cancelled once and waited for."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

from diskguard.errors import DiskguardError

T = TypeVar("T")

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Generic[T]):
    """How work ended: its value (None: it had none to give), and what cut it short."""

    value: T | None
    signal: int | None = None
    overdue: bool = False


class _Cut:
    """What cuts the work short: the first signal or the deadline cancels it, later ones do not."""

    def __init__(self, task: asyncio.Task[Any], say: Callable[[str], None]) -> None:
        self.signal: int | None = None
        self.overdue = False
        self._task = task
        self._say = say

    def take_signal(self, number: int) -> None:
        """Cancel once; a guest that is armed cannot be hurried, so a second signal only says so."""
        if self.signal is not None:
            self._say("diskguard: still ending cleanly; a frozen guest thaws itself by its limit")
            return
        self.signal = number
        self._say(f"diskguard: {signal.Signals(number).name}: ending cleanly, please wait")
        self._cancel()

    def pass_deadline(self) -> None:
        """Cancel, unless the work is ending already."""
        if self.signal is None:
            self.overdue = True
            self._say("diskguard: the run's time is up: ending cleanly")
            self._cancel()

    def _cancel(self) -> None:
        if not self._task.cancelling():
            self._task.cancel()


async def to_its_end(
    work: Coroutine[Any, Any, T], *, within: timedelta | None, say: Callable[[str], None]
) -> Ended[T]:
    """Give what the work gave, or what cut it short; always after its own cleaning up.

    Work that ends by itself while it is cancelled keeps its value. An expected error it raises
    after a signal is only said.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    cut = _Cut(task, say)
    for number in SIGNALS:
        loop.add_signal_handler(number, cut.take_signal, number)
    timer = None if within is None else loop.call_later(within.total_seconds(), cut.pass_deadline)
    try:
        value = await task
    except asyncio.CancelledError:
        if cut.signal is None and not cut.overdue:
            raise
        return Ended(value=None, signal=cut.signal, overdue=cut.overdue)
    except DiskguardError as error:
        if cut.signal is None:
            raise
        say(f"diskguard: while ending: {error}")
        return Ended(value=None, signal=cut.signal, overdue=cut.overdue)
    finally:
        if timer is not None:
            timer.cancel()
        for number in SIGNALS:
            loop.remove_signal_handler(number)
    return Ended(value=value, signal=cut.signal, overdue=cut.overdue)
