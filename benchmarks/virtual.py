"""Whole backups in virtual time: Azure's latencies and token buckets, and none of their waiting."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from tests.support.runs import POLICY, Stage
from tests.support.virtual_time import VirtualTimeLoop

from diskguard.model.report import RunReport
from diskguard_emulator.log import Entry

T = TypeVar("T")
# Copies take Azure's own time; what is measured here is what diskguard does with its own.
POLICY_WITHOUT_COPIES = "\n".join(line for line in POLICY.splitlines() if "dr:" not in line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run: its report, its requests, how long it took in the pretended world."""

    report: RunReport
    requests: tuple[Entry, ...]
    took: timedelta


def live_through(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end on a loop whose time jumps."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)


async def measure_backup(stage: Stage, **changes: Any) -> Measured:
    """Back up everything once; nothing is copied. `changes` are the errand's."""
    stage.cloud.api.log.clear()
    started = stage.clock.now()
    report = await stage.back_up(plan_copies=None, **changes)
    return Measured(
        report=report,
        requests=tuple(stage.cloud.api.log),
        took=stage.clock.now() - started,
    )


async def until_the_next_day() -> None:
    """Let a day pass: Azure's buckets fill, its limit of 7 snapshots in 5 minutes is over."""
    await asyncio.sleep(timedelta(days=1).total_seconds())
