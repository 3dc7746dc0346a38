"""The emulator's clocks: the real one, and one that follows the event loop's own time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

VIRTUAL_EPOCH: Final = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Clock(Protocol):
    """What time it is in the pretended cloud."""

    def now(self) -> datetime:
        """Wall time, aware, UTC."""
        ...


class RealClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class LoopClock:
    """Wall time that is `epoch` plus the running loop's time: virtual where the loop's time is."""

    def __init__(self, epoch: datetime = VIRTUAL_EPOCH) -> None:
        self._epoch = epoch

    def now(self) -> datetime:
        return self._epoch + timedelta(seconds=asyncio.get_running_loop().time())


class LoopOrEpochClock(LoopClock):
    """A `LoopClock` that answers with its epoch where no loop runs yet, so that worlds can be seeded."""

    def now(self) -> datetime:
        try:
            return super().now()
        except RuntimeError:
            return self._epoch
