"""The names of a point, free to be used: looked at after the guest's lock is ours."""

from collections.abc import Collection
from datetime import datetime

from diskguard.errors import DiskguardError, NameTaken
from diskguard.model.estate import Snapshot
from diskguard.plan.backup_plan import VmPlan
from diskguard.plan.naming_tags import ParsedMember, Places, parse_member
from diskguard.plan.points import ATTEMPT_LIFETIME
from diskguard.plan.prune_plan import Doomed
from diskguard.ports import Inventory, Ports
from diskguard.run.azure_time import azure_time
from diskguard.run.deletion import delete_guarded
from diskguard.run.together import together

FEW = 4  # up to here a read per name costs less than the list of a whole group


class AnotherRunMakesThis(DiskguardError):
    """Another machine is making, or has made, this very point; nothing is left to do here."""

    code = "made-by-another-run"
    exit_status = 0


async def clear_names(plan: VmPlan, ports: Ports, *, mine: Collection[str] = ()) -> None:
    """Return when no member's name is in use; an unsealed leftover of a dead run is made gone.

    `mine` are the nonces of this run's own attempts that were undone: what Azure made of those
    later than we looked for it is made gone too.
    Raises AnotherRunMakesThis for a sealed or young point of ours, NameTaken for a stranger's;
    then nothing was deleted.
    """
    existing = [_ours(snapshot, plan) for snapshot in await _existing(plan, ports)]
    now = azure_time(ports)
    others = [member for member in existing if member.nonce not in mine]
    if any(member.seal is not None or _may_be_alive(member, now) for member in others):
        raise AnotherRunMakesThis(f"{plan.point} is made by another run")
    leftovers = [Doomed(id=each.snapshot.id, nonce=each.nonce) for each in existing]
    await together(delete_guarded(each, ports.compute) for each in leftovers)


async def _existing(plan: VmPlan, ports: Ports) -> list[Snapshot]:
    if len(plan.members) > FEW:
        return await _listed(plan, ports.inventory)
    found = await together(ports.compute.find_snapshot(member.wish.id) for member in plan.members)
    return [snapshot for snapshot in found if snapshot is not None]


async def _listed(plan: VmPlan, inventory: Inventory) -> list[Snapshot]:
    names = {member.wish.id for member in plan.members}
    first = plan.members[0].wish.id
    listed = await inventory.list_snapshots(first.subscription, first.group)
    return [snapshot for snapshot in listed if snapshot.id in names]


def _ours(snapshot: Snapshot, plan: VmPlan) -> ParsedMember:
    parsed = parse_member(snapshot, Places(primary=snapshot.id.group))
    if not isinstance(parsed, ParsedMember):
        raise NameTaken(
            f"{snapshot.id} bears the name this point needs and is not ours: {parsed.reason}",
            hint="Rename or remove it, or wait for the next slot.",
        )
    if parsed.identity.policy != plan.policy:
        raise NameTaken(f"{snapshot.id} belongs to the policy {parsed.identity.policy!r}")
    return parsed


def _may_be_alive(member: ParsedMember, now: datetime) -> bool:
    sealing = member.seal_trouble is not None
    return sealing or (not member.snapshot.failed and now - member.requested_at < ATTEMPT_LIFETIME)
