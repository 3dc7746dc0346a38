"""Forged tags and seals on snapshots that are not ours change nothing, whatever a run does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.estates import a_vm, an_estate, snapshot_body
from tests.support.policies import CRASH, TWO_REGIONS
from tests.support.runs import Stage, a_stage
from tests.support.two_vms import the_attempt_is_over

from diskguard.model.restore_point import PointState
from diskguard_emulator.resources import Disk, Snapshot

ONLY_DB01 = 'rules: [{{name: all, select: {{include: [{{names: ["db01"]}}]}}}}]'
POLICY = TWO_REGIONS + CRASH + ONLY_DB01
PRIMARY, DR = "rg-diskguard-eus", "rg-diskguard-wus"
ANOTHER_SLOT = "20240101T000000Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """A snapshot that somebody else makes: of what, where, under which name and tags."""

    source: str
    name: str
    tags: dict[str, str]
    group: str = PRIMARY
    copy: bool = False


def the_snapshot(stage: Stage, group: str, end: str = "-os") -> Snapshot:
    every = stage.cloud.world.every(Snapshot)
    return next(each for each in every if each.group == group and each.name.endswith(end))


def the_disk(stage: Stage, name: str) -> str:
    return next(each.id for each in stage.cloud.world.every(Disk) if each.name == name)


def of_another_slot(ours: Snapshot) -> tuple[str, dict[str, str]]:
    """Its name and tags, as a point of another slot would bear them."""
    point = (ours.tags or {})["diskguard-point"]
    forged = point[: -len(ANOTHER_SLOT)] + ANOTHER_SLOT
    tags = {name: text.replace(point, forged) for name, text in (ours.tags or {}).items()}
    return ours.name.replace(point, forged), tags | {
        "diskguard-slot": "2024-01-01T00:00:00.000000Z"
    }


def unsealed(tags: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in tags.items() if "seal" not in name}


def the_seal_under_a_name_of_its_own(stage: Stage) -> Forgery:
    ours = the_snapshot(stage, PRIMARY)
    return Forgery(
        source=the_disk(stage, "db01-os"), name="golden-image", tags=dict(ours.tags or {})
    )


def a_whole_point_of_another_disk(stage: Stage) -> Forgery:
    name, tags = of_another_slot(the_snapshot(stage, PRIMARY))
    tags |= {"diskguard-member": "1/1"}
    return Forgery(source=the_disk(stage, "web01-os"), name=name, tags=tags)


def a_dead_attempt_of_another_disk(stage: Stage) -> Forgery:
    name, tags = of_another_slot(the_snapshot(stage, PRIMARY))
    return Forgery(source=the_disk(stage, "web01-os"), name=name, tags=unsealed(tags))


def one_member_more(stage: Stage) -> Forgery:
    ours = the_snapshot(stage, PRIMARY)
    name = ours.name.removesuffix("-os") + "-lun07"
    tags = {**(ours.tags or {}), "diskguard-member": "3/3"}
    return Forgery(source=the_disk(stage, "web01-os"), name=name, tags=tags)


def a_point_in_a_group_of_others(stage: Stage) -> Forgery:
    name, tags = of_another_slot(the_snapshot(stage, PRIMARY))
    return Forgery(source=the_disk(stage, "db01-os"), name=name, tags=tags, group="app")


def a_copy_of_something_else(stage: Stage) -> Forgery:
    name, tags = of_another_slot(the_snapshot(stage, DR))
    return Forgery(
        source=the_snapshot(stage, PRIMARY, "-lun00").id, name=name, tags=tags, group=DR, copy=True
    )


async def commit(stage: Stage, forgery: Forgery) -> Snapshot:
    """Make it; give it as Azure then has it."""
    region, option = ("westus", "CopyStart") if forgery.copy else ("eastus", "Copy")
    body: Any = snapshot_body(forgery.source, region, option=option, tags=forgery.tags)
    async with stage.cloud.compute() as compute:
        poller = await compute.snapshots.begin_create_or_update(forgery.group, forgery.name, body)
        await poller.result()
    return next(each for each in stage.cloud.world.every(Snapshot) if each.name == forgery.name)


SOURCE = "it was made of something else than its tags say"
FORGERIES: dict[Callable[[Stage], Forgery], list[str]] = {
    the_seal_under_a_name_of_its_own: ["its name is none that diskguard gives"],
    a_whole_point_of_another_disk: [SOURCE],
    a_dead_attempt_of_another_disk: [SOURCE],
    one_member_more: [SOURCE],
    a_copy_of_something_else: [SOURCE],
    a_point_in_a_group_of_others: [],  # not even looked at
}


@pytest.mark.parametrize(("forge", "reasons"), FORGERIES.items())
async def test_a_forgery_is_never_changed_deleted_copied_or_counted(
    forge: Callable[[Stage], Forgery], reasons: list[str]
):
    estate = an_estate(a_vm("db01", 1, guest="virtual"), a_vm("web01", 0, guest="virtual"))
    async with a_stage(estate, POLICY) as stage:
        await stage.back_up()
        forged = await commit(stage, forge(stage))
        before = (forged.unique_id, dict(forged.tags or {}))
        await the_attempt_is_over()
        stage.cloud.api.log.clear()

        report = await stage.back_up()

        assert report.exit_status == 0, report
        assert (forged.unique_id, dict(forged.tags or {})) == before
        assert forged in list(stage.cloud.world.every(Snapshot))
        assert [entry for entry in stage.cloud.api.log.writes() if forged.name in entry.path] == []
        assert [each for each in stage.cloud.world.every(Snapshot) if each.source is forged] == []
        seen = await stage.assembly()
        assert [stranger.reason for stranger in seen.strangers] == reasons
        assert [point.state for point in seen.points] == [PointState.COMPLETE] * 2


async def test_only_what_azure_recorded_of_its_source_tells_a_forgery_apart():
    """The seal is as trustworthy as write access to snapshots (docs/security.md)."""
    async with a_stage(an_estate(a_vm("db01", 0, guest="virtual")), POLICY) as stage:
        await stage.back_up(plan_copies=None)
        name, tags = of_another_slot(the_snapshot(stage, PRIMARY))

        await commit(stage, Forgery(source=the_disk(stage, "db01-os"), name=name, tags=tags))

        assert [point.state for point in await stage.points()] == [PointState.COMPLETE] * 2
