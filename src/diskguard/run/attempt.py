"""One attempt at a restore point: what was asked for, what exists, what it may be called."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from diskguard.errors import DiskguardError
from diskguard.model.estate import PowerState
from diskguard.model.events import PhaseEntered
from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Learned
from diskguard.model.wish import OperationState
from diskguard.plan.backup_plan import VmPlan
from diskguard.plan.proof import Evidence, MemberEvidence, Proof, grade, learn
from diskguard.ports import Ports
from diskguard.run.claim import clear_names
from diskguard.run.members import Asked, Taken, follow_to_end, request_members

Members = tuple[Taken | DiskguardError, ...]
STOPPED = (PowerState.STOPPED, PowerState.DEALLOCATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one attempt came to. `provable` False: no further attempt could prove more."""

    asked: tuple[Asked, ...]
    members: Members
    proof: Proof
    learned: Learned
    provable: bool = True

    @property
    def trouble(self) -> DiskguardError | None:
        """The first error among the members, or None when all exist."""
        return next((each for each in self.members if isinstance(each, DiskguardError)), None)

    @property
    def first_member(self) -> ResourceId:
        """The snapshot that will carry the seal."""
        return self.asked[0].wish.id


async def take_at_once(
    plan: VmPlan, ports: Ports, *, because: str | None, mine: Collection[str] = ()
) -> Attempt:
    """Request every member at once with nothing frozen; `because` says why, if a freeze was asked.

    `mine` are the nonces of attempts of this run that were undone.
    """
    asked, members = await _request_all(plan, ports, mine)
    return judge(plan, asked, members, because=because)


async def take_stopped(plan: VmPlan, ports: Ports) -> Attempt:
    """Request every member of a VM that is stopped; offline only if it is so until the last ends."""
    before = await is_stopped(plan, ports)
    asked, members = await _request_all(plan, ports)
    after = await is_stopped(plan, ports)
    return judge(plan, asked, members, stopped_throughout=before and after)


async def is_stopped(plan: VmPlan, ports: Ports) -> bool:
    """Say whether nothing can write: the VM is stopped, or there is no VM at all."""
    if plan.vm is None:
        return True
    vm = await ports.compute.find_vm(plan.vm)
    return vm is None or vm.power in STOPPED


async def _request_all(
    plan: VmPlan, ports: Ports, mine: Collection[str] = ()
) -> tuple[tuple[Asked, ...], Members]:
    await clear_names(plan, ports, mine=mine)
    enter(plan, "snapshots", ports)
    asked = await request_members(plan, ports, nonce=ports.nonce())
    return asked, await follow_to_end(asked, plan, ports)


def judge(
    plan: VmPlan,
    asked: tuple[Asked, ...],
    members: Members,
    *,
    because: str | None = None,
    stopped_throughout: bool = False,
) -> Attempt:
    """Prove a set that nothing was frozen for."""
    evidence = Evidence(
        requested=plan.requested,
        nonce=asked[0].nonce,
        members=evidence_of(asked, members),
        stopped_throughout=stopped_throughout,
        fallback_because=because,
    )
    learned = learn(armed=None, arrived_at=None, report=None, operations=operations_of(members))
    return Attempt(asked=asked, members=members, proof=grade(evidence), learned=learned)


def evidence_of(asked: Sequence[Asked], members: Members) -> tuple[MemberEvidence, ...]:
    """What is known of each member's making."""
    return tuple(
        MemberEvidence(
            disk_id=each.member.disk_id,
            disk_unique_id=each.member.disk_unique_id,
            lun=each.member.lun,
            operation=member.operation if isinstance(member, Taken) else None,
            snapshot=member.snapshot if isinstance(member, Taken) else None,
        )
        for each, member in zip(asked, members, strict=True)
    )


def operations_of(members: Members) -> list[OperationState]:
    """Azure's own accounts of the members it made."""
    return [each.operation for each in members if isinstance(each, Taken) and each.operation]


def enter(plan: VmPlan, phase: str, ports: Ports, detail: str = "") -> None:
    """Tell the observer that this source entered a phase."""
    ports.observer.notice(
        PhaseEntered(at=ports.clock.now(), source=plan.name, phase=phase, detail=detail)
    )
