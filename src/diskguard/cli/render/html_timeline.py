"""The timeline as SVG: a lane per VM and location, with every point, every gap, and now."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from diskguard.cli.render.cells import duration
from diskguard.cli.render.html import Markup, tag
from diskguard.cli.render.html_parts import (
    STANDING_CLASS,
    age_of,
    left_out,
    note,
    place_of,
    section,
    sign_of,
    standing_sign,
    verdict_of,
)
from diskguard.plan.timeline_picture import Gap, GapKind, Lane, Mark, Timeline, Track

WIDTH: Final = 800
HEIGHT: Final = 26
MARGIN: Final = 8  # so that a mark at either end is whole
MOST_TOLD: Final = 6000
"""Up to so many marks every one says what it is; beyond, the newest and the troubled ones do."""

_GRIDS: Final = tuple(timedelta(hours=hours) for hours in (3, 6, 12, 24, 48, 120))
_MOST_LINES: Final = 12
_CLOSE: Final = 56  # a label nearer to "now" than this would lie on it

_LEGEND: Final = (
    ("application", "application-consistent"),
    ("filesystem", "file systems frozen"),
    ("offline", "VM was off"),
    ("crash", "crash-consistent"),
    ("filesystem-low", "underlined: less than was asked for"),
    ("on-its-way", "not restorable yet"),
    ("broken", "incomplete or failed"),
)
_GAP_WORDS: Final = {
    GapKind.OPEN: "nothing fresh enough until now",
    GapKind.PAST: "nothing fresh enough",
    GapKind.THINNED: "thinned by retention, so nothing can be said",
}


def timeline_section(timeline: Timeline) -> Markup:
    """Draw every track that has lanes to draw, under one axis, with its legend."""
    drawn = [track for track in timeline.tracks if track.drawn]
    marks = sum(len(lane.marks) for track in drawn for lane in track.lanes)
    grid = [*_grid(timeline)]
    return section(
        "timeline",
        f"The last {duration(timeline.until - timeline.since)}",
        _legend(),
        _axis(timeline, grid),
        *(_track(track, timeline, grid, tell_all=marks <= MOST_TOLD) for track in drawn),
        left_out(len(timeline.tracks) - len(drawn), "lines, of those that stand best"),
        note("Times are UTC. Gaps are held against the RPO and the retention of today's policy."),
    )


def _legend() -> Markup:
    signs = [
        tag("li", tag("svg", tag("use", href=f"#{id}"), viewBox="-9 -9 18 20"), words)
        for id, words in _LEGEND
    ]
    bands = [
        tag("li", tag("svg", tag("rect", width=22, height=10, class_=f"gap {kind}")), words)
        for kind, words in _GAP_WORDS.items()
    ]
    return tag("ul", *signs, *bands, class_="legend", aria_label="Legend")


def _track(track: Track, timeline: Timeline, grid: Iterable[datetime], *, tell_all: bool) -> Markup:
    kind = STANDING_CLASS[track.standing]
    name = tag(
        "h3",
        standing_sign(track.standing),
        track.name,
        " ",
        tag("span", f"{track.standing}", class_="word"),
        tag("small", f"{track.source.group} · rule {track.rule}"),
    )
    lanes = [_lane(track, lane, timeline, grid, tell_all=tell_all) for lane in track.lanes]
    return tag("article", name, *lanes, class_=f"track {kind}")


def _lane(
    track: Track, lane: Lane, timeline: Timeline, grid: Iterable[datetime], *, tell_all: bool
) -> Markup:
    fresh = lane.fresh
    limit = None if fresh.rpo is None else f" of {duration(fresh.rpo)}"
    age = tag(
        "span",
        tag("b", age_of(fresh)),
        limit,
        class_=f"age {STANDING_CLASS[lane.standing]}",
    )
    picture = tag(
        "svg",
        tag("title", _in_words(track, lane)),
        *(_line(when, timeline) for when in grid),
        *_bands(lane, timeline),
        *_signs(lane, timeline, tell_all=tell_all),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        class_="picture",
    )
    return tag("div", tag("span", place_of(lane), class_="where"), picture, age, class_="lane")


def _in_words(track: Track, lane: Lane) -> str:
    """What the lane shows, for those who do not see it."""
    gaps = sum(gap.kind is not GapKind.THINNED for gap in lane.gaps)
    more = f", {lane.unmarked} older ones not drawn" if lane.unmarked else ""
    points = f"{len(lane.marks)} points in sight{more}, {gaps} gaps"
    return f"{track.name}, {place_of(lane)}, {lane.standing}: {verdict_of(lane)} {points}."


def _bands(lane: Lane, timeline: Timeline) -> Iterator[Markup]:
    """A band from the first restorable point until now; over it the gaps."""
    if lane.known_since is not None and lane.fresh.rpo is not None:
        yield _band(lane.known_since, timeline.until, timeline, class_="covered")
    for gap in lane.gaps:
        yield _gap(gap, timeline)


def _gap(gap: Gap, timeline: Timeline) -> Markup:
    words = f"{_GAP_WORDS[gap.kind]}: {duration(gap.until - gap.since)}"
    said = f"{words}, from {_short(gap.since)} to {_short(gap.until)}"
    title = tag("title", said)
    return _band(gap.since, gap.until, timeline, title, class_=f"gap {gap.kind}")


def _band(
    since: datetime,
    until: datetime,
    timeline: Timeline,
    title: Markup | None = None,
    *,
    class_: str,
) -> Markup:
    left, right = _x(since, timeline), _x(until, timeline)
    return tag(
        "rect",
        title,
        x=left,
        y=HEIGHT / 2 - 7,
        width=max(2.0, right - left),
        height=14,
        class_=class_,
    )


def _signs(lane: Lane, timeline: Timeline, *, tell_all: bool) -> Iterator[Markup]:
    newest = None if lane.fresh.newest is None else lane.fresh.newest.id
    for mark in lane.marks:
        troubled = mark.grade is None or mark.downgraded
        told = tell_all or troubled or mark.point == newest
        title = tag("title", _mark_in_words(mark)) if told else None
        x = _x(mark.at, timeline)
        yield tag("use", title, href=f"#{sign_of(mark)}", x=x, y=HEIGHT // 2)


def _mark_in_words(mark: Mark) -> str:
    less = ", less than was asked for" if mark.downgraded else ""
    return f"{_short(mark.at)} {mark.grade or mark.state}{less}: {mark.point}"


def _axis(timeline: Timeline, grid: Iterable[datetime]) -> Markup:
    """When the lanes begin and end, and what their lines mean."""
    labels = [
        tag("text", _label(when), x=_x(when, timeline), y=16)
        for when in grid
        if WIDTH - MARGIN - _x(when, timeline) > _CLOSE
    ]
    now = tag("text", "now", x=WIDTH - MARGIN, y=16, class_="now")
    scale = tag(
        "svg", *labels, now, viewBox=f"0 0 {WIDTH} 20", class_="picture", aria_hidden="true"
    )
    key = tag("span", "age, of its RPO", class_="key")
    return tag("div", tag("span"), scale, key, class_="lane axis")


def _grid(timeline: Timeline) -> Iterator[datetime]:
    """Round UTC instants in sight, at most a dozen."""
    whole = timeline.until - timeline.since
    step = next((step for step in _GRIDS if whole / step <= _MOST_LINES), _GRIDS[-1])
    day = timeline.since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while day < timeline.until:
        if day > timeline.since:
            yield day
        day += step


def _line(when: datetime, timeline: Timeline) -> Markup:
    x = _x(when, timeline)
    return tag("line", x1=x, x2=x, y1=0, y2=HEIGHT, class_="grid")


def _label(when: datetime) -> str:
    midnight = (when.hour, when.minute) == (0, 0)
    return f"{when:%d %b}" if midnight else f"{when:%H:%M}"


def _short(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def _x(when: datetime, timeline: Timeline) -> float:
    """Where an instant lies; one ahead of our clock lies at now."""
    share = (when - timeline.since) / (timeline.until - timeline.since)
    return MARGIN + min(max(share, 0.0), 1.0) * (WIDTH - 2 * MARGIN)
