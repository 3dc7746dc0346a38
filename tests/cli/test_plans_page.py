"""The plan on a page, what it would exit with, and its narrowing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.cli.builders import FROZEN, POINT, SLOT, TAKEN, an_id

from diskguard.cli.render.cells import Bytes
from diskguard.cli.render.page import Page
from diskguard.cli.render.plans import Preview, plan_page, recovery_lines
from diskguard.cli.render.text import plain_lines
from diskguard.errors import NothingMatched, TooManyVms
from diskguard.model.guest import LeftOut
from diskguard.model.ids import Region
from diskguard.model.report import Failure
from diskguard.model.restore_point import Grade
from diskguard.model.wish import SnapshotWish
from diskguard.plan.backup_narrow import narrow_plan
from diskguard.plan.backup_plan import (
    BackupPlan,
    CopyTarget,
    FreezeBudget,
    MemberPlan,
    Mode,
    PlanWarning,
    RefusedSource,
    SkippedSource,
    VmPlan,
)
from diskguard.plan.copies_plan import CopyPlan, CopyQueue, CopyStep
from diskguard.plan.recovery_plan import LateSeal, LeftAlone, RecoveryPlan, StartVm, Undo

NOTHING_LEFT = RecoveryPlan(policy="erp", made_at=SLOT)
DENIED = Failure(code="access-denied", message="no right", exit_status=7)
THROTTLED = Failure(code="throttled", message="slow down", exit_status=8)


def a_disk() -> MemberPlan:
    return MemberPlan(
        number=1,
        disk_id=an_id("disks", "db01-os"),
        disk_unique_id="u",
        disk_name="db01-os",
        lun=None,
        role="os",
        size_bytes=2**37,
        background_copied=False,
        wish=SnapshotWish(
            id=an_id("snapshots", f"{POINT}-os", "rg-eus"),
            region=Region("eastus"),
            source=an_id("disks", "db01-os"),
        ),
        copy=CopyTarget(group="rg-wus", region=Region("westus")),
    )


def a_vm(name: str = "db01", **changes: Any) -> VmPlan:
    vm = VmPlan(
        source=an_id("virtualMachines", name),
        vm=an_id("virtualMachines", name),
        name=name,
        region=Region("eastus"),
        rule="databases",
        policy="erp",
        point=POINT,
        slot=SLOT,
        mode=Mode.FREEZE,
        mode_reason="the policy asks for a freeze",
        requested=Grade.FILESYSTEM,
        members=(a_disk(),),
        freeze=FreezeBudget(
            lead=timedelta(seconds=30),
            limit=timedelta(seconds=10),
            hold=None,
            margin=timedelta(seconds=1),
            mounts=("/", "/data"),
        ),
    )
    return replace(vm, **changes)


def a_plan(*vms: VmPlan, **changes: Any) -> BackupPlan:
    return replace(BackupPlan(policy="erp", made_at=TAKEN, vms=vms), **changes)


def refused(name: str = "db09", failure: Failure = DENIED) -> RefusedSource:
    return RefusedSource(source=an_id("virtualMachines", name), failure=failure)


def skipped(name: str = "web01") -> SkippedSource:
    return SkippedSource(source=an_id("virtualMachines", name), reason="no rule selects it")


def a_page(plan: BackupPlan, recovery: RecoveryPlan = NOTHING_LEFT, **changes: Any) -> Page:
    preview = Preview(plan=plan, recovery=recovery, copies=None)
    return plan_page(replace(preview, **changes), exit_code=3)


def text_of(plan: BackupPlan, recovery: RecoveryPlan = NOTHING_LEFT) -> list[str]:
    return [*plain_lines(a_page(plan, recovery).blocks)]


def test_the_page_says_what_is_taken_how_and_why():
    (row,) = a_page(a_plan(a_vm())).table.rows

    assert row == (
        "db01",
        "databases",
        "freeze",
        "filesystem",
        timedelta(seconds=10),
        1,
        Bytes(137_438_953_472),
        "westus",
        "the policy asks for a freeze",
    )


def test_the_page_says_what_is_not_taken_and_why():
    vm = a_vm(left_out=(LeftOut(what="db01-tempdb", reason="excluded"),), notes=("a note",))
    warning = PlanWarning(source="/x/y/db01", code="one-copy", message="no second copy")

    lines = text_of(a_plan(vm, skipped=(skipped(),), warnings=(warning,)))

    assert lines[3:] == [
        "Notes",
        "  db01: a note",
        "  db01: db01-tempdb is left out: excluded",
        "  db01: warning: no second copy",
        "",
        "Skipped",
        "  web01: no rule selects it",
    ]


def test_an_empty_plan_says_so():
    assert text_of(a_plan()) == ["Nothing to back up."]


def test_what_an_earlier_run_left_comes_first():
    recovery = RecoveryPlan(
        policy="erp",
        made_at=SLOT,
        start=(StartVm(vm=an_id("virtualMachines", "db05"), tag="diskguard-stopped", value="p"),),
        seal=(
            LateSeal(
                point="p6",
                first_member=an_id("snapshots", "p6-os"),
                members=1,
                taken_at=TAKEN,
                consistency=FROZEN,
            ),
        ),
        undo=(Undo(point="p7", snapshots=(an_id("snapshots", "p7-os"),), reason="not whole"),),
        left_alone=(LeftAlone(what="p8", reason="another run may be at it"),),
    )

    lines = text_of(a_plan(), recovery)

    assert lines[0] == "First, left by an earlier run"
    assert (
        [line.strip() for line in lines[1:5]]
        == [*recovery_lines(recovery)]
        == [
            "db05: start it; an offline backup had stopped it",
            "p6: seal it as filesystem; all its disks are there",
            "p7: delete 1 snapshots; not whole",
            "p8: leave it alone; another run may be at it",
        ]
    )


def test_the_document_has_the_freeze_and_every_refusal():
    plan = a_plan(a_vm(), a_vm("db02", freeze=None, vm=None), refused=(refused(),))

    page = a_page(plan, failures=(THROTTLED,))

    first, second = page.items
    failures: Any = page.more["failures"]
    assert first["freeze"] == {
        "limit_seconds": 10.0,
        "lead_seconds": 30.0,
        "hold_seconds": None,
        "margin_seconds": 1.0,
        "mounts": ["/", "/data"],
    }
    assert (second["freeze"], second["vm"]) == (None, None)
    assert [(each["source"], each["code"]) for each in failures] == [
        (str(refused().source), "access-denied"),
        (None, "throttled"),
    ]


@pytest.mark.parametrize(
    ("vms", "failures", "refusals", "status"),
    [
        ((a_vm(),), (), (), 0),
        ((), (), (), 0),
        ((a_vm(),), (DENIED,), (), 3),
        ((), (DENIED,), (refused(),), 7),
        ((), (DENIED, THROTTLED), (), 3),
        ((a_vm(),), (), (refused(),), 3),
    ],
)
def test_a_preview_ends_as_the_run_would(vms, failures, refusals, status):
    plan = a_plan(*vms, refused=refusals)
    preview = Preview(plan=plan, recovery=NOTHING_LEFT, copies=None, failures=failures)

    assert preview.exit_status == status


def test_outstanding_copies_are_shown_in_their_order():
    steps = tuple(
        CopyStep(point=point, source=an_id("snapshots", point), wish=a_disk().wish)
        for point in ("p1", "p2")
    )
    queue = CopyQueue(
        disk_unique_id="u",
        disk_name="db01-os",
        subscription="s",
        region=Region("westus"),
        steps=steps,
    )
    copies = CopyPlan(policy="erp", made_at=TAKEN, parallel=1, queues=(queue,))

    page = a_page(a_plan(), copies=copies)

    assert page.more["copies"] == ["db01-os to westus: p1, p2"]
    assert [*plain_lines(page.blocks)][2:] == [
        "Outstanding copies of earlier points",
        "  db01-os to westus: p1, p2",
    ]
    assert Preview(plan=a_plan(), recovery=NOTHING_LEFT, copies=copies).pending
    assert not Preview(plan=a_plan(), recovery=NOTHING_LEFT, copies=None).pending


# -- narrowing -------------------------------------------------------------------------------------

THREE = a_plan(
    a_vm("db01"),
    a_vm("db02"),
    refused=(refused("db03"),),
    skipped=(skipped(),),
    warnings=(PlanWarning(source=str(an_id("virtualMachines", "db02")), code="w", message="m"),),
)


def test_nothing_named_takes_everything():
    assert narrow_plan(THREE, only=(), at_most=2) is THREE


@pytest.mark.parametrize("name", ["db01", "DB01", str(an_id("virtualMachines", "db01"))])
def test_a_vm_is_named_by_name_or_id_in_any_case(name):
    narrowed = narrow_plan(THREE, only=(name,), at_most=None)

    assert [vm.name for vm in narrowed.vms] == ["db01"]
    assert (narrowed.refused, narrowed.skipped, narrowed.warnings) == ((), (), ())


def test_a_refused_vm_that_is_named_stays_refused():
    narrowed = narrow_plan(THREE, only=("db03", "db02"), at_most=None)

    assert [vm.name for vm in narrowed.vms] == ["db02"]
    assert narrowed.refused == THREE.refused
    assert narrowed.warnings == THREE.warnings


@pytest.mark.parametrize(
    ("name", "why"),
    [("web01", "web01 is skipped: no rule selects it"), ("db77", "protects no VM db77")],
)
def test_a_name_that_is_not_taken_is_an_error_with_its_reason(name, why):
    with pytest.raises(NothingMatched, match=why):
        narrow_plan(THREE, only=("db01", name), at_most=None)


def test_more_than_allowed_is_an_error():
    with pytest.raises(TooManyVms, match="takes 2 VMs and disks, 1 are allowed"):
        narrow_plan(THREE, only=(), at_most=1)
