"""What happened when, ready to be drawn: points, gaps against the RPO, freezes, copies, quota."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Location, PointState, RestorePoint
from diskguard.plan.freshness import Freshness
from diskguard.plan.points import Assembly, points_by_source
from diskguard.plan.status import DiskUse, Status
from diskguard.plan.timeline_gaps import find_gaps
from diskguard.plan.timeline_picture import Lane, Mark, Standing, Timeline, Track
from diskguard.plan.timeline_work import copy_times, standstills_of
from diskguard.policy.effective import Settings, effective_settings
from diskguard.policy.model import Policy

SPANS: Final = tuple(timedelta(days=days) for days in (1, 3, 7, 14, 30))
RPOS_IN_SIGHT: Final = 12  # of the longest RPO: a gap of one is then wide enough to be seen
USUAL_SPAN: Final = timedelta(days=7)  # where the policy promises no RPO
MOST_MARKS: Final = 300  # per lane, the newest: more would lie on each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """What every track is drawn from."""

    since: datetime
    now: datetime
    assembly: Assembly
    settings: Mapping[str, Settings]
    points: Mapping[ResourceId, Sequence[RestorePoint]]
    uses: Mapping[ResourceId, DiskUse]


def draw_timeline(policy: Policy, status: Status, assembly: Assembly, *, most: int) -> Timeline:
    """Give every judged source, the worst first, the first `most` of them with marks and gaps."""
    sketch = Sketch(
        since=status.at - choose_span(status.freshness),
        now=status.at,
        assembly=assembly,
        settings={rule.name: effective_settings(policy, rule) for rule in policy.rules},
        points=points_by_source(assembly.points),
        uses={use.source: use for use in reversed(status.uses)},  # the fullest comes first there
    )
    sources: dict[ResourceId, list[Freshness]] = {}
    for each in status.freshness:
        sources.setdefault(each.source, []).append(each)
    worst_first = sorted(sources.values(), key=_urgency)
    tracks = [_track(lanes, sketch, drawn=n < most) for n, lanes in enumerate(worst_first)]
    return Timeline(
        since=sketch.since,
        until=status.at,
        tracks=tuple(tracks),
        under_way=status.copies,
        remarks=tuple(_remarks(status)),
    )


def choose_span(judged: Iterable[Freshness]) -> timedelta:
    """Give how far back to look: the shortest usual span with a dozen of the longest RPO in it."""
    longest = max((each.rpo for each in judged if each.rpo is not None), default=None)
    if longest is None:
        return USUAL_SPAN
    return next((span for span in SPANS if span >= RPOS_IN_SIGHT * longest), SPANS[-1])


def _remarks(status: Status) -> Iterator[str]:
    """What no line of a source says."""
    for each in status.shortages:
        yield f"rule {each.rule} takes {each.found}, fewer than the {each.expected} it expects"
    for left in status.left_out:
        yield f"no backup takes {left}"


def standing_of(fresh: Freshness) -> Standing:
    """Give how one source stands in one location."""
    if fresh.late:
        return Standing.LATE
    return Standing.RISK if fresh.risks or fresh.newest is None else Standing.FINE


def _worst(standings: Iterable[Standing]) -> Standing:
    return min(standings, key=list(Standing).index)


def _urgency(lanes: Sequence[Freshness]) -> tuple[int, float, str, ResourceId]:
    """Sort by standing, then by how many RPOs old the newest is; never backed up comes first."""
    rank = list(Standing).index(_worst(standing_of(each) for each in lanes))
    overdue = max(_age_in_rpos(each) for each in lanes)
    return rank, -overdue, lanes[0].name.lower(), lanes[0].source


def _age_in_rpos(fresh: Freshness) -> float:
    if fresh.age is None:
        return float("inf")
    return fresh.age / fresh.rpo if fresh.rpo else 0.0


def _track(judged: Sequence[Freshness], sketch: Sketch, *, drawn: bool) -> Track:
    first = judged[0]
    points = sketch.points.get(first.source, ())
    settings = sketch.settings[first.rule]
    blank = [_blank(fresh) for fresh in judged]
    lanes = [_drawn(lane, points, settings, sketch) for lane in blank] if drawn else blank
    limit, since = settings.consistency.freeze_limit, sketch.since
    return Track(
        source=first.source,
        name=first.name,
        rule=first.rule,
        standing=_worst(lane.standing for lane in lanes),
        lanes=tuple(lanes),
        drawn=drawn,
        standstills=tuple(standstills_of(points, limit=limit, since=since)),
        copies=tuple(copy_times(points, sketch.assembly, since=since)),
        fullest=sketch.uses.get(first.source),
    )


def _blank(fresh: Freshness) -> Lane:
    part = None if fresh.newest is None else fresh.newest.part(fresh.location)
    region = None if part is None else part.region
    return Lane(fresh=fresh, region=region, standing=standing_of(fresh))


def _drawn(lane: Lane, points: Sequence[RestorePoint], settings: Settings, sketch: Sketch) -> Lane:
    marks = sorted(_marks(points, lane.fresh.location), key=lambda mark: (mark.at, mark.point))
    moments = [mark.at for mark in marks if mark.grade is not None]
    seen = [mark for mark in marks if sketch.since <= mark.at]
    retention = settings.retention
    keep = retention.primary if lane.fresh.location is Location.PRIMARY else retention.dr
    gaps = find_gaps(lane.fresh, moments, keep, since=sketch.since, now=sketch.now)
    return replace(
        lane,
        known_since=moments[0] if moments else None,
        marks=tuple(seen[-MOST_MARKS:]),
        gaps=tuple(gaps),
        unmarked=max(0, len(seen) - MOST_MARKS),
    )


def _marks(points: Iterable[RestorePoint], location: Location) -> Iterator[Mark]:
    for point in points:
        part = point.part(location)
        if part is None or part.state is PointState.MISSING:
            continue
        sealed = part.seal if part.state is PointState.COMPLETE else None
        yield Mark(
            at=point.moment,
            point=point.id,
            state=part.state,
            grade=None if sealed is None else sealed.consistency.achieved,
            downgraded=sealed is not None and sealed.consistency.downgraded,
        )
