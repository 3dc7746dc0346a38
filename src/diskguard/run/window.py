"""The agreed, bounded standstill of a guest, seen from outside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from diskguard.errors import WindowMissed
from diskguard.model.guest import Armed
from diskguard.plan.backup_plan import FreezeBudget
from diskguard.ports import Clock
from diskguard.run.surely import surely

LAST_SECOND = timedelta(seconds=1)  # freezing and hold end this long before the limit (freeze.md)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """One agreed freeze, in this machine's time: when requests may go, and when it is over."""

    freeze_at: datetime
    opens: datetime
    closes: datetime
    thaw_by: datetime

    @property
    def latest_start(self) -> datetime:
        """After this instant half of the window is gone, and a set begun would end outside it."""
        return self.opens + (self.closes - self.opens) / 2


def agree(armed: Armed, budget: FreezeBudget, *, offset: timedelta) -> Standstill:
    """Bring the guest's promise into this machine's time.

    `offset` is Azure's clock minus ours: a guest that reads the host's clock, or whose own is
    synchronised, speaks Azure's time.
    """
    freeze_at = armed.freeze_at - offset
    longest = budget.limit - LAST_SECOND
    hold = longest if budget.hold is None else min(budget.hold, longest)
    opens = freeze_at + budget.margin
    return Standstill(
        freeze_at=freeze_at,
        opens=opens,
        closes=max(opens, freeze_at + hold),
        thaw_by=armed.thaw_by - offset,
    )


def check_in_time(standstill: Standstill, clock: Clock) -> None:
    """Raise WindowMissed if "armed" came after the freeze: then nothing may be requested."""
    if clock.now() >= standstill.freeze_at:
        raise WindowMissed('"armed" arrived after the guest had begun to freeze')


@asynccontextmanager
async def window(standstill: Standstill, clock: Clock) -> AsyncIterator[Standstill]:
    """Open when the guest has frozen, close when it has thawed by itself; late is never early.

    Raises WindowMissed, before anything is requested, if this machine was held up until too little
    of the window was left. Cancelling waits for the thaw.
    """
    await clock.sleep_until(standstill.opens)
    if clock.now() > standstill.latest_start:
        raise WindowMissed("this machine was held up until the window was half over")
    try:
        yield standstill
    finally:
        await surely(clock.sleep_until(standstill.thaw_by))
