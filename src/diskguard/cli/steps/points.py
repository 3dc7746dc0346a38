"""Restore points: looked up, chosen, shown."""

from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from diskguard.cli.render.page import Page
from diskguard.cli.render.point import point_page
from diskguard.cli.render.points import points_page
from diskguard.cli.render.trouble import failure_lines
from diskguard.cli.session import Session
from diskguard.cli.steps.instants import parse_instant
from diskguard.cli.steps.sight import ByHand, Sight, find_sight
from diskguard.cli.steps.work import look
from diskguard.errors import DiskguardError, PointNotFound
from diskguard.model.restore_point import Location, PointState, RestorePoint
from diskguard.plan.points import Assembly, assemble_points
from diskguard.ports import Ports
from diskguard.run.failure import failure_of
from diskguard.run.observe import Look, observe_snapshots

PARTIAL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which points to list; what is empty or None does not matter."""

    vms: tuple[str, ...] = ()
    location: str | None = None
    states: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None

    def choose(self, points: tuple[RestorePoint, ...], now: datetime) -> list[RestorePoint]:
        """The points that are wanted, in the same order. Raises UsageInvalid for a bad time."""
        since = None if self.since is None else parse_instant(self.since, now=now)
        until = None if self.until is None else parse_instant(self.until, now=now)
        return [
            point
            for point in points
            if self._fits(point)
            and (since is None or point.moment >= since)
            and (until is None or point.moment <= until)
        ]

    def _fits(self, point: RestorePoint) -> bool:
        names = {name.lower().rstrip("/") for name in self.vms}
        known = {point.source_name.lower()} | ({point.vm.key} if point.vm else set())
        if names and not names & known:
            return False
        if self.location is None:
            return not self.states or point.state in self.states
        part = point.part(Location(self.location))
        there = PointState.MISSING if part is None else part.state
        return there in self.states if self.states else there is not PointState.MISSING


def list_points(session: Session, by_hand: ByHand, wanted: Wanted) -> int:
    """Show the wanted points; 3 where a subscription could not be read."""
    now = session.around.clock.now()
    wanted.choose((), now)
    sight = find_sight(session, by_hand)
    seen, assembly = look_up(session, sight)
    chosen = wanted.choose(assembly.points, now)
    page = points_page(chosen, [*_strangers(assembly), *_not_looked_at(sight)])
    return session.show(with_unseen(session, seen, page))


def show_point(session: Session, by_hand: ByHand, name: str) -> int:
    """Show the one point of that id. Raises PointNotFound."""
    sight = find_sight(session, by_hand)
    seen, assembly = look_up(session, sight)
    point = choose_point(name, seen, assembly)
    page = point_page(point, now=session.around.clock.now(), remarks=_not_looked_at(sight))
    return session.show(page)


def choose_point(name: str, seen: Look, assembly: Assembly) -> RestorePoint:
    """Give the point of that id, in any case. Raises PointNotFound, or why it may not be seen."""
    by_id = {point.id.lower(): point for point in assembly.points}
    if name.lower() not in by_id:
        raise _point_not_found(name, by_id, seen)
    return by_id[name.lower()]


def look_up(session: Session, sight: Sight) -> tuple[Look, Assembly]:
    """Look at the restore points, and put them together."""

    async def read(ports: Ports) -> Look:
        return await observe_snapshots(sight.scope, ports.inventory, now=ports.clock.now())

    seen = look(session, sight.cloud, read)
    return seen, assemble_points(
        seen.estate.snapshots, sight.places, now=seen.estate.observed_at, policies=sight.policies
    )


def with_unseen(session: Session, seen: Look, page: Page) -> Page:
    """Say which subscriptions were not seen; the page ends in 3 then."""
    for each in seen.unseen:
        session.complain(failure_lines(failure_of(each.error), of=each.subscription))
    return replace(page, exit_code=PARTIAL) if seen.unseen else page


def _strangers(assembly: Assembly) -> list[str]:
    return [
        f"not ours: {stranger.snapshot.id} ({stranger.reason})"
        for stranger in assembly.strangers
        if stranger.claims_to_be_ours
    ]


def _not_looked_at(sight: Sight) -> list[str]:
    """Where groups are named by hand, what lies in others looks as if it were missing."""
    if sight.policies is not None or not sight.groups:
        return []
    return [f"looked only in {', '.join(sight.groups)}: missing is what does not lie there"]


def _point_not_found(name: str, known: dict[str, RestorePoint], seen: Look) -> DiskguardError:
    if seen.unseen:
        return seen.unseen[0].error
    near = get_close_matches(name.lower(), known, n=1)
    hint = f"Is it {known[near[0]].id}?" if near else "`diskguard list` shows those there are."
    return PointNotFound(f"no restore point {name}", hint=hint)
