"""`diskguard thaw`: what it found, and what is left to do."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest
from tests.cli.builders import SUBSCRIPTION, an_id

from diskguard.errors import (
    AccessDenied,
    CloudRefused,
    CloudUnreachable,
    DiskguardError,
    GuestBusy,
    GuestRefused,
    Throttled,
)
from diskguard.model.estate import OsType, PowerState, Vm
from diskguard.model.guest import LeftOut, ThawReport
from diskguard.model.ids import Region, ResourceId
from diskguard.ports import Compute, Observer, Ports

DB01 = an_id("virtualMachines", "db01")
THAWED = ThawReport(thawed=("/data", "/"), resisted=(), mount_count=3)
RESISTED = ThawReport(
    thawed=("/",), resisted=(LeftOut(what="/data", reason="busy"),), mount_count=2
)


def a_vm(vm_id: ResourceId) -> Vm:
    return Vm(
        id=vm_id,
        vm_id="v",
        region=Region("eastus"),
        os_type=OsType.LINUX,
        power=PowerState.RUNNING,
        attachments=(),
    )


@dataclass
class SmallWorld:
    """VMs, and a guest that answers with one report."""

    report: ThawReport | DiskguardError
    vms: tuple[ResourceId, ...] = (DB01,)

    async def list_vms(self, _subscription: str) -> tuple[Vm, ...]:
        return tuple(map(a_vm, self.vms))

    async def thaw(self, _vm: ResourceId) -> ThawReport:
        if isinstance(self.report, DiskguardError):
            raise self.report
        return self.report

    def opener(self, around: Any) -> Any:
        @asynccontextmanager
        async def open_ports(_cloud: str, observer: Observer) -> AsyncIterator[Ports]:
            yield Ports(
                inventory=cast("Any", self),
                compute=cast("Compute", None),
                guest=cast("Any", self),
                observer=observer,
                clock=around.clock,
                nonce=around.nonce,
            )

        return open_ports


@pytest.fixture
def thaw(cli):
    """Thaw a VM of a small world."""

    def run(world, *arguments, vm="db01"):
        opener = world.opener(cli.around)
        return cli("thaw", vm, "--subscription", SUBSCRIPTION, *arguments, open_ports=opener)

    return run


def test_what_was_frozen_is_listed(thaw):
    told = thaw(SmallWorld(THAWED))

    assert told.status == 0
    assert [line.split() for line in told.out.splitlines()[1:3]] == [
        ["/data", "thawed", "-"],
        ["/", "thawed", "-"],
    ]
    assert "db01: 2 of 3 mounts were frozen and are thawed" in told.out
    assert "thawing /subscriptions/" in told.err


def test_what_resists_is_a_failure_with_the_last_resort(thaw):
    told = thaw(SmallWorld(RESISTED), "-q")

    assert told.status == 1
    assert "/data  failed  busy" in told.out
    assert "az vm stop --skip-shutdown --ids" in told.out


def test_quiet_is_silent_on_success(thaw):
    told = thaw(SmallWorld(THAWED), "-q")

    assert (told.status, told.out, told.err) == (0, "", "")


def test_the_document_names_every_mount(thaw):
    document = json.loads(thaw(SmallWorld(RESISTED), "-o", "json").out)

    assert document["schema"] == "diskguard/thaw/1"
    assert document["items"] == [
        {
            "vm": str(DB01),
            "mounts": 2,
            "thawed": ["/"],
            "resisted": [{"mount": "/data", "reason": "busy"}],
        }
    ]


def test_one_name_for_two_vms_is_a_usage_error_that_lists_them(thaw):
    twins = (DB01, an_id("virtualMachines", "DB01", "other"))

    told = thaw(SmallWorld(THAWED, vms=twins))

    assert told.status == 2
    assert all(str(twin) in told.err for twin in twins)
    assert "hint: Give the id of one." in told.err


def test_an_id_of_something_else_is_a_usage_error(thaw):
    told = thaw(SmallWorld(THAWED), vm=str(an_id("disks", "db01")))

    assert told.status == 2
    assert "not the id of a VM" in told.err


SILENT = {
    "another script holds Run Command": GuestBusy("db01: another script"),
    "no answer": CloudUnreachable("no answer"),
    "Azure wants us to wait": Throttled("too many", retry_after_seconds=300),
    "the VM allows no scripts": CloudRefused("OperationNotAllowed"),
}


@pytest.mark.parametrize("error", SILENT.values(), ids=SILENT)
def test_a_guest_that_cannot_be_reached_leaves_the_last_resort(thaw, error):
    told = thaw(SmallWorld(error))

    assert told.status == error.exit_status
    assert f"error[{error.code}]" in told.err
    assert f"az vm stop --skip-shutdown --ids {DB01}" in told.err


def test_a_vm_that_does_not_run_has_nothing_frozen(thaw):
    told = thaw(SmallWorld(GuestRefused("db01 does not run", reason="vm-not-running")))

    assert told.status == 1
    assert "nothing is frozen in a VM that does not run" in told.err
    assert "restart" not in told.err


def test_a_missing_right_is_no_silence_of_the_guest(thaw):
    told = thaw(SmallWorld(AccessDenied("no runCommand/action")))

    assert told.status == 7
    assert "restart" not in told.err
