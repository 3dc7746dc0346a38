"""A VM stopped for its backup, and always started again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from diskguard.errors import CloudUnreachable, DiskguardError
from diskguard.model.events import Warned
from diskguard.model.ids import ResourceId
from diskguard.plan.backup_plan import VmPlan
from diskguard.plan.naming_tags import STOPPED
from diskguard.ports import Ports
from diskguard.run.attempt import enter
from diskguard.run.surely import surely

# Pauses between tries to start a VM again; what still fails then is the next run's first work.
START_AGAIN = tuple(timedelta(seconds=seconds) for seconds in (0, 5, 15, 30, 60))


@asynccontextmanager
async def stopped(plan: VmPlan, vm: ResourceId, ports: Ports) -> AsyncIterator[None]:
    """Stop the VM for the body, start it on every way out.

    The tag is written before the stop and removed after the start, so that the next run of any
    machine finishes what a killed one began.
    """
    await _mark(vm, plan.point, ports)
    try:
        enter(plan, "stopping", ports)
        await ports.compute.stop_vm(vm, deallocate=plan.deallocate)
        yield
    finally:
        enter(plan, "starting", ports)
        await surely(start_again(vm, plan.point, ports))


async def _mark(vm: ResourceId, point: str, ports: Ports) -> None:
    """Write the tag; one that may have been written without our knowing is taken away again.

    Left behind it would have the next run start a VM that somebody stopped on purpose since.
    """
    try:
        await ports.compute.merge_tags(vm, {STOPPED: point})
    except (CloudUnreachable, asyncio.CancelledError):
        await surely(start_again(vm, point, ports))
        raise


async def start_again(vm: ResourceId, point: str, ports: Ports) -> None:
    """Start a VM that an offline backup stopped, then take its tag away.

    Raises the last error when every try failed; the tag then stays for the next run.
    """
    last: DiskguardError | None = None
    for pause in START_AGAIN:
        await ports.clock.sleep_until(ports.clock.now() + pause)
        try:
            await ports.compute.start_vm(vm)
            await ports.compute.remove_tags(vm, {STOPPED: point})
        except DiskguardError as error:
            last = error
            _warn(vm, error, ports)
        else:
            return
    if last is not None:
        raise last


def _warn(vm: ResourceId, error: DiskguardError, ports: Ports) -> None:
    ports.observer.notice(
        Warned(
            at=ports.clock.now(),
            source=vm.name,
            code="not-started-yet",
            message=f"{vm} is not started and freed of its tag {STOPPED} yet: {error}",
        )
    )
