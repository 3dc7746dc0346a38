"""Parts of the status page that several sections use: signs, headings, tables, words."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from diskguard.cli.render.cells import duration
from diskguard.cli.render.html import Markup, glue, tag
from diskguard.model.restore_point import Grade, Location, PointState
from diskguard.plan.freshness import Freshness
from diskguard.plan.timeline_picture import Lane, Mark, Standing, Track

Row = Sequence[str | None]

STANDING_CLASS: Final = {Standing.LATE: "late", Standing.RISK: "risk", Standing.FINE: "fine"}

# Each sign has a shape of its own, so that nobody needs its colour. All are 12 wide, around 0,0.
_CROSS: Final = "M-5-5L5 5M-5 5L5-5"
_TRIANGLE: Final = "M0-5.5L5.5 4.5H-5.5Z"
_SQUARE: Final = "M-4.5-4.5H4.5V4.5H-4.5Z"
_DIAMOND: Final = "M0-6L6 0L0 6L-6 0Z"
_CIRCLE: Final = "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0Z"
_UNDERLINED: Final = "M-5.5 8.5H5.5"
_TICK: Final = "M-5 0L-1.5 4L5-4.5"

GRADE_SIGNS: Final = {
    Grade.APPLICATION: _DIAMOND,
    Grade.FILESYSTEM: _CIRCLE,
    Grade.OFFLINE: _SQUARE,
    Grade.CRASH: _TRIANGLE,
}
STANDING_SIGNS: Final = {
    Standing.LATE: _CROSS,
    Standing.RISK: _TRIANGLE,
    Standing.FINE: _TICK,
}


def sign_of(mark: Mark) -> str:
    """The id of the sign a mark is drawn with."""
    if mark.grade is not None:
        return f"{mark.grade}-low" if mark.downgraded else f"{mark.grade}"
    on_its_way = mark.state in (PointState.PENDING, PointState.COPYING)
    return "on-its-way" if on_its_way else "broken"


def signs() -> Markup:
    """Define every sign, and the hatching of gaps, once for the whole page."""
    symbols = [
        *(_sign(f"{grade}", shape, class_=grade.value) for grade, shape in GRADE_SIGNS.items()),
        *(
            tag(
                "g",
                tag("path", d=shape),
                tag("path", d=_UNDERLINED, class_="line"),
                id=f"{grade}-low",
                class_="low",
            )
            for grade, shape in GRADE_SIGNS.items()
        ),
        _sign("on-its-way", _CIRCLE, class_="hollow"),
        _sign("broken", _CROSS, class_="broken line"),
        tag(
            "pattern",
            tag("rect", width=6, height=6, class_="unhatched"),
            tag("path", d="M0 6L6 0", class_="hatching"),
            id="hatch",
            width=6,
            height=6,
            patternUnits="userSpaceOnUse",
        ),
    ]
    return tag("svg", tag("defs", *symbols), width=0, height=0, class_="signs", aria_hidden="true")


def standing_sign(standing: Standing) -> Markup:
    """A sign for how something stands; the word is said beside it."""
    path = tag("path", d=STANDING_SIGNS[standing])
    kind = STANDING_CLASS[standing]
    return tag("svg", path, viewBox="-8 -8 16 16", class_=f"sign {kind}", aria_hidden="true")


def section(id: str, title: str, *body: str | None) -> Markup:
    """A part of the page under a heading of its own."""
    heading = tag("h2", title, id=id)
    return tag("section", heading, *body, aria_labelledby=id)


def note(text: str) -> Markup:
    """A remark in small print."""
    return tag("p", text, class_="note")


def table(caption: str, headings: Sequence[str], rows: Iterable[Row]) -> Markup:
    """A table whose first column names the row."""
    head = tag("thead", tag("tr", *(tag("th", each, scope="col") for each in headings)))
    body = tag("tbody", *(_row(row) for row in rows))
    return tag("div", tag("table", tag("caption", caption), head, body), class_="scroll")


def left_out(number: int, what: str) -> Markup | None:
    """Say what the page does not show, if there is any."""
    return note(f"Left out: {number} more {what}.") if number > 0 else None


def lines(texts: Iterable[str]) -> Markup | None:
    """Several sentences, each on a line of its own."""
    said = [tag("li", text) for text in texts]
    return tag("ul", *said, class_="plain") if said else None


def minute(when: datetime | None) -> Markup:
    """An instant to the minute, in UTC."""
    if when is None:
        return Markup("-")
    utc = when.astimezone(UTC)
    return tag("time", f"{utc:%Y-%m-%d %H:%M}Z", datetime=f"{utc:%Y-%m-%dT%H:%M:%SZ}")


def span_or_dash(length: timedelta | None) -> str:
    """A duration for people, or a dash."""
    return "-" if length is None else duration(length)


def age_of(fresh: Freshness) -> str:
    """How old the newest restorable point is, to the second at most."""
    return "never" if fresh.age is None else _whole(fresh.age)


def place_of(lane: Lane) -> str:
    """Where a lane is: its location, and the region if that is known."""
    return f"{lane.fresh.location} · {lane.region}" if lane.region else f"{lane.fresh.location}"


def verdict_of(lane: Lane) -> str:
    """What is to be said of a lane, in one sentence."""
    fresh = lane.fresh
    where = "in the other region" if fresh.location is Location.DR else "in its own region"
    if fresh.newest is None or fresh.age is None:
        waiting = "" if fresh.late else " yet: the first copy is under way"
        return f"No restorable point {where}{waiting}."
    old = f"The newest restorable point {where} is {_whole(fresh.age)} old"
    if fresh.rpo is not None:
        over = f", {_whole(fresh.age - fresh.rpo)} over" if fresh.late else ""
        return f"{old}; its RPO is {duration(fresh.rpo)}{over}."
    due = "" if fresh.expected_slot is None else f" since {fresh.expected_slot:%Y-%m-%d %H:%M}Z"
    return f"{old}; a newer one has been due{due}." if fresh.late else f"{old}; no RPO is promised."


def noun_of(tracks: Sequence[Track]) -> str:
    """What tracks are called together: VMs, disks, or both."""
    vms = sum(track.is_vm for track in tracks)
    if vms == len(tracks):
        return "VM" if vms == 1 else "VMs"
    if vms == 0:
        return "disk" if len(tracks) == 1 else "disks"
    return "VMs and disks"


def _whole(age: timedelta) -> str:
    return duration(timedelta(seconds=round(age.total_seconds())))


def _sign(id: str, shape: str, *, class_: str) -> Markup:
    return tag("path", d=shape, id=id, class_=class_)


def _row(row: Row) -> Markup:
    first, *others = row
    cells = [tag("th", first, scope="row"), *(tag("td", each) for each in others)]
    return tag("tr", glue(cells))
