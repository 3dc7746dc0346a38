"""The window as a context manager, what must end even when cancelled, effects side by side."""

import asyncio
from datetime import datetime, timedelta

import pytest
from tests.support.estates import a_vm, an_estate
from tests.support.runs import EPOCH, LoopClock, a_stage

from diskguard.errors import CloudUnreachable, NameTaken, WindowMissed
from diskguard.model.restore_point import Grade
from diskguard.run.surely import surely
from diskguard.run.together import together
from diskguard.run.window import Standstill, check_in_time, window

SECOND = timedelta(seconds=1)
AGREED = Standstill(
    freeze_at=EPOCH + 10 * SECOND,
    opens=EPOCH + 11 * SECOND,
    closes=EPOCH + 19 * SECOND,
    thaw_by=EPOCH + 20 * SECOND,
)


class SleepyClock(LoopClock):
    """A machine that is held up, once, whenever it first sleeps past an instant."""

    def __init__(self, past: datetime, by: timedelta) -> None:
        super().__init__()
        self.past, self.by, self.slept = past, by, False

    async def sleep_until(self, when: datetime) -> None:
        await super().sleep_until(when)
        if when >= self.past and not self.slept:
            self.slept = True
            await asyncio.sleep(self.by.total_seconds())


async def test_the_window_opens_when_agreed_and_closes_after_the_thaw():
    clock = LoopClock()

    async with window(AGREED, clock):
        opened = clock.now()

    assert opened == AGREED.opens
    assert clock.now() == AGREED.thaw_by


async def test_a_machine_held_up_for_half_the_window_requests_nothing():
    clock = SleepyClock(AGREED.opens, 5 * SECOND)
    requested = False

    with pytest.raises(WindowMissed, match="half over"):
        async with window(AGREED, clock):
            requested = True

    assert not requested


async def test_a_window_cancelled_inside_is_waited_out():
    clock = LoopClock()

    async def inside() -> None:
        async with window(AGREED, clock):
            await asyncio.sleep(3600)

    task = asyncio.ensure_future(inside())
    await asyncio.sleep(12)
    task.cancel()
    await asyncio.wait({task})

    assert task.cancelled()
    assert clock.now() == AGREED.thaw_by


async def test_armed_that_comes_at_the_freeze_is_too_late():
    await asyncio.sleep(10)

    with pytest.raises(WindowMissed, match="armed"):
        check_in_time(AGREED, LoopClock())


async def test_a_run_on_a_machine_held_up_in_the_window_makes_a_second_attempt():
    clock = SleepyClock(EPOCH + 40 * SECOND, 8 * SECOND)
    async with a_stage(an_estate(a_vm("db01", 1, guest="virtual")), clock=clock) as stage:
        report = await stage.back_up(plan_copies=None)

        [outcome] = report.vms
        assert outcome.consistency is not None
        assert outcome.consistency.achieved is Grade.FILESYSTEM


# -- surely --------------------------------------------------------------------------------------


async def test_what_must_end_ends_under_any_number_of_cancels():
    ended = []

    async def effort() -> None:
        await asyncio.sleep(10)
        ended.append(asyncio.get_running_loop().time())

    task = asyncio.ensure_future(surely(effort()))
    for _ in range(5):
        await asyncio.sleep(1)
        task.cancel()
    await asyncio.wait({task})

    assert ended == [10]
    assert task.cancelled()


async def test_what_must_end_and_fails_says_so():
    async def effort() -> None:
        await asyncio.sleep(1)
        raise CloudUnreachable("no answer")

    with pytest.raises(CloudUnreachable, match="no answer"):
        await surely(effort())


async def test_a_cancel_is_not_swallowed_by_a_failure():
    async def effort() -> None:
        await asyncio.sleep(10)
        raise CloudUnreachable("no answer")

    task = asyncio.ensure_future(surely(effort()))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait({task})

    assert task.cancelled()


# -- together ------------------------------------------------------------------------------------


async def _after(seconds: float, result: int | Exception) -> int:
    await asyncio.sleep(seconds)
    if isinstance(result, Exception):
        raise result
    return result


async def test_results_come_in_the_order_of_the_efforts():
    assert await together(_after(3 - each, each) for each in range(3)) == (0, 1, 2)


async def test_the_first_of_our_errors_comes_out_plain():
    with pytest.raises(NameTaken, match="taken"):
        await together([_after(9, 1), _after(1, NameTaken("taken")), _after(5, 2)])

    assert asyncio.get_running_loop().time() == 1


async def test_an_error_deep_in_nested_efforts_comes_out_plain():
    async def nested() -> int:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_after(1, NameTaken("taken")))
        return 0

    with pytest.raises(NameTaken, match="taken"):
        await together([nested(), _after(5, 1)])


async def test_a_bug_is_never_taken_for_one_of_our_errors():
    with pytest.raises(ExceptionGroup):
        await together([_after(1, ZeroDivisionError("a bug"))])
