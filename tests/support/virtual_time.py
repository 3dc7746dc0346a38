"""A loop whose time jumps: nothing ever waits, and waiting for nothing is an error."""

import asyncio
import selectors
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

EPOCH: Final = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class NothingIsScheduled(RuntimeError):
    """Every task waits and no timer is set: a deadlock."""


class JumpingSelector(selectors.BaseSelector):
    """A selector that never waits for a timeout: it adds it to `now`."""

    def __init__(self, patience_with_threads: float) -> None:
        self.now = 0.0
        self._patience = patience_with_threads
        self._inner = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._inner.select(0)
        if ready:
            return ready
        if timeout is None:  # only a thread could still wake us
            ready = self._inner.select(self._patience)
            if not ready:
                raise NothingIsScheduled("every task waits and no timer is set")
            return ready
        self.now += max(0.0, timeout)
        return []

    def register(
        self, fileobj: "FileDescriptorLike", events: int, data: Any = None
    ) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: "FileDescriptorLike") -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def get_map(self) -> Mapping["FileDescriptorLike", selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop that lives in virtual time, from 0 at its birth.

    Where no timer is set, a thread may take `patience_with_threads` real seconds to answer.
    """

    def __init__(self, patience_with_threads: float = 5.0) -> None:
        self._jumping = JumpingSelector(patience_with_threads)
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now
