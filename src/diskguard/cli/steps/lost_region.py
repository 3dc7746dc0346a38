"""What would be left if a region were gone, looked up where it would still be found."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from diskguard.cli.render.lost_region import Loss, loss_page
from diskguard.cli.session import Session
from diskguard.cli.steps.errand import Eyes
from diskguard.cli.steps.sight import sight_of
from diskguard.cli.steps.survey import complain_of_unseen
from diskguard.cli.steps.work import look
from diskguard.errors import DiskguardError, NothingMatched
from diskguard.model.estate import Estate
from diskguard.model.ids import Region, ResourceId
from diskguard.model.restore_point import RestorePoint
from diskguard.plan.lost_region import assess_loss
from diskguard.plan.points import assemble_for
from diskguard.plan.selection import Selected, survey_sources
from diskguard.policy.model import Policy
from diskguard.ports import Ports
from diskguard.run.azure_time import azure_time
from diskguard.run.observe import Look, Scope, Unseen, observe_machines

PARTIAL: Final = 3
LATE: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outside:
    """What the other region's group shows, and, where it can still be read, who was protected."""

    copies: Estate
    unseen: tuple[Unseen, ...]
    machines: Estate | None


def show_loss(session: Session, policy: Policy, region: str) -> int:
    """Show what survives; 3 where copies could not be read, 9 where too much would be lost.

    Raises NothingMatched for a region in which the policy protects nothing.
    """
    outside = _look_outside(session, policy)
    now = outside.copies.observed_at
    points = assemble_for(policy, outside.copies, now=now).points
    selected = _selected(policy, outside.machines)
    lost = Region(region)
    survivors = assess_loss(
        lost,
        points,
        {each.source: _home(each) for each in selected},
        _rpos(policy, points, selected),
        now=now,
    )
    copies_lost = sum(_lies_in(point, lost) for point in points if point.region != lost)
    if not survivors and not copies_lost:
        raise _nothing_there(region, points, selected)
    complain_of_unseen(session, outside.unseen)
    loss = Loss(
        policy=policy.name,
        region=lost,
        survivors=survivors,
        copies_lost=copies_lost,
        all_known=outside.machines is not None,
    )
    late = LATE if any(each.late for each in survivors) else 0
    return session.show(loss_page(loss, exit_code=PARTIAL if outside.unseen else late))


def _look_outside(session: Session, policy: Policy) -> _Outside:
    """Only the DR group is needed; the VMs name those that have nothing there."""
    sight, dr = sight_of(session, policy), policy.locations.dr

    async def read(ports: Ports) -> _Outside:
        groups = () if dr is None else (dr.resource_group,)
        scope = Scope(subscriptions=sight.subscriptions, groups=groups)
        eyes = Eyes(scope=scope, ports=ports)
        copies = await eyes.look_at_points() if groups else None
        machines = await _machines(eyes)
        seen = copies or Look(estate=Estate(observed_at=azure_time(ports)))
        return _Outside(copies=seen.estate, unseen=seen.unseen, machines=machines)

    return look(session, sight.cloud, read)


async def _machines(eyes: Eyes) -> Estate | None:
    """None where a list failed, as it may when the region is really gone."""
    ports = eyes.ports
    try:
        seen = await observe_machines(eyes.scope, ports.inventory, now=ports.clock.now())
    except DiskguardError:
        return None
    return None if seen.unseen else seen.estate


def _selected(policy: Policy, machines: Estate | None) -> tuple[Selected, ...]:
    return () if machines is None else survey_sources(policy, machines).selected


def _home(selected: Selected) -> Region:
    return selected.disks[0].disk.region if selected.vm is None else selected.vm.region


def _rpos(
    policy: Policy, points: tuple[RestorePoint, ...], selected: tuple[Selected, ...]
) -> dict[ResourceId, timedelta | None]:
    """The other region's RPO: the rule's, or where no rule is known the policy's."""
    known = {point.source: policy.objectives.rpo.dr for point in points}
    return known | {each.source: each.settings.objectives.rpo.dr for each in selected}


def _lies_in(point: RestorePoint, region: Region) -> bool:
    return any(part.region == region for part in point.parts)


def _nothing_there(
    region: str, points: tuple[RestorePoint, ...], selected: tuple[Selected, ...]
) -> NothingMatched:
    regions = sorted({point.region for point in points} | {_home(each) for each in selected})
    hint = f"What it protects lies in {', '.join(regions)}." if regions else None
    message = f"the policy protects nothing in {region}, and has no copies there"
    return NothingMatched(message, hint=hint)
