"""The loop whose time jumps."""

import asyncio
import time

import pytest
from tests.support.virtual_time import NothingIsScheduled, VirtualTimeLoop


async def test_a_day_of_sleep_takes_no_time():
    began, loop = time.monotonic(), asyncio.get_running_loop()

    await asyncio.sleep(86_400 * 3)

    assert loop.time() == pytest.approx(86_400 * 3)
    assert time.monotonic() - began < 5


async def test_sleepers_wake_in_the_order_of_their_instants():
    woken = []

    async def sleeper(seconds):
        await asyncio.sleep(seconds)
        woken.append((seconds, asyncio.get_running_loop().time()))

    async with asyncio.TaskGroup() as group:
        for seconds in (30.0, 0.5, 7.0):
            group.create_task(sleeper(seconds))

    assert [seconds for seconds, _ in woken] == [0.5, 7.0, 30.0]
    assert [instant for _, instant in woken] == pytest.approx([0.5, 7.0, 30.0])


async def test_a_thread_may_take_its_time():
    assert await asyncio.to_thread(lambda: 42) == 42


def test_waiting_for_nothing_is_an_error():
    loop = VirtualTimeLoop(patience_with_threads=0.01)

    with pytest.raises(NothingIsScheduled):
        loop.run_until_complete(loop.create_future())
    loop.close()


@pytest.mark.real_time
async def test_a_test_that_asks_for_real_time_gets_it():
    assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
