"""This machine's clock may be wrong: what is called filesystem was proven by other clocks."""

from datetime import timedelta

import pytest
from tests.run.invariants import check_nothing_stands_still
from tests.support.estates import a_vm, an_estate
from tests.support.runs import LoopClock, Stage, a_stage

from diskguard.model.restore_point import Grade
from diskguard_emulator.guests.virtual import VirtualGuest

POLICY = """
version: 1
name: test-policy
azure: {{subscriptions: ["{subscription}"]}}
locations: {{primary: {{resource_group: rg-diskguard-eus}}}}
consistency: {{linux: fsfreeze}}
rules: [{{name: all, select: {{include: [{{names: ["*"]}}]}}}}]
"""
WRONG = [-90, -40, -10, -3, -1, -0.5, 0.5, 1, 3, 10, 40, 90]


def wrong_by(seconds: float):
    clock = LoopClock(timedelta(seconds=seconds))
    return a_stage(an_estate(a_vm("db01", 2, guest="virtual")), POLICY, clock=clock)


def truly_frozen(stage: Stage) -> bool:
    """Whether the images of the last attempt were taken while their disks stood still."""
    guest = stage.guest()
    assert isinstance(guest, VirtualGuest)
    return all(image.quiet for image in guest.images[-3:])


@pytest.mark.parametrize("seconds", WRONG)
async def test_a_wrong_clock_here_never_makes_a_false_filesystem(seconds):
    async with wrong_by(seconds) as stage:
        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.consistency is not None
        false = outcome.consistency.achieved is Grade.FILESYSTEM and not truly_frozen(stage)
        assert not false
        await check_nothing_stands_still(stage)


@pytest.mark.parametrize("seconds", WRONG)
async def test_a_wrong_clock_here_is_calibrated_against_azures(seconds):
    async with wrong_by(seconds) as stage:
        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.consistency is not None
        assert outcome.consistency.achieved is Grade.FILESYSTEM
        assert stage.guest().verbs == ["arm", "collect"]


@pytest.mark.parametrize("seconds", WRONG)
async def test_guests_with_no_host_clock_are_calibrated_alike(seconds):
    async with wrong_by(seconds) as stage:
        stage.guest().have(host_clock=False)

        report = await stage.back_up()

        [outcome] = report.vms
        assert outcome.consistency is not None
        assert outcome.consistency.achieved is Grade.FILESYSTEM
        assert truly_frozen(stage)


@pytest.mark.parametrize("seconds", WRONG)
async def test_the_instants_on_the_seal_are_azures_and_not_this_machines(seconds):
    async with wrong_by(seconds) as stage:
        await stage.back_up()

        [point] = await stage.points()
        assert point.seal is not None
        truth = LoopClock().now()
        assert timedelta() < truth - point.seal.taken_at < timedelta(minutes=3)
        assert abs(point.seal.sealed_at - truth) < timedelta(minutes=1)
        assert point.seal.sealed_at > point.seal.taken_at
