"""A signal ends work once, cleanly."""

import asyncio
import os
import signal

import pytest

from diskguard.cli.interruption import Ended, to_its_end
from diskguard.cli.steps.work import interrupted_by
from diskguard.errors import Interrupted, Throttled

pytestmark = pytest.mark.real_time  # signals come from outside the loop's time


class Work:
    """Work that a signal meets in the middle; `cleanups` counts how often it was told to end."""

    def __init__(self, *signals: int, value: str | None = None) -> None:
        self.signals = signals
        self.value = value
        self.cleanups = 0
        self.finished = False

    async def do(self) -> str | None:
        """Wait for ever; when cancelled take a while, give a value where there is one."""
        os.kill(os.getpid(), self.signals[0])
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cleanups += 1
            await self._clean_up()
            if self.value is None:
                raise
        return self.value

    async def _clean_up(self) -> None:
        for number in self.signals[1:]:
            heard = asyncio.Event()
            asyncio.get_running_loop().call_later(0.01, heard.set)
            os.kill(os.getpid(), number)
            await heard.wait()
        self.finished = True


async def ended(work, said):
    return await to_its_end(work.do(), say=said.append)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_first_signal_cancels_and_waits_for_the_end(number):
    work = Work(number)
    said: list[str] = []

    end = await ended(work, said)

    assert end == Ended(value=None, signal=number)
    assert (work.cleanups, work.finished) == (1, True)
    assert said == [f"diskguard: {number.name}: ending cleanly, please wait"]


async def test_a_second_signal_does_not_hurry_a_frozen_guest():
    work = Work(signal.SIGTERM, signal.SIGINT, signal.SIGTERM)
    said: list[str] = []

    end = await ended(work, said)

    assert end.signal == signal.SIGTERM
    assert (work.cleanups, work.finished) == (1, True)
    assert (
        said[1:]
        == ["diskguard: still ending cleanly; a frozen guest thaws itself by its limit"] * 2
    )


async def test_work_that_has_something_to_report_reports_it():
    end = await ended(Work(signal.SIGINT, value="report"), [])

    assert end == Ended(value="report", signal=signal.SIGINT)
    assert end.given() == "report"


async def test_an_error_met_while_ending_is_said_and_the_signal_stands():
    said: list[str] = []

    async def throttled() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise Throttled("slow down", retry_after_seconds=1) from None

    end = await to_its_end(throttled(), say=said.append)

    assert end.signal == signal.SIGINT
    assert said[-1] == "diskguard: while ending: slow down"


async def test_without_a_signal_an_error_is_raised():
    async def throttled() -> None:
        raise Throttled("slow down", retry_after_seconds=1)

    with pytest.raises(Throttled):
        await to_its_end(throttled(), say=print)


async def test_a_cancel_from_elsewhere_stays_a_cancel():
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await to_its_end(cancelled(), say=print)


async def test_afterwards_signals_are_as_before():
    before = signal.getsignal(signal.SIGTERM)

    async def quick() -> str:
        return "done"

    assert (await to_its_end(quick(), say=print)).value == "done"
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_a_signal_cut_short_has_no_value():
    with pytest.raises(Interrupted):
        Ended(value=None).given()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_exit_code_names_the_signal(number, status):
    error = interrupted_by(number)

    assert error.exit_status == status
    assert str(error) == f"ended by {number.name}"
