"""What must end even when the run is cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def surely(effort: Coroutine[Any, Any, None]) -> None:
    """See the effort to its end; a cancel that came meanwhile goes on afterwards.

    A plain `asyncio.shield` would let the effort run on with nobody waiting, and the process could
    end under it: a VM would stay stopped.
    """
    task = asyncio.ensure_future(effort)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as cancel:
            cancelled = cancel
        except Exception:
            if cancelled is None:
                raise
    if cancelled is not None:
        raise cancelled
    task.result()
