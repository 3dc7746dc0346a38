"""How a policy stands: ages, copies under way, what is at risk, how full the disks are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from diskguard.model.estate import Estate
from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Location, PointState, RestorePoint
from diskguard.plan.backup_limits import by_disk
from diskguard.plan.freshness import Freshness, judge_selection
from diskguard.plan.points import Assembly
from diskguard.plan.selection import Selection, survey_sources
from diskguard.plan.selection_near import Shortage
from diskguard.plan.status_copies import CopyUnderWay, copies_under_way
from diskguard.plan.status_run import LastRun, last_run
from diskguard.plan.status_sizes import Stored, sizes_of
from diskguard.policy.model import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskUse:
    """How many of Azure's 500 snapshots a disk has, as far as the policy's groups show them.

    All are counted, whoever made them: other policies and other tools use up the same 500.
    """

    source: ResourceId
    disk: ResourceId
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a policy stood at one instant of Azure's clock.

    `counts` has the points per location and state there, `windows` how long guests stood still,
    `left_out` what no backup takes although a rule asks for it and `on_unsupported` is `warn`.
    """

    policy: str
    at: datetime
    freshness: tuple[Freshness, ...]
    copies: tuple[CopyUnderWay, ...] = ()
    uses: tuple[DiskUse, ...] = ()
    counts: Mapping[tuple[Location, PointState], int] = field(default_factory=dict)
    sizes: tuple[Stored, ...] = ()
    windows: tuple[timedelta, ...] = ()
    last_run: LastRun | None = None
    shortages: tuple[Shortage, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def late(self) -> tuple[Freshness, ...]:
        """Those beyond what was promised."""
        return tuple(each for each in self.freshness if each.late)

    @property
    def at_risk(self) -> tuple[Freshness, ...]:
        """Those in time of which something should be known all the same."""
        return tuple(each for each in self.freshness if each.risks and not each.late)

    @property
    def fullest(self) -> DiskUse | None:
        """The disk nearest to the limit, or None where no disk is taken."""
        return self.uses[0] if self.uses else None


def survey_status(policy: Policy, estate: Estate, assembly: Assembly, *, now: datetime) -> Status:
    """Say how the policy stands; `assembly` holds the points it governs, `now` is Azure's time."""
    selection = survey_sources(policy, estate)
    return Status(
        policy=policy.name,
        at=now,
        freshness=judge_selection(policy, selection, assembly, now=now),
        copies=copies_under_way(assembly, now=now),
        uses=_uses(selection, estate),
        counts=count_points(assembly.points),
        sizes=sizes_of(assembly),
        windows=_windows(assembly.points),
        last_run=last_run(assembly),
        shortages=selection.shortages,
        left_out=_left_out(selection),
    )


def count_points(points: Sequence[RestorePoint]) -> dict[tuple[Location, PointState], int]:
    """Count points by location and their state there; every pair is in it, most of them zero."""
    found = Counter((part.location, part.state) for point in points for part in point.parts)
    return {(place, state): found[place, state] for place in Location for state in PointState}


def _uses(selection: Selection, estate: Estate) -> tuple[DiskUse, ...]:
    """Every disk that is taken, the fullest first."""
    snapshots = by_disk(estate.snapshots)
    found = [
        DiskUse(
            source=selected.source,
            disk=each.disk.id,
            used=len(snapshots.get(each.disk.unique_id.lower(), ())),
        )
        for selected in selection.selected
        for each in selected.disks
    ]
    return tuple(sorted(found, key=lambda use: (-use.used, use.source, use.disk)))


def _windows(points: Sequence[RestorePoint]) -> tuple[timedelta, ...]:
    windows = (point.seal.consistency.window for point in points if point.seal is not None)
    return tuple(window for window in windows if window is not None)


def _left_out(selection: Selection) -> tuple[str, ...]:
    if selection.unsupported_fails:
        return ()
    return tuple(
        f"{each.source.name}{f', disk {each.disk}' if each.disk else ''}: {each.reason}"
        for each in selection.unsupported
    )
