"""The watchdog, the timer and what systemd runs after either leg: whoever thaws when others cannot."""

import json
from typing import TYPE_CHECKING, Dict, Iterator

from diskguard_helper.nouns import Plan
from diskguard_helper.places import (
    Places,
    common_lock,
    places_of,
    read_json,
    read_plan,
    say_up,
    stop_freezing,
    stop_watching,
    unit_of,
)
from diskguard_helper.thaw import Passes, open_what_opens

if TYPE_CHECKING:
    from diskguard_helper.kernel import Kernel

GLANCE = 0.05
EARLY_GLANCE = 1.0  # while nothing can be frozen yet
PASSES_END = 600.0  # after the deadline; a FIFREEZE that hangs longer needs a restart


def watch(directory: str, kernel: "Kernel") -> Iterator[float]:
    """The watchdog's life: wait for the holder's end or the deadline, then see that all is thawed."""
    places = places_of(directory, kernel)
    plan = read_plan(places, kernel)
    kernel.settle()
    kernel.lock(places.watch_lock, exclusive=True, children=False)
    kernel.lock(common_lock(kernel), exclusive=False, children=False)
    handles = open_what_opens(plan.targets, kernel)
    say_up(places, "watch", kernel)
    while kernel.is_locked(places.hold_lock) and not kernel.asked_to_stop():
        if kernel.boot_clock() >= plan.watch_at:
            break
        yield next_glance(plan, kernel.boot_clock())
    for instant in thaw_what_is_left(places, plan, handles, kernel):
        yield instant
    if plan.supervisor == "systemd":
        kernel.stop_unit(unit_of("timer", plan.attempt) + ".timer")


def next_glance(plan: Plan, now: float) -> float:
    """When to look again whether the holder lives."""
    if now < plan.freeze_at:
        return min(now + EARLY_GLANCE, plan.freeze_at)
    return min(now + GLANCE, plan.watch_at)


def passes(directory: str, kernel: "Kernel") -> Iterator[float]:
    """What the timer does, and systemd after a leg has ended: see that all is thawed."""
    places = places_of(directory, kernel)
    plan = read_plan(places, kernel)
    kernel.settle()
    kernel.lock(common_lock(kernel), exclusive=False, children=False)
    handles = open_what_opens(plan.targets, kernel) if places.something_left(kernel) else {}
    for instant in thaw_what_is_left(places, plan, handles, kernel):
        yield instant
    end_an_overdue_watchdog(places, plan, kernel)


def timer(directory: str, kernel: "Kernel") -> Iterator[float]:
    """The third leg where there is no systemd: a process of its own that waits for its instant."""
    places = places_of(directory, kernel)
    plan = read_plan(places, kernel)
    kernel.settle()
    handles = open_what_opens(plan.targets, kernel)
    say_up(places, "timer", kernel)
    while kernel.boot_clock() < plan.timer_at and kernel.is_locked(common_lock(kernel)):
        yield min(kernel.boot_clock() + 1.0, plan.timer_at)
    for instant in thaw_what_is_left(places, plan, handles, kernel):
        yield instant
    end_an_overdue_watchdog(places, plan, kernel)


def end_an_overdue_watchdog(places: Places, plan: Plan, kernel: "Kernel") -> None:
    """A watchdog that was stopped does not hold the lock for ever."""
    if kernel.boot_clock() >= plan.timer_at and not places.something_left(kernel):
        stop_watching(places, kernel)


def thaw_what_is_left(
    places: Places, plan: Plan, handles: Dict[str, int], kernel: "Kernel"
) -> Iterator[float]:
    """Nothing of this attempt is frozen, and nobody is left who could freeze."""
    stop_freezing(places, kernel)
    if not places.something_left(kernel):
        return
    foreign = (read_json(places.foreign, kernel) or {}).get("paths", [])
    ours = {path: handle for path, handle in handles.items() if path not in foreign}
    sweep = Passes(ours, kernel, lambda: places.is_freezing(kernel))
    for instant in sweep.steps(plan.watch_at + PASSES_END):
        yield instant
    said = {"thawed": sorted(set(sweep.thawed)), "resisted": sorted(sweep.resisted.items())}
    kernel.write_text(places.watched, json.dumps(said))
    if sweep.settled:
        kernel.write_text(places.released, "")


def clean(directory: str, kernel: "Kernel") -> Iterator[float]:
    """Two hours later: what the attempt left under /run is gone, unless it is still at work."""
    places = places_of(directory, kernel)
    if not places.is_freezing(kernel):
        kernel.remove_tree(places.directory)
    return iter(())
