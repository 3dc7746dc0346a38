"""Requests to a fake machine, and the whole of an attempt in its time."""

from typing import Any

from tests.guest.azure_shapes import GIB
from tests.guest.fake_machine import FakeKernel, FakeMachine

from diskguard_helper.arm import arm
from diskguard_helper.collect import collect

OS_DISK = ["os", None, 32 * GIB]
LEAD, LIMIT = 10.0, 10.0


def data_disk(lun: int) -> list[Any]:
    """A data disk of the plan."""
    return [f"data{lun}", lun, 32 * GIB]


def a_request(*disks: list[Any], **changes: Any) -> dict[str, Any]:
    """A request to freeze these disks 10 s from now, for at most 10 s."""
    wish: dict[str, Any] = {
        "attempt": "a1",
        "disks": list(disks),
        "lead": LEAD,
        "limit": LIMIT,
        "hold": None,
        "mounts": None,
        "allow_without_systemd": False,
    }
    return {**wish, **changes}


def armed(machine: FakeMachine, *disks: list[Any], **changes: Any) -> dict[str, Any]:
    """ARM's answer."""
    return arm(a_request(*disks, **changes), FakeKernel(machine))


def collected(machine: FakeMachine, attempt: str = "a1") -> dict[str, Any]:
    """COLLECT's answer."""
    return collect({"attempt": attempt}, FakeKernel(machine))


def freeze_at(machine: FakeMachine, promise: dict[str, Any]) -> float:
    """The agreed instant by the boot clock."""
    return float(promise["freeze_at"]) - machine.wall_ahead


def after_the_window(machine: FakeMachine, promise: dict[str, Any]) -> dict[str, Any]:
    """The report of an attempt that was left alone."""
    machine.run_until(freeze_at(machine, promise) + LIMIT + 2)
    return collected(machine)
