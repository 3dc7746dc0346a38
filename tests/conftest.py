"""What every test shares: asynchronous tests live in virtual time unless they say otherwise."""

import asyncio
from collections.abc import Callable, Mapping

import hypothesis
import pytest
from tests.support.virtual_time import VirtualTimeLoop

# No deadline: the machine may be busy. Derandomised: the same examples in every run of the suite.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis.settings.load_profile("suite")

_REAL_TIME_MARKS = ("real_time", "root", "live")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if any(item.get_closest_marker(name) for name in _REAL_TIME_MARKS):
        return {"real": asyncio.new_event_loop}
    return {"virtual": VirtualTimeLoop}
