"""Stages and looks for tests of copies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.estates import a_vm, an_estate
from tests.support.policies import CRASH, EVERY_VM, TWO_REGIONS
from tests.support.runs import Stage, a_stage

from diskguard.model.report import Result, RunReport
from diskguard.model.restore_point import Location, PointState, RestorePoint
from diskguard_emulator.resources import Snapshot

POLICY = TWO_REGIONS + CRASH + "LIMITS\n" + EVERY_VM
DR = "/rg-diskguard-wus/"
COPY = ("PUT", DR + ".*snapshots/")
NO_WAIT: dict[str, Any] = {"wait": False}


@asynccontextmanager
async def some_vms(*vms: Any, limits: str = "") -> AsyncIterator[Stage]:
    estate = an_estate(*(vms or (a_vm("db01", 1, guest="virtual"),)))
    async with a_stage(estate, POLICY.replace("LIMITS", limits)) as stage:
        yield stage


def copies_of(stage: Stage) -> list[Snapshot]:
    every = stage.cloud.world.every(Snapshot)
    return [each for each in every if each.group == "rg-diskguard-wus"]


def results(report: RunReport) -> list[Result]:
    return [copy.result for copy in report.copies]


def state_in_dr(point: RestorePoint) -> PointState:
    part = point.part(Location.DR)
    assert part is not None
    return part.state


async def some_minutes_pass(minutes: int = 20) -> None:
    await asyncio.sleep(minutes * 60)


async def four_points_uncopied(stage: Stage) -> None:
    for _ in range(4):
        await stage.back_up(plan_copies=None)
        await some_minutes_pass(10)
