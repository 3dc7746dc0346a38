"""What stands around the timeline: trouble first, then copies, standstills, quota, every figure."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from diskguard.cli.render.cells import duration
from diskguard.cli.render.html import Markup, glue, tag
from diskguard.cli.render.html_parts import (
    STANDING_CLASS,
    Row,
    age_of,
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
from diskguard.plan.backup_limits import MANY_SNAPSHOTS, MOST_SNAPSHOTS
from diskguard.plan.status import DiskUse
from diskguard.plan.status_copies import CopyUnderWay
from diskguard.plan.timeline_picture import (
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
    """Copies under way with when they may be done, and how long finished ones took at most."""
    finished = [track for track in timeline.tracks if track.copies]
    if not timeline.under_way and not finished:
        return None
    finished.sort(key=_longest_copy, reverse=True)
    title = "Copies to the other region"
    return section("copies", title, _under_way(timeline), _finished(finished))


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
    full = [(track, track.fullest) for track in timeline.tracks if track.fullest is not None]
    full.sort(key=lambda each: each[1].used, reverse=True)
    rows = [_quota_row(track, fullest) for track, fullest in full[:MOST_CHARTED]]
    headings = ("name", "fullest disk", "snapshots", "of those Azure allows")
    return section(
        "quota",
        "Snapshots per disk",
        table("All snapshots of the disk that were seen count, whoever made them.", headings, rows),
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


def _under_way(timeline: Timeline) -> Markup:
    if not timeline.under_way:
        return note("None is under way.")
    rows = [_copy_row(copy, timeline) for copy in timeline.under_way[:MOST_CHARTED]]
    caption = f"Under way: {len(timeline.under_way)}, the oldest first."
    shown = table(caption, ("name", "point", "began", "done", "estimated end"), rows)
    return glue((shown, left_out(len(timeline.under_way) - MOST_CHARTED, "under way")))


def _copy_row(copy: CopyUnderWay, timeline: Timeline) -> Row:
    done = glue((_bar(copy.percent / 100, "copying"), f" {copy.percent:.0f} %"))
    end: str = "nothing to go by yet"
    if copy.done_at is not None:
        left = duration(max(timedelta(), copy.done_at - timeline.until))
        end = glue((minute(copy.done_at), f", in {left}, by {copy.basis}"))
    return copy.source.name, copy.point, minute(copy.began_at), done, end


def _longest_copy(track: Track) -> timedelta:
    return max(copy.at_most for copy in track.copies)


def _finished(finished: Sequence[Track]) -> Markup | None:
    if not finished:
        return None
    longest = max(_longest_copy(finished[0]), timedelta(seconds=1))
    rows = [_finished_row(track, longest) for track in finished[:MOST_CHARTED]]
    caption = (
        "Finished: at most so long. Azure keeps when a copy began and not when it ended; "
        "the next copy of the same disks says by when it had."
    )
    headings = ("name", "copies", "half of them within", "the longest within")
    shown = table(caption, headings, rows)
    return glue((shown, left_out(len(finished) - MOST_CHARTED, "whose copies were quicker")))


def _finished_row(track: Track, longest: timedelta) -> Row:
    lengths = sorted(copy.at_most for copy in track.copies)
    bar = glue((_bar(lengths[-1] / longest, "done"), f" {duration(lengths[-1])}"))
    return track.name, f"{len(lengths)}", duration(lengths[(len(lengths) - 1) // 2]), bar


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


def _quota_row(track: Track, fullest: DiskUse) -> Row:
    many = fullest.used >= MANY_SNAPSHOTS
    warning = ", close to the limit" if many else ""
    bar = _bar(fullest.used / MOST_SNAPSHOTS, "many" if many else "done")
    shown = glue((bar, f" {MOST_SNAPSHOTS}{warning}"))
    return track.name, fullest.disk.name, f"{fullest.used}", shown


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
        age_of(fresh),
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
