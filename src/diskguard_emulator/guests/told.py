"""Running code that sleeps in the middle of its calls, on an event loop that must go on meanwhile."""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from diskguard_emulator.guests.machine_clock import MachineClock
from diskguard_emulator.guests.virtual_processes import Killed

GO_ON, GIVE_UP = "go on", "give up"
Answer = TypeVar("Answer")


class Told(Generic[Answer]):
    """One call in a thread of its own; it and the loop take turns, they never run at once."""

    def __init__(self, clock: MachineClock) -> None:
        self._clock = clock
        self._said: SimpleQueue[float | None] = SimpleQueue()
        self._go_on: SimpleQueue[str] = SimpleQueue()
        self._outcome: list[Answer | BaseException] = []

    def sleep_until(self, boot: float) -> None:
        """For the call: let the loop run until that instant. Raises Killed where it is given up."""
        self._said.put(boot)
        if self._go_on.get() == GIVE_UP:
            raise Killed

    async def run(self, call: Callable[[], Answer]) -> Answer:
        """What the call returns or raises; a cancellation kills the call in its sleep."""
        loop = asyncio.get_running_loop()
        thread = Thread(target=self._body, args=(call, loop), daemon=True)
        thread.start()
        try:
            while (instant := self._said.get()) is not None:
                await self._clock.sleep_until(instant)
                self._go_on.put(GO_ON)
        except BaseException:
            self._go_on.put(GIVE_UP)
            raise
        finally:
            thread.join()
        (outcome,) = self._outcome
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _body(self, call: Callable[[], Answer], loop: asyncio.AbstractEventLoop) -> None:
        # The clocks ask for the running loop; it is this one, standing still while we run.
        asyncio._set_running_loop(loop)  # noqa: SLF001 - in asyncio.events.__all__, per thread
        try:
            self._outcome.append(call())
        except BaseException as error:  # noqa: BLE001 - handed to who waits
            self._outcome.append(error)
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001 - see above
            self._said.put(None)
