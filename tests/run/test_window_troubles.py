"""What goes wrong between arming and collecting, and what a run makes of it."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from tests.run.freeze_kit import PUT_OF_LUN0, SCRIPT, one_vm, reached
from tests.run.invariants import (
    LIMIT,
    check_every_sealed_point_is_whole,
    check_no_name_was_put_blindly,
    check_nothing_stands_still,
    primaries,
    refused_as_too_many,
)
from tests.support.estates import a_vm, an_estate
from tests.support.runs import Stage, a_stage

from diskguard.model.events import PhaseEntered
from diskguard.model.restore_point import Grade
from diskguard_emulator.faults import (
    Effect,
    Fails,
    Hangs,
    LosesAnswer,
    OperationFails,
    Resets,
    Throttles,
)
from diskguard_emulator.guests.virtual import Happening, Incident
from diskguard_emulator.settings import Latencies, exactly


def phases(stage: Stage) -> list[str]:
    return [event.phase for event in stage.ear.of(PhaseEntered)]


# -- 429 in the window ---------------------------------------------------------------------------


async def test_a_429_in_the_window_ends_it_and_a_second_attempt_follows():
    async with one_vm() as stage:
        stage.suffers(Throttles(retry_after=30), *PUT_OF_LUN0)

        report = await stage.back_up()

        assert reached(report).achieved is Grade.FILESYSTEM
        assert phases(stage).count("arming") == 2
        assert stage.guest().longest_freeze <= LIMIT
        check_no_name_was_put_blindly(stage)
        await check_every_sealed_point_is_whole(stage)


async def test_a_retry_after_is_never_slept_through_with_the_guest_frozen():
    async with one_vm() as stage:
        stage.suffers(Throttles(retry_after=2), *PUT_OF_LUN0)

        await stage.back_up()

        [first, second] = stage.cloud.api.log.of("PUT", "-lun00")
        thaws = sorted(each.until for each in stage.guest().history)
        frozen = [each for each in stage.guest().history if each.since <= thaws[0]]
        assert first.status == 429
        assert second.at - first.at > timedelta(seconds=20)
        assert frozen


async def test_a_set_that_a_429_left_incomplete_is_gone_before_the_second_attempt():
    async with one_vm() as stage:
        stage.suffers(Throttles(retry_after=1), *PUT_OF_LUN0)

        await stage.back_up()

        log = list(stage.cloud.api.log)
        arms = [entry.number for entry in log if entry.path.endswith("/runCommand")]
        made = [each for each in log if each.method == "PUT" and each.status == 202]
        gone = [each for each in log if each.method == "DELETE"]
        first = {each.path for each in made if each.number < arms[2]}
        assert first
        assert {each.path for each in gone} == first
        assert max(each.number for each in gone) < arms[2]


async def test_two_throttled_windows_end_in_the_fallback():
    async with one_vm() as stage:
        stage.suffers(Throttles(retry_after=1), *PUT_OF_LUN0, times=2)

        report = await stage.back_up()

        assert reached(report).achieved is Grade.CRASH
        assert phases(stage)[-2:] == ["snapshots", "sealing"]
        assert phases(stage).count("arming") == 2
        assert max(primaries(stage).values()) == 3
        check_no_name_was_put_blindly(stage)


async def test_throttled_to_the_last_the_run_is_unfinished_and_leaves_nothing():
    async with one_vm() as stage:
        stage.suffers(Throttles(retry_after=1), *PUT_OF_LUN0, times=1000)

        report = await stage.back_up()

        assert report.exit_status == 8
        assert await stage.snapshots() == ()
        await check_nothing_stands_still(stage)


# -- fallback and on_downgrade -------------------------------------------------------------------

# (fallback, on_downgrade) -> exit status, grade
COMBINATIONS = [
    ("crash", "warn", 0, Grade.CRASH),
    ("crash", "fail", 11, Grade.CRASH),
    ("none", "warn", 1, None),
    ("none", "fail", 1, None),
]
LOST_FREEZES: dict[str, dict[str, Any]] = {
    "the guest refuses": {"no_systemd": True},
    "a freeze fails": {"freeze_fails": ("/data0",)},
    "a stranger thaws": {"incidents": (Incident(what=Happening.STRANGER_THAWS),)},
    "the report is lost": {"report_lost": True},
    "the clock cannot be trusted": {"unsynchronised": True, "host_clock": False},
}


@pytest.mark.parametrize("trouble", LOST_FREEZES)
@pytest.mark.parametrize(("fallback", "on_downgrade", "status", "grade"), COMBINATIONS)
async def test_a_freeze_that_fails_is_followed_by_what_the_policy_says(
    trouble, fallback, on_downgrade, status, grade
):
    async with one_vm(fallback, on_downgrade) as stage:
        stage.guest().have(**LOST_FREEZES[trouble])

        report = await stage.back_up()

        [outcome] = report.vms
        assert report.exit_status == status, report
        assert (outcome.consistency and outcome.consistency.achieved) == grade
        assert len(await stage.snapshots()) == (0 if grade is None else 3)
        check_no_name_was_put_blindly(stage)
        await check_every_sealed_point_is_whole(stage)
        await check_nothing_stands_still(stage)


async def test_without_a_fallback_the_error_names_the_reason_and_the_way_out():
    async with one_vm("none") as stage:
        stage.guest().have(freeze_fails=("/data0",))

        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.failure is not None
        assert outcome.failure.code == "guest-trouble"
        assert "/data0" in outcome.failure.message
        assert "fallback" in (outcome.failure.hint or "")


async def test_one_attempt_that_proves_nothing_is_followed_by_one_that_does():
    async with one_vm("none", "fail") as stage:
        stage.guest().have(incidents=(Incident(what=Happening.STRANGER_THAWS, window=1),))

        report = await stage.back_up()

        assert report.exit_status == 0
        assert reached(report).achieved is Grade.FILESYSTEM
        assert stage.guest().verbs == ["arm", "collect", "arm", "collect"]


async def test_a_set_no_further_attempt_can_better_is_kept_for_what_it_is():
    async with one_vm() as stage:
        stage.guest().have(unsynchronised=True, host_clock=False)

        report = await stage.back_up()

        assert "not synchronised" in (reached(report).reason or "")
        assert set(primaries(stage).values()) == {1}


async def test_rights_that_lack_are_not_tried_a_second_time():
    async with one_vm() as stage:
        stage.suffers(Fails(status=403, code="AuthorizationFailed"), *PUT_OF_LUN0, times=1000)

        report = await stage.back_up()

        assert report.exit_status == 7
        assert phases(stage).count("arming") == 1
        assert await stage.snapshots() == ()


# -- arming --------------------------------------------------------------------------------------


def slow_answers(seconds: float) -> Latencies:
    return Latencies(after_script=exactly(seconds), script_at_least=exactly(1))


async def test_armed_that_comes_after_the_freeze_sends_no_put_and_doubles_the_lead():
    async with one_vm() as stage:
        stage.cloud.world.settings.latencies = slow_answers(40)

        report = await stage.back_up()

        assert reached(report).achieved is Grade.FILESYSTEM
        assert stage.guest().verbs == ["arm", "arm", "collect"]
        assert set(primaries(stage).values()) == {1}
        await check_nothing_stands_still(stage)


async def test_armed_too_late_twice_ends_in_the_fallback():
    async with one_vm() as stage:
        stage.cloud.world.settings.latencies = slow_answers(90)

        report = await stage.back_up()

        assert reached(report).achieved is Grade.CRASH
        assert "armed" in (reached(report).reason or "")
        assert stage.guest().verbs == ["arm", "arm"]
        assert set(primaries(stage).values()) == {1}
        await check_nothing_stands_still(stage)


async def test_the_second_attempt_waits_until_the_first_has_thawed():
    async with one_vm() as stage:
        stage.cloud.world.settings.latencies = slow_answers(40)

        await stage.back_up()

        spans = sorted({(each.since, each.until) for each in stage.guest().history})
        by_mount: dict[str, list[Any]] = {}
        for each in sorted(stage.guest().history, key=lambda one: one.since):
            by_mount.setdefault(each.mount, []).append(each)
        assert spans
        for standstills in by_mount.values():
            assert all(one.until <= other.since for one, other in pairwise(standstills))


ARM_LOST: dict[str, Effect] = {
    "lost": LosesAnswer(),
    "never heard": Resets(),
    "refused for the moment": Fails(status=503),
    "without an end": Hangs(for_=timedelta(minutes=5)),
}


@pytest.mark.parametrize("trouble", ARM_LOST)
async def test_an_arming_whose_answer_is_lost_is_never_sent_again_while_it_may_live(trouble):
    async with one_vm() as stage:
        stage.suffers(ARM_LOST[trouble], *SCRIPT)

        report = await stage.back_up()

        first, second = stage.cloud.api.log.of("POST", "/runCommand")[:2]
        assert second.at - first.at > LIMIT + timedelta(seconds=30)
        assert reached(report).achieved is Grade.FILESYSTEM
        await check_nothing_stands_still(stage)


async def test_a_script_that_azure_ends_badly_is_an_answer_that_cannot_be_read():
    async with one_vm() as stage:
        stage.suffers(OperationFails(), *SCRIPT, times=2)
        free = asyncio.ensure_future(_free(stage, after=30))

        report = await stage.back_up()
        await free

        assert reached(report).achieved is Grade.CRASH
        assert "internal execution error" in (reached(report).reason or "")
        assert set(primaries(stage).values()) == {1}


async def test_a_run_command_that_is_busy_is_waited_for():
    async with one_vm() as stage:
        stage.vm().script_running = True
        free = asyncio.ensure_future(_free(stage, after=60))

        report = await stage.back_up()
        await free

        assert reached(report).achieved is Grade.FILESYSTEM


async def test_a_run_command_that_stays_busy_is_waited_for_within_a_bound():
    async with one_vm() as stage:
        stage.vm().script_running = True

        report = await stage.back_up()

        assert reached(report).achieved is Grade.CRASH
        assert "another script" in (reached(report).reason or "")
        assert report.ended_at - report.started_at < timedelta(minutes=5)
        assert refused_as_too_many(stage) == []


async def _free(stage: Stage, *, after: float) -> None:
    await asyncio.sleep(after)
    stage.vm().script_running = False


async def test_an_agent_that_does_not_answer_ends_in_the_fallback_within_a_bound():
    async with one_vm() as stage:
        stage.guest().have(no_agent=True)

        report = await stage.back_up()

        assert reached(report).achieved is Grade.CRASH
        assert report.ended_at - report.started_at < timedelta(minutes=20)
        assert refused_as_too_many(stage) == []


async def test_a_vm_that_forbids_scripts_ends_in_the_fallback():
    estate = an_estate(a_vm("db01", 1, guest="virtual", extensions_allowed=False))
    async with a_stage(estate) as stage:
        report = await stage.back_up(plan_copies=None)

        assert reached(report).achieved is Grade.CRASH
        assert "extension" in (reached(report).reason or "")


async def test_names_that_cannot_be_looked_at_before_the_freeze_cost_the_window():
    async with one_vm() as stage:
        stage.suffers(Hangs(for_=timedelta(seconds=50)), "GET", "/snapshots/.*-lun00$")

        report = await stage.back_up()

        assert reached(report).achieved is Grade.FILESYSTEM
        assert stage.guest().verbs == ["arm", "arm", "collect"]
        assert set(primaries(stage).values()) == {1}
