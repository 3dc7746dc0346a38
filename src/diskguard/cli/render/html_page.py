"""The status page: one HTML file that needs nothing else, no network, and no script."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import Final

from diskguard.cli.render.html import Markup, glue, tag
from diskguard.cli.render.html_parts import (
    STANDING_CLASS,
    lines,
    note,
    noun_of,
    signs,
    standing_sign,
)
from diskguard.cli.render.html_sections import (
    copies_section,
    figures_section,
    quota_section,
    standstill_section,
    trouble_section,
)
from diskguard.cli.render.html_timeline import timeline_section
from diskguard.plan.timeline_picture import Standing, Timeline

MOST_DRAWN: Final = 300
"""Sources with lanes; each takes about 5 kB, and nobody looks at more."""

_MOST_NAMED: Final = 8

_SECTIONS: Final = (
    trouble_section,
    timeline_section,
    copies_section,
    standstill_section,
    quota_section,
    figures_section,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a page is about; `unseen` are the subscriptions that could not be read, and why."""

    policy: str
    version: str
    generated_at: datetime
    unseen: Sequence[str] = ()


def status_html(timeline: Timeline, about: About) -> str:
    """The whole page, as text to be written as UTF-8."""
    style = files("diskguard.cli.render").joinpath("html_page.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        Markup('<meta charset="utf-8">'),
        tag("meta", http_equiv="Content-Security-Policy", content=_allowed(style)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="robots", content="noindex"),
        tag("title", f"{_verdict(timeline, about)} - {about.policy}"),
        tag("style", Markup(style)),
    )
    sections = glue(section(timeline) for section in _SECTIONS) if timeline.tracks else None
    body = tag("body", signs(), _header(timeline, about), tag("main", sections), _footer(about))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _allowed(style: str) -> str:
    """Nothing may be loaded, run or sent; of styles this one alone counts."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _header(timeline: Timeline, about: About) -> Markup:
    worst = _standing(timeline, about)
    named = [track.name for track in timeline.tracks if track.standing is worst]
    who = None if worst is Standing.FINE or not named else tag("p", _names(named), class_="who")
    return tag(
        "header",
        tag("p", "Policy ", tag("b", about.policy), " · ", _when(about), class_="about"),
        tag("h1", standing_sign(worst), _verdict(timeline, about)),
        who,
        _counts(timeline),
        lines([*(f"Not seen: {each}" for each in about.unseen), *timeline.remarks]),
        class_=STANDING_CLASS[worst],
    )


def _standing(timeline: Timeline, about: About) -> Standing:
    """The worst of all; what could not be seen, or is not there at all, is never fine."""
    tracks = timeline.tracks
    worst = tracks[0].standing if tracks else Standing.RISK
    hidden = about.unseen or timeline.remarks
    return Standing.RISK if worst is Standing.FINE and hidden else worst


def _verdict(timeline: Timeline, about: About) -> str:
    """The page in one line."""
    tracks = timeline.tracks
    if not tracks:
        return "Nothing of this policy was seen" if about.unseen else "This policy takes nothing"
    worst, noun = tracks[0].standing, noun_of(tracks)
    if worst is not Standing.FINE:
        return f"{timeline.count(worst)} of {len(tracks)} {noun} {worst}"
    but = "What was seen is" if about.unseen else "All"
    return f"{but} in time: {len(tracks)} {noun}"


def _names(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return ", ".join(names[:_MOST_NAMED]) + rest


def _counts(timeline: Timeline) -> Markup:
    counts = [
        tag(
            "li",
            standing_sign(standing),
            tag("b", f"{timeline.count(standing)}"),
            f" {standing}",
            class_=STANDING_CLASS[standing],
        )
        for standing in Standing
    ]
    return tag("ul", *counts, class_="counts")


def _when(about: About) -> Markup:
    utc = about.generated_at.astimezone(UTC)
    return tag("time", f"{utc:%Y-%m-%d %H:%M:%S}Z", datetime=f"{utc:%Y-%m-%dT%H:%M:%SZ}")


def _footer(about: About) -> Markup:
    said = f"diskguard {about.version}, policy {about.policy}, generated "
    promise = "It is as Azure was then: this page does not change by itself, and loads nothing."
    return tag("footer", tag("p", said, _when(about), "."), note(promise))
