"""Lints of what is kept: rules that keep nothing more, too many snapshots, immutability against it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final

from diskguard.policy.document import Fault, Path
from diskguard.policy.lint_scene import LOCATIONS, LocationName, Scene
from diskguard.policy.lint_table import (
    KEEP_WITHOUT_EFFECT,
    KEEPS_ONLY_NEWEST,
    OUTLASTS,
    PEAK,
    PINS,
)
from diskguard.policy.rhythm import Level, Rhythm
from diskguard.policy.sections import Immutable, Keep

MOST_SNAPSHOTS: Final = 500  # of one disk; Azure's limit
ENOUGH_SNAPSHOTS: Final = 450
_LONG_ENOUGH: Final = timedelta(days=5 * 365)  # a limit reached later than that is no news
_DAY: Final = timedelta(days=1)
# Each level with the finer ones whose periods lie wholly inside its own: a week ends in any month.
_INSIDE: Final[dict[Level, tuple[Level, ...]]] = {
    "hour": ("slot",),
    "day": ("slot", "hour"),
    "week": ("slot", "hour", "day"),
    "month": ("slot", "hour", "day"),
    "year": ("slot", "hour", "day", "month"),
}
_NAMES: Final[dict[Level, str]] = {
    "hour": "hourly",
    "day": "daily",
    "week": "weekly",
    "month": "monthly",
    "year": "yearly",
}
_LEVELS: Final[tuple[Level, ...]] = tuple(_INSIDE)
_SLOT: Final[Level] = "slot"
_LENGTHS: Final[dict[Level, timedelta]] = {
    "hour": timedelta(hours=1),
    "day": _DAY,
    "week": timedelta(weeks=1),
    "month": timedelta(days=365.25) / 12,
    "year": timedelta(days=365.25),
}
# Without a schedule: how many of the finer periods one may hold.
_FULL: Final[dict[tuple[Level, Level], int]] = {
    ("hour", "day"): 24,
    ("hour", "week"): 168,
    ("hour", "month"): 744,
    ("hour", "year"): 8784,
    ("day", "week"): 7,
    ("day", "month"): 31,
    ("day", "year"): 366,
    ("month", "year"): 12,
}


def lint_retention(scene: Scene) -> Iterator[Fault]:
    """Give every lint of the retention of a rule, location by location."""
    for location in LOCATIONS:
        keep, rhythm = scene.keep(location), scene.rhythm(location)
        if keep is not None:
            yield from _only_newest(scene, location, keep)
        if rhythm is not None:
            yield from _peak(scene, location, keep, rhythm)
        if keep is not None:
            yield from _immutability(scene, location, keep, rhythm)


# -- rules that keep nothing more -------------------------------------------------------------------


def lint_void_rules(scenes: Sequence[Scene]) -> Iterator[Fault]:
    """Give each keep rule that keeps nothing more, in none of the rules it is written for."""
    verdicts: dict[Path, list[Fault | None]] = {}
    for scene in scenes:
        for path, fault in _verdicts(scene):
            verdicts.setdefault(path, []).append(fault)
    for faults in verdicts.values():
        if None not in faults and faults[0] is not None:
            yield faults[0]


def _verdicts(scene: Scene) -> Iterator[tuple[Path, Fault | None]]:
    """Give every keep rule that is written for the scene, with its fault if it has no effect."""
    for location in LOCATIONS:
        keep = scene.keep(location)
        if keep is None:
            continue
        void = _void(keep, scene.rhythm(location))
        for name in type(keep).model_fields:
            path = scene.path("retention", location, name)
            if path is not None:
                said = f"`{name}: {_shown(keep, name)}` has no effect"
                message = f"{said}: `{void.get(name)}` keeps the same points"
                yield path, KEEP_WITHOUT_EFFECT.at(path, message) if name in void else None


@lru_cache(maxsize=64)
def _void(keep: Keep, rhythm: Rhythm | None) -> dict[str, str]:
    """Give `_void_rules` as a mapping; most rules of a policy keep alike."""
    return dict(_void_rules(keep, rhythm))


def _only_newest(scene: Scene, location: LocationName, keep: Keep) -> Iterator[Fault]:
    for level in _LEVELS:
        if _places(keep, level) == 1:
            path = scene.nearest(("retention", location, _NAMES[level]))
            message = (
                f"`{_NAMES[level]}: 1` keeps only the newest point, which `min_keep` keeps anyway: "
                f"it is the one of the {level} under way"
            )
            yield KEEPS_ONLY_NEWEST.at(path, message)


def _void_rules(keep: Keep, rhythm: Rhythm | None) -> Iterator[tuple[str, str]]:
    """Give each rule that keeps nothing more, with the one that keeps it all."""
    others = any(_places(keep, level) for level in _LEVELS)
    if 0 < keep.keep_last < keep.min_keep or (0 < keep.keep_last == keep.min_keep and others):
        yield "keep_last", f"min_keep: {keep.min_keep}"
    for level in _LEVELS:
        if _places(keep, level) > 1 and (stronger := _stronger(keep, level, rhythm)):
            yield _NAMES[level], stronger
    yield from _void_within(keep)


def _stronger(keep: Keep, level: Level, rhythm: Rhythm | None) -> str | None:
    places = _places(keep, level)
    for fine in _INSIDE[level]:
        if _places(keep, fine) < places:
            continue
        held = _held(fine, level, rhythm)
        # All of the newest, and of the oldest period only its end: that is where its point is.
        if held is not None and _places(keep, fine) >= (places - 1) * held + 1:
            return _said(keep, fine)
    for coarse in _LEVELS:
        more = level in _INSIDE[coarse] and _places(keep, coarse) > places
        if more and rhythm is not None and rhythm.most("slot", coarse) <= 1:
            return _said(keep, coarse)
    return None


def _held(fine: Level, coarse: Level, rhythm: Rhythm | None) -> int | None:
    full = _FULL.get((fine, coarse))
    if rhythm is None:
        return full
    most = max(1, rhythm.most(fine, coarse))
    return most if full is None else min(full, most)


def _places(keep: Keep, level: Level) -> int:
    if level == "slot":
        return max(keep.keep_last, keep.min_keep)
    places: int = getattr(keep, _NAMES[level])
    return places


def _said(keep: Keep, level: Level) -> str:
    if level == "slot":
        name = "keep_last" if keep.keep_last >= keep.min_keep else "min_keep"
        return f"{name}: {_places(keep, level)}"
    return f"{_NAMES[level]}: {_places(keep, level)}"


def _void_within(keep: Keep) -> Iterator[tuple[str, str]]:
    """By the clock, a rule for finer periods that reaches as far back keeps all and more."""
    for level in _LEVELS:
        reach = _within(keep, level)
        for fine in _INSIDE[level]:
            further = _within(keep, fine)
            if reach is not None and further is not None and further >= reach:
                name = _within_name(fine)
                yield _within_name(level), f"{name}: {_shown(keep, name)}"
                break


def _within(keep: Keep, level: Level) -> timedelta | None:
    reach: timedelta | None = getattr(keep, _within_name(level))
    return reach


def _within_name(level: Level) -> str:
    return "within" if level == "slot" else f"within_{_NAMES[level]}"


def _shown(keep: Keep, name: str) -> str:
    return str(keep.model_dump(mode="json")[name])


# -- how many there are, and for how long -----------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stock:
    """How many points lie in a location, and how old the oldest of them may be."""

    count: float
    reach: timedelta


def _stock(keep: Keep, rhythm: Rhythm, everything_for: timedelta) -> _Stock:
    """Reckon what is kept, beside all points younger than `everything_for`.

    A rule adds the points it keeps beyond the reach of the rules for finer periods.
    """
    all_young = everything_for / rhythm.spacing
    last = max(float(keep.keep_last), float(keep.min_keep), all_young)
    within = keep.within or timedelta()
    last = max(last, within / rhythm.spacing)
    reaches: dict[Level, timedelta] = {"slot": last * rhythm.spacing}
    count = last
    for level in _LEVELS:
        spacing = rhythm.spacing_of(level)
        places = max(float(_places(keep, level)), (_within(keep, level) or timedelta()) / spacing)
        covered = max(reaches[fine] for fine in _INSIDE[level])
        count += max(0.0, places - covered / spacing)
        reaches[level] = max(covered, places * spacing)
    return _Stock(count=count, reach=max(reaches.values()))


def _at_most(keep: Keep, rhythm: Rhythm, everything_for: timedelta) -> float:
    """Give a number that is quickly had, and that no stock exceeds."""
    reaches = [_within(keep, level) or timedelta() for level in (_SLOT, *_LEVELS)]
    young = max(everything_for, *reaches) / rhythm.spacing
    return young + sum(_places(keep, level) for level in (_SLOT, *_LEVELS))


def _peak(
    scene: Scene, location: LocationName, keep: Keep | None, rhythm: Rhythm
) -> Iterator[Fault]:
    path = scene.nearest(("retention", location), ("retention",), ("schedules",))
    if keep is None:
        full_after = ENOUGH_SNAPSHOTS * rhythm.spacing
        if full_after < _LONG_ENOUGH:
            message = (
                f"nothing is pruned in {location}: after {_days(full_after)} a disk has "
                f"{ENOUGH_SNAPSHOTS} snapshots there, and Azure takes {MOST_SNAPSHOTS}"
            )
            yield PEAK.at(path, message)
        return
    immutable = _immutable(scene, location)
    everything_for = (immutable.days or 1) * _DAY
    if _at_most(keep, rhythm, everything_for) <= ENOUGH_SNAPSHOTS:
        return
    stock = _stock(keep, rhythm, everything_for)
    if stock.count > ENOUGH_SNAPSHOTS:
        message = (
            f"about {stock.count:.0f} snapshots of a disk will lie in {location}; "
            f"Azure takes {MOST_SNAPSHOTS}, and {ENOUGH_SNAPSHOTS} is where it gets tight"
        )
        yield PEAK.at(path, message)


def _immutability(
    scene: Scene, location: LocationName, keep: Keep, rhythm: Rhythm | None
) -> Iterator[Fault]:
    immutable = _immutable(scene, location)
    if immutable.days is None or rhythm is None:
        return
    path = scene.nearest(
        ("protection", "immutability", location, "days"), ("retention", location), ("schedules",)
    )
    stock = _stock(keep, rhythm, timedelta())
    pinned = immutable.days * _DAY / rhythm.spacing
    if immutable.days * _DAY > stock.reach:
        message = (
            f"points in {location} are immutable for {immutable.days} days, but retention keeps "
            f"none for longer than {_days(stock.reach)}"
        )
        yield OUTLASTS.at(path, message)
    elif pinned > stock.count:
        message = (
            f"about {pinned:.0f} points of a VM in {location} are immutable at any time, but "
            f"retention keeps about {stock.count:.0f}"
        )
        yield PINS.at(path, message)


def _immutable(scene: Scene, location: LocationName) -> Immutable:
    immutable: Immutable = getattr(scene.settings.protection.immutability, location)
    return immutable


def _days(duration: timedelta) -> str:
    if duration < 2 * _DAY:
        return f"{duration / timedelta(hours=1):.0f} hours"
    return f"{duration / _DAY:.0f} days"
