"""A cloud with one database VM and one web VM, and plain requests to it."""

from collections.abc import AsyncIterator

import pytest
from tests.emulator.wire import Wire
from tests.support.estates import a_loose_disk, a_vm, an_estate
from tests.support.inprocess import Cloud, running_cloud


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    estate = an_estate(a_vm("db01", 2), a_vm("web01", 0), disks=(a_loose_disk("archive"),))
    async with running_cloud(estate) as cloud:
        yield cloud


@pytest.fixture
def wire(cloud: Cloud) -> Wire:
    return Wire(cloud)
