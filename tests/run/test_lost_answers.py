"""A snapshot's PUT whose outcome is not known: adopted by its nonce, never sent again."""

from datetime import timedelta

import pytest
from tests.run.invariants import (
    check_every_sealed_point_is_whole,
    check_no_name_was_put_blindly,
    primaries,
    puts,
    the_point,
)
from tests.support.estates import a_vm, an_estate
from tests.support.policies import CRASH, EVERY_VM, ONE_REGION
from tests.support.runs import a_stage

from diskguard.model.report import Result
from diskguard.model.restore_point import Grade, PointState
from diskguard.run.members import GIVE_UP_AFTER
from diskguard_emulator.faults import (
    Delays,
    Effect,
    Fails,
    Hangs,
    LosesAnswer,
    Malformed,
    OperationFails,
    OperationStalls,
    Resets,
)
from diskguard_emulator.settings import Lag

LUN0 = "/rg-diskguard-eus/.*/snapshots/.*-lun00$"
UNFROZEN = ONE_REGION + CRASH + EVERY_VM
FROZEN = UNFROZEN.replace("crash", "fsfreeze")
ANSWERS_LOST: dict[str, Effect] = {
    "the connection breaks afterwards": LosesAnswer(),
    "the answer is cut": Malformed(),
    "the answer takes too long": Delays(by=timedelta(seconds=70)),
}
NEVER_HEARD: dict[str, Effect] = {
    "the connection breaks before": Resets(),
    "Azure says 500": Fails(status=500),
    "Azure says 503": Fails(status=503, code="ServiceUnavailable"),
    "no answer ever comes": Hangs(),
}


def one_vm(text: str = UNFROZEN):
    return a_stage(an_estate(a_vm("db01", 2, guest="virtual")), text)


@pytest.mark.parametrize("trouble", ANSWERS_LOST)
async def test_a_member_whose_answer_was_lost_is_adopted_by_its_nonce(trouble):
    async with one_vm() as stage:
        stage.suffers(ANSWERS_LOST[trouble], "PUT", LUN0)

        report = await stage.back_up()

        assert report.exit_status == 0, report
        assert set(primaries(stage).values()) == {1}
        point = await the_point(stage)
        assert point.state is PointState.COMPLETE
        assert len(point.parts[0].members) == 3


@pytest.mark.parametrize(
    "trouble", ["the connection breaks afterwards", "the answer takes too long"]
)
async def test_an_answer_lost_in_the_window_is_never_called_filesystem(trouble):
    """When it was made Azure told somebody who did not hear it: a second attempt proves more."""
    async with one_vm(FROZEN) as stage:
        stage.suffers(ANSWERS_LOST[trouble], "PUT", LUN0)

        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.consistency is not None
        assert outcome.consistency.achieved is Grade.FILESYSTEM
        assert set(primaries(stage).values()) == {2}
        assert stage.guest().verbs == ["arm", "collect", "arm", "collect"]
        check_no_name_was_put_blindly(stage)


@pytest.mark.parametrize("trouble", NEVER_HEARD)
async def test_a_member_azure_never_heard_of_undoes_its_set(trouble):
    async with one_vm() as stage:
        stage.suffers(NEVER_HEARD[trouble], "PUT", LUN0)

        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.result is Result.UNFINISHED
        assert outcome.failure is not None
        assert report.exit_status == 8
        assert await stage.snapshots() == ()
        assert set(puts(stage).values()) == {1}


@pytest.mark.parametrize("trouble", NEVER_HEARD)
async def test_a_member_never_heard_of_in_the_window_is_made_by_a_second_attempt(trouble):
    async with one_vm(FROZEN) as stage:
        stage.suffers(NEVER_HEARD[trouble], "PUT", LUN0)

        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.consistency is not None
        assert outcome.consistency.achieved is Grade.FILESYSTEM
        assert set(puts(stage).values()) == {2}
        check_no_name_was_put_blindly(stage)
        await check_every_sealed_point_is_whole(stage)


async def test_an_answer_lost_is_looked_for_again_where_azure_shows_it_late():
    async with one_vm() as stage:
        stage.cloud.world.settings.lag = Lag(get=timedelta(seconds=8))
        stage.suffers(LosesAnswer(), "PUT", LUN0)

        report = await stage.back_up()

        assert report.vms[0].result is Result.DONE
        assert set(puts(stage).values()) == {1}


async def test_a_member_that_appears_after_its_set_was_undone_does_not_hinder_the_second_attempt():
    """It is this run's own and no other machine's, however young."""
    async with one_vm(FROZEN) as stage:
        stage.cloud.world.settings.lag = Lag(get=timedelta(seconds=45))
        stage.suffers(LosesAnswer(), "PUT", LUN0)

        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.result is Result.DONE
        assert len(await stage.snapshots()) == 3
        assert len(stage.cloud.api.log.of("DELETE", "-lun00")) == 1
        await check_every_sealed_point_is_whole(stage)


async def test_a_member_that_fails_at_its_end_is_deleted_with_its_set():
    async with one_vm() as stage:
        stage.suffers(OperationFails(), "PUT", LUN0)

        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.result is Result.FAILED
        assert outcome.failure is not None
        assert "InternalServerError" in outcome.failure.message
        assert await stage.snapshots() == ()


async def test_the_next_run_is_not_hindered_by_a_failed_member():
    async with one_vm() as stage:
        stage.suffers(OperationFails(), "PUT", LUN0)
        await stage.back_up()

        report = await stage.back_up()

        assert report.exit_status == 0
        assert (await the_point(stage)).state is PointState.COMPLETE


async def test_a_member_that_never_ends_is_given_up_within_the_lifetime_of_an_attempt():
    async with one_vm() as stage:
        stage.suffers(OperationStalls(by=timedelta(hours=2)), "PUT", LUN0)

        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.result is Result.UNFINISHED
        assert report.ended_at - report.started_at < GIVE_UP_AFTER + timedelta(minutes=2)
        assert await stage.snapshots() == ()


async def test_a_status_read_that_is_lost_is_read_again():
    async with one_vm() as stage:
        stage.suffers(Resets(), "GET", "/DiskOperations/", times=2)
        stage.suffers(Fails(status=500), "GET", "/DiskOperations/", nth=4)

        report = await stage.back_up()

        assert report.exit_status == 0, report
        assert set(puts(stage).values()) == {1}


async def test_a_status_that_can_never_be_read_is_given_up():
    async with one_vm() as stage:
        stage.suffers(Resets(), "GET", "/DiskOperations/", times=10_000)

        report = await stage.back_up()

        assert report.exit_status == 8
        assert set(puts(stage).values()) == {1}
