"""What tests of Azure's room share."""

import pytest
from tests.azure.rooms import a_room
from tests.support.estates import a_vm, an_estate


@pytest.fixture
async def room():
    async with a_room(an_estate(a_vm("db01", 2), a_vm("web01", 0, power="deallocated"))) as room:
        yield room
