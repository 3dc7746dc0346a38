"""What stands around the timeline: trouble first, then copies, standstills, quota, every figure."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from diskguard.cli.render.cells import duration
from diskguard.cli.render.html import Markup, glue, tag
from diskguard.cli.render.html_parts import (
    STANDING_CLASS,
    Row,
    left_out,
    lines,
    minute,
    note,
    noun_of,
    place_of,
    section,
    span_or_dash,
    standing_sign,
    table,
    verdict_of,
)
from diskguard.model.restore_point import PointState
from diskguard.plan.backup_limits import MANY_SNAPSHOTS
from diskguard.plan.timeline_picture import (
    CopyTime,
    Lane,
    Standing,
    Standstill,
    Timeline,
    Track,
)

MOST_CHARTED: Final = 40  # rows of a chart: the highest of them
MOST_TABLED: Final = 2000  # sources in lists and in the table
BAR: Final = 200


def trouble_section(timeline: Timeline) -> Markup | None:
    """Who is late or at risk, worst first, and why; nothing where nobody is."""
    troubled = [track for track in timeline.tracks if track.standing is not Standing.FINE]
    if not troubled:
        return None
    return section(
        "trouble",
        "What needs a look",
        tag("ul", *(_trouble(track) for track in troubled[:MOST_TABLED]), class_="trouble"),
        left_out(len(troubled) - MOST_TABLED, noun_of(troubled)),
    )


def copies_section(timeline: Timeline) -> Markup | None:
    """Copies under way with how far they are, and how long the finished ones took at most."""
    if not any(track.copies for track in timeline.tracks):
        return None
    running = [
        (track, copy)
        for track in timeline.tracks
        for copy in track.copies
        if copy.state is PointState.COPYING
    ]
    running.sort(key=lambda each: each[1].began)
    finished = [(track, lengths) for track in timeline.tracks if (lengths := _finished(track))]
    finished.sort(key=lambda each: max(each[1]), reverse=True)
    return section("copies", "Copies to the other region", _running(running), _past(finished))


def standstill_section(timeline: Timeline) -> Markup | None:
    """How long guests stood still, against the most they may; the nearest to the limit first."""
    frozen = [track for track in timeline.tracks if track.standstills]
    if not frozen:
        return None
    frozen.sort(key=lambda track: max(map(_share, track.standstills)), reverse=True)
    rows = [_standstill_row(track) for track in frozen[:MOST_CHARTED]]
    headings = ("name", "points", "newest", "longest", "limit", "each, from nothing to the limit")
    return section(
        "standstills",
        "How long guests stood still",
        table("From the last freeze to the first thaw, measured in the guest.", headings, rows),
        left_out(len(frozen) - MOST_CHARTED, "that stayed further below the limit"),
    )


def quota_section(timeline: Timeline) -> Markup:
    """How many snapshots the fullest disks have, of those Azure allows."""
    full = [track for track in timeline.tracks if track.quota is not None]
    full.sort(key=lambda track: track.quota.used if track.quota else 0, reverse=True)
    rows = [_quota_row(track) for track in full[:MOST_CHARTED]]
    headings = ("name", "fullest disk", "snapshots", "of those Azure allows")
    return section(
        "quota",
        "Snapshots per disk",
        table("All snapshots of the disk count, whoever made them.", headings, rows),
        left_out(len(full) - MOST_CHARTED, "with fewer snapshots"),
    )


def figures_section(timeline: Timeline) -> Markup:
    """Everything the timeline shows, in figures: per source and location one row."""
    shown = timeline.tracks[:MOST_TABLED]
    headings = (
        "name",
        "where",
        "stands",
        "newest point",
        "age",
        "RPO",
        "reached",
        "gaps",
        "remarks",
    )
    return section(
        "figures",
        "The same in figures",
        table(
            "Per location: the newest restorable point, and gaps in the time drawn above.",
            headings,
            (_figures_row(track, lane) for track in shown for lane in track.lanes),
        ),
        left_out(len(timeline.tracks) - len(shown), noun_of(timeline.tracks)),
    )


def _trouble(track: Track) -> Markup:
    ill = [lane for lane in track.lanes if lane.standing is not Standing.FINE]
    said = [verdict_of(lane) for lane in ill if lane.fresh.late or lane.fresh.newest is None]
    said += _risks(ill)
    return tag(
        "li",
        standing_sign(track.standing),
        tag("b", track.name),
        " ",
        tag("span", f"{track.standing}", class_="word"),
        lines(said),
        class_=STANDING_CLASS[track.standing],
    )


def _risks(lanes: Sequence[Lane]) -> Iterator[str]:
    """Each risk once, after the locations that have it."""
    places: dict[str, list[str]] = {}
    for lane in lanes:
        for risk in lane.fresh.risks:
            places.setdefault(risk, []).append(lane.fresh.location.value)
    for risk, where in places.items():
        yield f"{' and '.join(where)}: {risk}."


def _running(copies: Sequence[tuple[Track, CopyTime]]) -> Markup:
    if not copies:
        return note("None is under way.")
    rows = [
        (
            track.name,
            copy.point,
            minute(copy.began),
            span_or_dash(copy.length),
            glue((_bar(copy.percent / 100, "copying"), f" {copy.percent:.0f} %")),
            _remaining(copy),
        )
        for track, copy in copies[:MOST_CHARTED]
    ]
    headings = ("name", "point", "began", "so far", "done", "left at this pace")
    shown = table(f"Under way: {len(copies)}, the longest first.", headings, rows)
    return glue((shown, left_out(len(copies) - MOST_CHARTED, "under way")))


def _remaining(copy: CopyTime) -> str:
    if copy.percent <= 0 or copy.length is None:
        return "-"
    return f"about {duration(copy.length * (100 - copy.percent) / copy.percent)}"


def _finished(track: Track) -> list[timedelta]:
    done = [copy for copy in track.copies if copy.state is PointState.COMPLETE]
    return [copy.length for copy in done if copy.length is not None]


def _past(finished: Sequence[tuple[Track, list[timedelta]]]) -> Markup | None:
    if not finished:
        return None
    longest = max(max(lengths) for _, lengths in finished)
    rows = [
        (
            track.name,
            f"{len(lengths)}",
            duration(sorted(lengths)[len(lengths) // 2]),
            glue((_bar(max(lengths) / longest, "done"), f" {duration(max(lengths))}")),
        )
        for track, lengths in finished[:MOST_CHARTED]
    ]
    caption = (
        "Finished: at most so long. Azure keeps when a copy began and not when it ended; "
        "the next copy of the same disks says by when it had."
    )
    headings = ("name", "copies", "half of them within", "the longest within")
    shown = table(caption, headings, rows)
    return glue((shown, left_out(len(finished) - MOST_CHARTED, "whose copies were quicker")))


def _share(standstill: Standstill) -> float:
    return standstill.length / standstill.limit


def _standstill_row(track: Track) -> Row:
    longest = max(track.standstills, key=_share)
    dots = [
        tag(
            "circle",
            tag("title", f"{duration(each.length)} for {each.point}"),
            cx=4 + min(1.0, _share(each)) * (BAR - 8),
            cy=6,
            r=3,
            class_="dot over" if _share(each) >= 1 else "dot",
        )
        for each in track.standstills
    ]
    scale = tag("line", x1=4, x2=BAR - 4, y1=6, y2=6, class_="scale")
    end = tag("line", x1=BAR - 4, x2=BAR - 4, y1=0, y2=12, class_="limit")
    title = tag("title", f"The longest took {_share(longest):.0%} of the limit.")
    strip = tag(
        "svg",
        title,
        scale,
        end,
        *dots,
        viewBox=f"0 0 {BAR} 12",
        width=BAR,
        height=12,
        role="img",
        class_="bar",
    )
    return (
        track.name,
        f"{len(track.standstills)}",
        duration(track.standstills[0].length),
        duration(longest.length),
        duration(longest.limit),
        strip,
    )


def _quota_row(track: Track) -> Row:
    quota = track.quota
    if quota is None:
        return (track.name,)
    kind = "many" if quota.used >= MANY_SNAPSHOTS else "done"
    warning = ", close to the limit" if quota.used >= MANY_SNAPSHOTS else ""
    shown = glue((_bar(quota.used / quota.most, kind), f" {quota.most}{warning}"))
    return track.name, quota.disk, f"{quota.used}", shown


def _figures_row(track: Track, lane: Lane) -> Row:
    fresh = lane.fresh
    part = None if fresh.newest is None else fresh.newest.part(fresh.location)
    seal = None if part is None else part.seal
    gaps = f"{len(lane.gaps)}" if track.drawn else "not drawn"
    return (
        track.name,
        place_of(lane),
        glue((standing_sign(lane.standing), tag("span", f"{lane.standing}"))),
        minute(None if fresh.newest is None else fresh.newest.taken_at),
        "never" if fresh.age is None else duration(fresh.age),
        span_or_dash(fresh.rpo),
        "-" if seal is None else f"{seal.consistency.achieved}",
        gaps,
        lines(_remarks(lane)),
    )


def _remarks(lane: Lane) -> Iterator[str]:
    yield from lane.fresh.risks
    for gap in lane.gaps:
        yield f"{gap.kind} gap of {duration(gap.until - gap.since)} until {gap.until:%m-%d %H:%M}Z"


def _bar(share: float, kind: str) -> Markup:
    full = min(max(share, 0.0), 1.0)
    return tag(
        "svg",
        tag("title", f"{share:.0%}"),
        tag("rect", width=BAR, height=10, class_="whole"),
        tag("rect", width=max(1.0, full * BAR), height=10, class_=kind),
        viewBox=f"0 0 {BAR} 10",
        width=BAR,
        height=10,
        role="img",
        class_="bar",
    )
