"""The emergency: whatever is frozen in a VM is thawed."""

from collections.abc import Awaitable, Callable
from typing import Final

from diskguard.cli.render.page import Lines, Page, Table
from diskguard.cli.session import Session
from diskguard.cli.steps.sight import ByHand, Sight, find_sight
from diskguard.cli.steps.work import look
from diskguard.errors import (
    CloudRefused,
    DiskguardError,
    GuestRefused,
    GuestTrouble,
    NothingMatched,
    Unfinished,
    UsageInvalid,
)
from diskguard.model.guest import ThawReport
from diskguard.model.ids import ResourceId
from diskguard.ports import Ports

VM_KIND: Final = "Microsoft.Compute/virtualMachines"
FindVm = Callable[[Ports], Awaitable[ResourceId]]


def thaw(session: Session, by_hand: ByHand, vm: str) -> int:
    """Thaw the VM and show what was found; 1 where something stays frozen.

    Raises NothingMatched or UsageInvalid where the text does not name one VM; GuestTrouble,
    CloudRefused or Unfinished, with the last resort as its hint, where the guest does not answer.
    """
    cloud, find = _place_of(session, by_hand, vm)

    async def work(ports: Ports) -> tuple[ResourceId, ThawReport]:
        found = await find(ports)
        session.say(f"diskguard: thawing {found}; Run Command takes about 20 seconds")
        try:
            return found, await ports.guest.thaw(found)
        except (GuestTrouble, CloudRefused, Unfinished) as error:
            error.hint = _what_is_left(found, error)
            raise

    found, report = look(session, cloud, work)
    return session.show(_page(found, report), silent_on_success=True)


def _what_is_left(vm: ResourceId, error: DiskguardError) -> str:
    if isinstance(error, GuestRefused) and error.reason == "vm-not-running":
        return "nothing is frozen in a VM that does not run"
    return last_resort(vm)


def last_resort(vm: ResourceId) -> str:
    """What is left to do when Run Command does not answer."""
    return (
        "A guest thaws itself within `freeze_limit`. If it is still frozen, the last resort is a "
        f"hard restart: az vm stop --skip-shutdown --ids {vm} && az vm start --ids {vm}"
    )


def _place_of(session: Session, by_hand: ByHand, vm: str) -> tuple[str, FindVm]:
    """Which cloud, and how to find the VM there; an id needs no looking for."""
    if "/" not in vm:
        sight = find_sight(session, by_hand)
        return sight.cloud, lambda ports: _find(vm, sight, ports)
    known = _vm_id(vm)

    async def itself(_: Ports) -> ResourceId:
        return known

    named = by_hand.policy or by_hand.subscriptions
    cloud = find_sight(session, by_hand).cloud if named else session.view.cloud or "public"
    return cloud, itself


def _vm_id(text: str) -> ResourceId:
    try:
        parsed = ResourceId.parse(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.kind.lower() != VM_KIND.lower():
        raise UsageInvalid(f"not the id of a VM: {text}")
    return parsed


async def _find(name: str, sight: Sight, ports: Ports) -> ResourceId:
    found: list[ResourceId] = []
    for subscription in sight.subscriptions:
        vms = await ports.inventory.list_vms(subscription)
        found += [vm.id for vm in vms if vm.name.lower() == name.lower()]
    if sight.policies is None and sight.groups:
        groups = {group.lower() for group in sight.groups}
        found = [vm for vm in found if vm.group.lower() in groups]
    if not found:
        where = ", ".join(sight.subscriptions)
        raise NothingMatched(f"no VM {name} in {where}")
    if len(found) > 1:
        ids = ", ".join(str(vm) for vm in sorted(found))
        raise UsageInvalid(f"several VMs are called {name}: {ids}", hint="Give the id of one.")
    return found[0]


def _page(vm: ResourceId, report: ThawReport) -> Page:
    rows = (
        *((path, "thawed", None) for path in report.thawed),
        *((each.what, "failed", each.reason) for each in report.resisted),
    )
    table = Table(headings=("mount", "result", "reason"), rows=rows)
    item: dict[str, object] = {
        "vm": str(vm),
        "mounts": report.mount_count,
        "thawed": list(report.thawed),
        "resisted": [{"mount": each.what, "reason": each.reason} for each in report.resisted],
    }
    said = (
        f"{vm.name}: {len(report.thawed)} of {report.mount_count} mounts were frozen and are thawed"
    )
    if report.resisted:
        said += f"; {len(report.resisted)} could not be thawed. {last_resort(vm)}"
    return Page(
        schema="thaw",
        items=(item,),
        blocks=(*((table,) if rows else ()), Lines(lines=(said,))),
        table=table,
        exit_code=1 if report.resisted else 0,
    )
