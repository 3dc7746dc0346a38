"""Effects side by side: all results in order, or the first of our errors, plain."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from diskguard.errors import DiskguardError

T = TypeVar("T")


async def together(efforts: Iterable[Coroutine[Any, Any, T]]) -> tuple[T, ...]:
    """Do all at once. When one fails the others are cancelled and its error is raised as it is."""
    try:
        async with asyncio.TaskGroup() as tasks:
            started = [tasks.create_task(effort) for effort in efforts]
    except* DiskguardError as group:
        raise first_error(group) from None
    return tuple(task.result() for task in started)


def first_error(group: BaseExceptionGroup[DiskguardError]) -> DiskguardError:
    """The first of our errors in a group of them, however nested."""
    first = group.exceptions[0]
    return first_error(first) if isinstance(first, BaseExceptionGroup) else first
