"""Lints of when points are due: too close, too far apart, quicker than copies, at times that are not."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from diskguard.policy.document import Document, Fault, Path
from diskguard.policy.lint_scene import LOCATIONS, LocationName, Scene, is_written
from diskguard.policy.lint_table import CLOCK_CHANGE, FIVE_MINUTES, RPO, SLOW_COPIES
from diskguard.policy.model import Policy
from diskguard.policy.rhythm import Misfit, Rhythm, misfits
from diskguard.policy.scalars import format_duration
from diskguard.policy.sections import When

MOST_IN_FIVE_MINUTES: Final = 7  # snapshots of one disk; Azure's limit
QUICKEST_COPY: Final = {"standard": timedelta(minutes=15), "enhanced": timedelta(minutes=5)}
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)


def lint_schedules(scene: Scene) -> Iterator[Fault]:
    """Give every lint of the schedules of a rule against its other settings."""
    rhythm = scene.rhythm("primary")
    if rhythm is not None:
        yield from _five_minutes(scene, rhythm)
        yield from _slow_copies(scene)
    for location in LOCATIONS:
        yield from _rpo(scene, location)


def _five_minutes(scene: Scene, rhythm: Rhythm) -> Iterator[Fault]:
    most = rhythm.most_in_five_minutes
    if most > MOST_IN_FIVE_MINUTES:
        message = f"{most} slots lie within five minutes; Azure takes {MOST_IN_FIVE_MINUTES} then"
        yield FIVE_MINUTES.at(scene.nearest(("schedules",)), message)


def _slow_copies(scene: Scene) -> Iterator[Fault]:
    rhythm = scene.rhythm("dr")
    if rhythm is None:
        return
    copy = QUICKEST_COPY[scene.settings.copying.speed]
    daily = rhythm.most("slot", "day")
    if daily > _DAY / copy:
        message = (
            f"up to {daily} points a day are to be copied, but a copy takes "
            f"{format_duration(copy)} at least, so a disk has {_DAY // copy} a day"
        )
        yield SLOW_COPIES.at(scene.nearest(("copy",), ("schedules",)), message)


def _rpo(scene: Scene, location: LocationName) -> Iterator[Fault]:
    rpo: timedelta | None = getattr(scene.settings.objectives.rpo, location)
    if rpo is None:
        return
    path = scene.nearest(("objectives", "rpo", location), ("schedules",))
    if location == "dr" and not scene.is_copied:
        there = scene.settings.policy.locations.dr is not None  # its absence is an error
        if there:
            nowhere = scene.nearest(("objectives", "rpo", location), ("copy", "to"))
            yield RPO.at(nowhere, "nothing is copied to dr, so no RPO can be kept there")
        return
    rhythm = scene.rhythm(location)
    if rhythm is not None and rhythm.longest_gap >= rpo:
        gap = _rounded(rhythm.longest_gap)
        message = (
            f"two points in {location} are up to {gap} apart, and the newer one takes its time: "
            f"an RPO of {format_duration(rpo)} cannot be kept"
        )
        yield RPO.at(path, message)


def _rounded(gap: timedelta) -> str:
    return format_duration(max(_MINUTE, gap // _MINUTE * _MINUTE))


# -- changes of the clock ---------------------------------------------------------------------------


def lint_clock_changes(policy: Policy, document: Document) -> Iterator[Fault]:
    """Give each schedule of the file whose local times are skipped or doubled."""
    for path, when in _schedules(policy):
        found = next(misfits(when), None)
        if found is not None:
            key = next(key for key in ("cron", "at", "every") if is_written(document, (*path, key)))
            yield CLOCK_CHANGE.at((*path, key), _said(when, found))


def _said(when: When, misfit: Misfit) -> str:
    then = f"{misfit.wall:%H:%M} on {misfit.wall:%Y-%m-%d}"
    if misfit.doubled:
        return f"{then} comes twice in {when.timezone}: its clocks are put back then"
    return f"{then} is skipped in {when.timezone}: its clocks are put forward then"


def _schedules(policy: Policy) -> Iterator[tuple[Path, When]]:
    for index, schedule in enumerate(policy.schedules):
        yield ("schedules", index), schedule
    for place, rule in enumerate(policy.rules):
        for index, schedule in enumerate(rule.schedules or ()):
            yield ("rules", place, "schedules", index), schedule
    if policy.drill is not None and policy.drill.schedule is not None:
        yield ("drill", "schedule"), policy.drill.schedule
