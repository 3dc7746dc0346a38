"""Asynchronous work of a session, with the doors to Azure open."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from diskguard.cli.interruption import Ended, to_its_end
from diskguard.cli.logs import LOGGER
from diskguard.cli.render.progress import (
    Broadcast,
    EventLines,
    EventLog,
    Listener,
    LiveLines,
    StepLines,
)
from diskguard.cli.session import Session
from diskguard.errors import Interrupted, Terminated
from diskguard.ports import Ports

T = TypeVar("T")


def look(session: Session, cloud: str, work: Callable[[Ports], Coroutine[Any, Any, T]]) -> T:
    """Do work that only reads. Raises Interrupted if a signal ends it."""
    ended = act(session, cloud, work)
    if ended.signal is not None:
        raise interrupted_by(ended.signal)
    return ended.given()


def pause(session: Session, duration: timedelta) -> None:
    """Wait so long. Raises Interrupted if a signal ends it."""
    clock = session.around.clock
    session.say(f"diskguard: beginning in {int(duration.total_seconds())} s (--jitter)")
    ended = asyncio.run(to_its_end(clock.sleep_until(clock.now() + duration), say=session.say))
    if ended.signal is not None:
        raise interrupted_by(ended.signal)


def interrupted_by(number: int) -> Interrupted:
    """The error for a command that a signal ended."""
    kind = Terminated if number == signal.SIGTERM else Interrupted
    hint = "A guest that was armed thaws itself; the next run goes on from here."
    return kind(f"ended by {signal.Signals(number).name}", hint=hint)


def act(session: Session, cloud: str, work: Callable[[Ports], Coroutine[Any, Any, T]]) -> Ended[T]:
    """Do work that a signal may cut short; say how it ended."""

    async def with_ports() -> T:
        with listening(session) as observer:
            async with session.around.open_ports(cloud, observer) as ports:
                return await work(ports)

    return asyncio.run(to_its_end(with_ports(), say=session.say))


@contextmanager
def listening(session: Session) -> Iterator[Broadcast]:
    """Give the observer that tells log, progress and JSON lines what happens."""
    with ExitStack() as stack:
        listeners: list[Listener] = [EventLog(LOGGER)]
        if session.view.output == "jsonl":
            listeners.append(EventLines(session.stdout))
        if not (session.view.quiet or session.logs_events):
            if session.is_terminal(session.stderr):
                live = LiveLines(session.stderr, color=session.color)
                listeners.append(stack.enter_context(live))
            else:
                listeners.append(StepLines(session.stderr))
        yield Broadcast(listeners)
