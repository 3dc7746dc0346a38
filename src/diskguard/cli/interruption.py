"""Work that a signal may end, always cleanly: it is cancelled once and waited for."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from diskguard.errors import DiskguardError, Interrupted

T = TypeVar("T")

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Generic[T]):
    """How work ended: its value (None: it had none to give), and the signal that cut it short."""

    value: T | None
    signal: int | None = None

    def given(self) -> T:
        """The value; only work that a signal cut short has none."""
        if self.value is None:
            raise Interrupted("ended before there was a result")
        return self.value


class _Cut:
    """What cuts the work short: the first signal cancels it, later ones do not."""

    def __init__(self, task: asyncio.Task[Any], say: Callable[[str], None]) -> None:
        self.signal: int | None = None
        self._task = task
        self._say = say

    def take_signal(self, number: int) -> None:
        """Cancel once; a guest that is armed cannot be hurried, so a second signal only says so."""
        if self.signal is not None:
            self._say("diskguard: still ending cleanly; a frozen guest thaws itself by its limit")
            return
        self.signal = number
        self._say(f"diskguard: {signal.Signals(number).name}: ending cleanly, please wait")
        self._task.cancel()


async def to_its_end(work: Coroutine[Any, Any, T], *, say: Callable[[str], None]) -> Ended[T]:
    """Give what the work gave, or what cut it short; always after its own cleaning up.

    Work that ends by itself while it is cancelled keeps its value. An expected error it raises
    after a signal is only said.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    cut = _Cut(task, say)
    for number in SIGNALS:
        loop.add_signal_handler(number, cut.take_signal, number)
    try:
        value = await task
    except asyncio.CancelledError:
        if cut.signal is None:
            raise
        return Ended(value=None, signal=cut.signal)
    except DiskguardError as error:
        if cut.signal is None:
            raise
        say(f"diskguard: while ending: {error}")
        return Ended(value=None, signal=cut.signal)
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
    return Ended(value=value, signal=cut.signal)
