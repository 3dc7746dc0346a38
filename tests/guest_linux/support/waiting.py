"""Waiting for real: a kernel's freeze knows no virtual time."""

import threading
import time
from collections.abc import Callable

from diskguard.model.guest import Armed


def pause(seconds: float) -> None:
    """That many seconds have passed."""
    threading.Event().wait(max(0.0, seconds))


def wait_for(armed: Armed, after: float) -> None:
    """It is that many seconds after the agreed instant, by the clock the guest shares with us."""
    pause(armed.freeze_at.timestamp() + after - time.time())


def until(true: Callable[[], bool], what: str, patience: float = 5.0) -> None:
    """It is true now. Raises AssertionError if it does not come true."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, what
        pause(0.01)
