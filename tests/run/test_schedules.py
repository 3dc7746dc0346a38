"""Cron calls `backup --due-only` all day: every slot gets one point, whatever happens between."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.run.invariants import (
    check_every_sealed_point_is_whole,
    check_no_name_was_put_blindly,
    check_nothing_stands_still,
)
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import Fuse
from tests.support.runs import EPOCH, LoopClock, Stage, a_stage

from diskguard.model.report import RunReport
from diskguard.model.restore_point import PointState
from diskguard.plan.points import ATTEMPT_LIFETIME
from diskguard_emulator.faults import Fails

POLICY = """
version: 1
name: test-policy
azure: {{subscriptions: ["{subscription}"]}}
locations: {{primary: {{resource_group: rg-diskguard-eus}}}}
consistency: {{linux: MODE}}
schedules: SCHEDULES
rules: [{{name: all, select: {{include: [{{names: ["*"]}}]}}}}]
"""
HOURLY = '{{name: hourly, cron: "15 * * * *"}}'
NIGHTLY = '{{name: nightly, every: 24h, at: "01:30"}}'
TEN_MINUTES = timedelta(minutes=10)


def one_vm(*schedules: str, mode: str = "crash"):
    text = POLICY.replace("SCHEDULES", f"[{', '.join(schedules)}]").replace("MODE", mode)
    return a_stage(an_estate(a_vm("db01", 1, guest="virtual")), text)


def writes(stage: Stage) -> int:
    return len(list(stage.cloud.api.log.writes()))


async def until(when: datetime) -> None:
    await asyncio.sleep((when - LoopClock().now()).total_seconds())


async def cron(
    stage: Stage, since: datetime, hours: float, every: timedelta = TEN_MINUTES
) -> list[RunReport]:
    """A call every ten minutes or so, from `since` (included) on for so many hours."""
    reports = []
    for number in range(int(timedelta(hours=hours) / every)):
        await until(since + number * every)
        reports.append(await stage.back_up_if_due())
    return reports


async def dies_at(stage: Stage, write: str) -> None:
    """A run by hand whose machine loses its power when the first such write is done."""
    async with one_vm(HOURLY, mode=stage.policy.consistency.linux) as rehearsal:
        await rehearsal.back_up_if_due()
        written = {entry.number for entry in rehearsal.cloud.api.log.writes()}
        cut = next(
            position
            for position, entry in enumerate(rehearsal.cloud.api.log, 1)
            if entry.number in written and write in entry.path
        )
    assert await stage.back_up_until(Fuse(cut, after=True)) is None


async def slots(stage: Stage) -> list[str]:
    """The slots that have a point, oldest first; each of them is complete."""
    points = await stage.points()
    assert {point.state for point in points} == {PointState.COMPLETE}
    return [f"{point.slot:%d %H:%M}" for point in reversed(points)]


async def test_a_day_of_two_schedules_has_a_point_for_every_slot_and_no_other():
    async with one_vm(HOURLY, NIGHTLY) as stage:
        reports = await cron(stage, EPOCH, 24)

        hourly = [*(f"22 {hour:02}:15" for hour in range(11, 24))]
        hourly += [f"23 {hour:02}:15" for hour in range(12)]
        assert await slots(stage) == sorted([*hourly, "23 01:30"])
        assert {report.exit_status for report in reports} == {0}
        assert sum(bool(report.vms) for report in reports) == 26
        assert not any("caught up" in each for report in reports for each in report.warnings)
        check_no_name_was_put_blindly(stage)


async def test_where_nothing_is_due_nothing_is_written():
    async with one_vm(HOURLY) as stage:
        await stage.back_up_if_due()
        before, heard = writes(stage), len(stage.ear.heard)

        report = await stage.back_up_if_due()

        assert (writes(stage), len(stage.ear.heard)) == (before, heard)
        assert (report.exit_status, report.vms, report.copies) == (0, (), ())


async def test_after_an_outage_the_newest_slot_is_caught_up_once_and_said():
    async with one_vm(HOURLY, NIGHTLY) as stage:
        await cron(stage, EPOCH, 1)
        back = EPOCH + timedelta(hours=20, minutes=40)
        await until(back)
        caught_up, after = await cron(stage, back, 1 / 3)

        assert await slots(stage) == ["22 11:15", "22 12:15", "23 08:15"]
        [warning] = [each for each in caught_up.warnings if "slot" in each]
        assert "the slot 2026-11-23 08:15Z (hourly, nightly) is caught up" in warning
        assert "older slots missed, which no point will have: 20" in warning
        assert after.vms == ()


async def test_a_point_made_by_hand_serves_the_slots_before_it():
    async with one_vm(HOURLY) as stage:
        await until(EPOCH + timedelta(minutes=20))
        await stage.back_up()

        report = await stage.back_up_if_due()

        assert report.vms == ()
        assert await slots(stage) == ["22 12:20"]


@pytest.mark.parametrize("lag", [0, 1, 20, 60])
async def test_two_machines_make_one_point_for_one_slot(lag):
    async with one_vm(HOURLY, mode="fsfreeze") as stage:
        other = stage.on_another_machine(wrong_by=timedelta(seconds=-100))
        await until(EPOCH + timedelta(minutes=20))

        async def begin(machine: Stage, wait: float) -> RunReport:
            await asyncio.sleep(wait)
            return await machine.back_up_if_due()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(begin(stage, 0))
            tasks.create_task(begin(other, lag))
        await asyncio.sleep(ATTEMPT_LIFETIME.total_seconds() + 60)
        await stage.back_up_if_due()

        assert await slots(stage) == ["22 12:15"]
        await check_nothing_stands_still(stage)
        await check_every_sealed_point_is_whole(stage)


async def test_a_slot_that_fails_is_tried_again_at_the_next_call():
    async with one_vm(HOURLY) as stage:
        refused = Fails(status=400, code="BadRequest", message="not now")
        stage.suffers(refused, "PUT", "/snapshots/db01", times=2)
        reports = await cron(stage, EPOCH, 1)

        assert reports[0].exit_status != 0
        assert await slots(stage) == ["22 11:15", "22 12:15"]


async def test_a_vm_that_a_dead_run_left_stopped_is_started_though_nothing_is_due():
    async with one_vm(HOURLY, mode="offline") as stage:
        await stage.back_up_if_due()
        await dies_at(stage, "/powerOff")
        await asyncio.sleep(60)
        assert stage.vm().power == "stopped"
        before = writes(stage)

        report = await stage.back_up_if_due()

        assert stage.vm().power == "running"
        assert [line.split(":")[1].split(";")[0] for line in report.recovered] == [" started"]
        made = [
            entry.path.rsplit("/", 1)[-1] for entry in list(stage.cloud.api.log.writes())[before:]
        ]
        assert set(made) <= {"start", "default"}
        assert await slots(stage) == ["22 11:15"]


async def test_it_is_started_too_where_the_policy_selects_less_than_it_expects():
    async with one_vm(HOURLY, mode="offline") as stage:
        await dies_at(stage, "/powerOff")
        await asyncio.sleep(60)
        [rule] = stage.policy.rules
        two = rule.model_copy(
            update={"select": rule.select.model_copy(update={"expect_at_least": 2})}
        )
        stage.policy = stage.policy.model_copy(update={"rules": (two,)})

        report = await stage.back_up_if_due()

        assert stage.vm().power == "running"
        assert report.exit_status == 5


async def test_leftovers_of_a_dead_run_wait_for_the_slot_where_nothing_is_due():
    async with one_vm(HOURLY) as stage:
        await until(EPOCH + timedelta(minutes=20))
        await stage.back_up_if_due()
        await asyncio.sleep(5)
        await dies_at(stage, "/snapshots/")
        await until(EPOCH + timedelta(minutes=50))
        before = writes(stage)

        quiet = await stage.back_up_if_due()
        assert (writes(stage), quiet.recovered, quiet.exit_status) == (before, (), 0)

        await until(EPOCH + timedelta(minutes=80))
        due = await stage.back_up_if_due()

        assert len(due.recovered) == 1
        assert [vm.result for vm in due.vms] == ["done"]


# Casablanca puts its clocks back from 03:00 to 02:00 on 7 February 2027, and on 14 March forward.
BACK, FORWARD = datetime(2027, 2, 6, 12, tzinfo=UTC), datetime(2027, 3, 13, 12, tzinfo=UTC)
AT_HALF_PAST_TWO = '{{name: nightly, cron: "30 2 * * *", timezone: Africa/Casablanca}}'
FROM_HALF_PAST_ONE = '{{name: sixths, every: 6h, at: "01:30", timezone: Africa/Casablanca}}'
A_DAY_OF_25_HOURS = [
    *("06 06:30", "06 12:30", "06 18:30"),
    *("07 00:30", "07 07:30", "07 13:30", "07 19:30"),
    *("08 01:30", "08 07:30"),
]
DST = [  # the first of two days of calls, a schedule, its slots in UTC
    (BACK, AT_HALF_PAST_TWO, ["06 01:30", "07 01:30", "08 02:30"]),
    (FORWARD, AT_HALF_PAST_TWO, ["13 02:30", "14 02:00", "15 01:30"]),
    (BACK, FROM_HALF_PAST_ONE, A_DAY_OF_25_HOURS),
]


@pytest.mark.parametrize(("day", "schedule", "expected"), DST)
async def test_days_that_change_the_clocks_have_the_slots_that_are_documented(
    day, schedule, expected
):
    async with one_vm(schedule) as stage:
        await cron(stage, day, 48, every=timedelta(minutes=30))

        assert await slots(stage) == expected
