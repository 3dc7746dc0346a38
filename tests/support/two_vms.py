"""A VM that is frozen and one that is stopped, two disks each, and copies to another region."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.estates import a_vm, an_estate
from tests.support.policies import DB01_FROZEN_FILES01_STOPPED, TWO_REGIONS
from tests.support.runs import Stage, a_stage

from diskguard.plan.points import ATTEMPT_LIFETIME

POLICY = TWO_REGIONS + DB01_FROZEN_FILES01_STOPPED


@asynccontextmanager
async def two_vms() -> AsyncIterator[Stage]:
    """db01 and files01; copies take seconds."""
    estate = an_estate(a_vm("db01", 1, guest="virtual"), a_vm("files01", 1, guest="virtual"))
    async with a_stage(estate, POLICY) as stage:
        stage.cloud.world.settings.quick()
        yield stage


async def the_attempt_is_over() -> None:
    """Nobody can be at work any more on what an earlier run left."""
    await asyncio.sleep(ATTEMPT_LIFETIME.total_seconds() + 60)
