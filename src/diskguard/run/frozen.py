"""The frozen attempt: arm, window, collect, prove."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from diskguard.errors import (
    CloudRefused,
    CloudUnreachable,
    DiskguardError,
    GuestAnswerUnreadable,
    GuestRefused,
    GuestTrouble,
    WindowMissed,
)
from diskguard.model.guest import Armed, ClockSource, FreezeRequest, GuestDisk, GuestReport
from diskguard.model.ids import ResourceId
from diskguard.plan.backup_plan import FreezeBudget, VmPlan
from diskguard.plan.proof import Evidence, grade, learn, lies_between
from diskguard.ports import Ports, Reservation
from diskguard.run.attempt import Attempt, Members, enter, evidence_of, operations_of
from diskguard.run.azure_time import azure_time
from diskguard.run.claim import clear_names
from diskguard.run.members import Asked, Opening, follow_to_end, request_members
from diskguard.run.window import Standstill, agree, check_in_time, window

BUDGET_WAIT = timedelta(hours=1)  # nobody is armed meanwhile; `run_timeout` ends the run before
COLLECT_WITHIN = timedelta(minutes=4)  # a busy Run Command; afterwards the point has no proof
COLLECT_AGAIN = timedelta(seconds=5)  # while the holder still writes its report
# Refusals that pass by themselves: somebody else freezes, or the guest was too slow this once.
PASSING = ("busy", "azure-backup-freezes", "arming-too-slow", "legs-not-up")
AFTER_THAW = timedelta(seconds=1)  # the guest's promise: limit plus one second (freeze.md)


class AttemptLost(GuestTrouble):
    """Nothing was requested, because of the guest or its window; it has thawed by `over_at`.

    `again` says whether one more attempt makes sense.
    """

    code = "attempt-lost"

    def __init__(self, cause: DiskguardError, *, over_at: datetime, again: bool) -> None:
        super().__init__(str(cause), hint=cause.hint)
        self.over_at = over_at
        self.again = again


@dataclass(frozen=True, slots=True, kw_only=True)
class _Agreed:
    """The guest's promise; when we asked and when it reached us, in Azure's time."""

    armed: Armed
    asked_at: datetime
    arrived_at: datetime
    standstill: Standstill


@dataclass(frozen=True, slots=True, kw_only=True)
class _Collected:
    """The holder's report, or why there is none; when we asked and when it came, in Azure's time."""

    report: GuestReport | None
    trouble: str | None
    asked_at: datetime
    arrived_at: datetime


async def take_frozen(
    plan: VmPlan, budget: FreezeBudget, ports: Ports, *, mine: Collection[str] = ()
) -> Attempt:
    """Arm the guest, request every member in its window, collect its report, prove.

    `mine` are the nonces of attempts of this run that were undone. Raises AttemptLost when nothing
    was requested. Nobody is armed whose snapshots could not be requested at once: Throttled is
    raised instead.
    """
    nonce, vm = ports.nonce(), plan.vm or plan.source
    async with _reserved(plan, budget, nonce, ports) as reservation:
        enter(plan, "arming", ports)
        agreed = await _arm(vm, freeze_request(plan, budget, nonce), budget, ports)
        still = agreed.standstill
        ports.compute.settle_window(reservation, opens=still.opens, latest=still.latest_start)
        asked = await _ask_in_window(plan, agreed, reservation, ports, mine=mine)
    enter(plan, "collecting", ports)
    members, collected = await _follow_and_collect(plan, vm, asked, nonce, ports)
    return _judged(plan, asked, members, agreed, collected)


@asynccontextmanager
async def _reserved(
    plan: VmPlan, budget: FreezeBudget, nonce: str, ports: Ports
) -> AsyncIterator[Reservation]:
    """The window's requests are kept free meanwhile: the guest freezes `lead` from now or later."""
    reservation = Reservation(
        attempt=nonce,
        subscription=(plan.vm or plan.source).subscription,
        region=plan.region,
        snapshots=len(plan.members),
        ahead=budget.lead,
    )
    await ports.compute.reserve_window(reservation, within=BUDGET_WAIT)
    try:
        yield reservation
    finally:
        ports.compute.give_back_window(reservation)


def _judged(
    plan: VmPlan,
    asked: tuple[Asked, ...],
    members: Members,
    agreed: _Agreed,
    collected: _Collected,
) -> Attempt:
    evidence = Evidence(
        requested=plan.requested,
        nonce=asked[0].nonce,
        members=evidence_of(asked, members),
        armed=agreed.armed,
        report=collected.report,
        no_report_because=collected.trouble,
        armed_between=(agreed.asked_at, agreed.arrived_at),
        collected_between=(collected.asked_at, collected.arrived_at),
    )
    return Attempt(
        asked=asked,
        members=members,
        proof=grade(evidence),
        learned=learn(
            armed=agreed.armed,
            arrived_at=agreed.arrived_at,
            report=collected.report,
            operations=operations_of(members),
        ),
        provable=agreed.armed.clock is not ClockSource.UNSYNCHRONISED,
    )


def freeze_request(plan: VmPlan, budget: FreezeBudget, nonce: str) -> FreezeRequest:
    """Say to the guest what the budget allows, and which disks it must find."""
    return FreezeRequest(
        attempt=nonce,
        disks=tuple(
            GuestDisk(name=member.disk_name, lun=member.lun, size_bytes=member.size_bytes)
            for member in plan.members
        ),
        lead=budget.lead,
        limit=budget.limit,
        hold=budget.hold,
        mounts=budget.mounts,
        allow_without_systemd=budget.allow_without_systemd,
    )


async def _arm(
    vm: ResourceId, request: FreezeRequest, budget: FreezeBudget, ports: Ports
) -> _Agreed:
    """Have the guest's promise. What may be armed without our knowing thaws by itself."""
    asked_at = azure_time(ports)
    try:
        armed = await ports.guest.arm(vm, request)
    except (CloudUnreachable, GuestAnswerUnreadable) as error:
        over_at = ports.clock.now() + budget.lead + budget.limit + AFTER_THAW
        raise AttemptLost(error, over_at=over_at, again=True) from error
    except (GuestTrouble, CloudRefused) as error:  # a VM may forbid extensions, and so scripts
        passing = isinstance(error, GuestRefused) and error.reason in PASSING
        over_at = ports.clock.now() + (budget.lead + budget.limit if passing else timedelta())
        raise AttemptLost(error, over_at=over_at, again=passing) from error
    arrived_at = azure_time(ports)
    if not lies_between(armed.armed_at, (asked_at, arrived_at)):
        wrong = GuestTrouble(
            "the guest's clock disagrees with Azure's, so no instant can be agreed"
        )
        over_at = ports.clock.now() + budget.lead + budget.limit + AFTER_THAW
        raise AttemptLost(wrong, over_at=over_at, again=False)
    return _Agreed(
        armed=armed,
        asked_at=asked_at,
        arrived_at=arrived_at,
        standstill=agree(armed, budget, offset=ports.compute.clock_offset()),
    )


async def _ask_in_window(
    plan: VmPlan, agreed: _Agreed, reserved: Reservation, ports: Ports, *, mine: Collection[str]
) -> tuple[Asked, ...]:
    """Request all members inside the window, or raise AttemptLost with nothing requested."""
    standstill = agreed.standstill
    try:
        await _claim(plan, standstill, ports, mine)
        enter(plan, "window", ports, _described(agreed))
        async with window(standstill, ports.clock):
            opening = Opening(until=standstill.closes, reserved=reserved)
            return await request_members(plan, ports, nonce=reserved.attempt, opening=opening)
    except WindowMissed as missed:
        over_at = standstill.thaw_by + AFTER_THAW
        raise AttemptLost(missed, over_at=over_at, again=True) from missed


async def _claim(plan: VmPlan, standstill: Standstill, ports: Ports, mine: Collection[str]) -> None:
    """The guest's lock is ours now, so what is free at this moment stays free for us."""
    check_in_time(standstill, ports.clock)
    try:
        async with asyncio.timeout_at(ports.clock.loop_time(standstill.freeze_at)):
            await clear_names(plan, ports, mine=mine)
    except TimeoutError as late:
        raise WindowMissed("looking at the names took until the freeze") from late


def _described(agreed: _Agreed) -> str:
    mounts = agreed.armed.mount_count
    return f"{mounts} mount{'' if mounts == 1 else 's'}, opens {agreed.standstill.opens:%H:%M:%S}"


async def _follow_and_collect(
    plan: VmPlan, vm: ResourceId, asked: tuple[Asked, ...], nonce: str, ports: Ports
) -> tuple[Members, _Collected]:
    async with asyncio.TaskGroup() as tasks:
        followed = tasks.create_task(follow_to_end(asked, plan, ports))
        collected = tasks.create_task(_collect(vm, nonce, ports))
    return followed.result(), collected.result()


async def _collect(vm: ResourceId, nonce: str, ports: Ports) -> _Collected:
    """Read the holder's report; without one the set is called what it is."""
    asked_at = azure_time(ports)
    deadline = ports.clock.loop_time(ports.clock.now() + COLLECT_WITHIN)
    report, trouble = None, None
    try:
        async with asyncio.timeout_at(deadline):
            report = await _collect_when_written(vm, nonce, ports)
    except DiskguardError as error:
        trouble = str(error)
    except TimeoutError:
        trouble = f"it could not be had within {COLLECT_WITHIN}"
    return _Collected(
        report=report, trouble=trouble, asked_at=asked_at, arrived_at=azure_time(ports)
    )


async def _collect_when_written(vm: ResourceId, nonce: str, ports: Ports) -> GuestReport:
    while True:
        try:
            return await ports.guest.collect(vm, nonce)
        except GuestRefused as refusal:
            if refusal.reason != "not-finished":
                raise
        await ports.clock.sleep_until(ports.clock.now() + COLLECT_AGAIN)
