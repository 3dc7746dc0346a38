"""Stages with points of several days, and runs of `diskguard prune` against them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import Fuse
from tests.support.policies import CRASH, EVERY_VM, ONE_REGION, TWO_REGIONS
from tests.support.runs import Stage, a_stage

from diskguard.model.report import RunReport
from diskguard.plan.prune_plan import PrunePlan
from diskguard.ports import Ports
from diskguard.run.observe import observe_estate
from diskguard.run.prune import PruneErrand, PruneRun

KEEP = "retention: {{primary: {{keep_last: 1}}, dr: {{keep_last: 2}}}}\n"
TWO = TWO_REGIONS + CRASH + KEEP + EVERY_VM
ONE = ONE_REGION + CRASH + "retention: {{primary: {{keep_last: 1}}}}\n" + EVERY_VM
DAY = 86_400


@asynccontextmanager
async def days_of_points(
    days: int, text: str = TWO, *vms: Any, **facts: Any
) -> AsyncIterator[Stage]:
    """A point a day of db01 (two disks), copied where the policy copies."""
    estate = an_estate(*(vms or (a_vm("db01", 1, guest="virtual"),)), **facts)
    async with a_stage(estate, text) as stage:
        stage.cloud.world.settings.quick()
        for _ in range(days):
            report = await stage.back_up()
            assert report.exit_status == 0, report
            await asyncio.sleep(DAY)
        yield stage


@dataclass
class Pruned:
    """One run of prune: its report, and the plan it went by."""

    report: RunReport
    plan: PrunePlan | None = field(default=None)


def errand(stage: Stage, ports: Ports, **changes: Any) -> PruneErrand:
    facts: dict[str, Any] = {
        "run_id": "prune-1",
        "policy": stage.policy,
        "started_at": stage.clock.now(),
        "look_wide": lambda: observe_estate(stage.scope, ports.inventory, now=stage.clock.now()),
        "choose": lambda plan: plan,
        "at_most": 99,
    }
    return PruneErrand(**{**facts, **changes})


async def prune(stage: Stage, **changes: Any) -> Pruned:
    """One undisturbed process of `diskguard prune --yes`."""
    async with stage.ports() as ports:
        run = PruneRun(errand(stage, ports, **changes), ports)
        report = await run.to_its_end()
        return Pruned(report, run.pruning.plan if run.pruning else None)


async def prune_until(stage: Stage, fuse: Fuse, **changes: Any) -> RunReport | None:
    """One process that dies when the fuse blows: None then."""
    async with stage.ports(fuse) as ports:
        run = asyncio.ensure_future(PruneRun(errand(stage, ports, **changes), ports).to_its_end())
        blown = asyncio.ensure_future(fuse.blown.wait())
        done, _ = await asyncio.wait({run, blown}, return_when=asyncio.FIRST_COMPLETED)
        blown.cancel()
        if run in done:
            return run.result()
        run.cancel()
        fuse.bury()
        await asyncio.wait({run})
        return None


async def left(stage: Stage) -> list[str]:
    """Every snapshot that is left: location's group and name."""
    return sorted(f"{each.id.group}/{each.name}" for each in await stage.snapshots())
