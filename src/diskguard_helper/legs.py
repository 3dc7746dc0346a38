"""The legs of an attempt: three that do not fall together, all up before anything freezes."""

from typing import TYPE_CHECKING, Dict, List

from diskguard_helper.nouns import Plan, Refused
from diskguard_helper.places import (
    Places,
    attempts_in,
    read_json,
    stop_freezing,
    stop_watching,
    unit_of,
)

if TYPE_CHECKING:
    from diskguard_helper.kernel import Kernel

SYSTEMD, SESSION = "systemd", "session"
START_PATIENCE = 10.0
GLANCE = 0.02
KEPT = 7200.0  # how long a report waits to be collected
SLICE = "diskguard.slice"  # the timer's service lives in the default slice, so not in this one
HOLD_SLACK, WATCH_SLACK = 5.0, 660.0


def start_legs(plan: Plan, helper: str, kernel: "Kernel") -> List[str]:
    """Holder, watchdog and timer are up, in this order; the answer is warnings. Raises Refused."""
    places = Places(kernel, plan.attempt)
    if plan.supervisor == SYSTEMD:
        warnings = start_services(plan, helper, places, kernel)
        start_timers(plan, helper, kernel)
        return warnings
    for leg in ("hold", "watch", "timer"):
        if not kernel.start_session(helper, [leg, places.directory]):
            raise Refused("legs-not-up", "the %s leg could not be started" % leg)
        wait_until_up(leg, places, kernel)
    return ["without systemd: a freeze outlives the limit if all three legs are killed"]


def start_services(plan: Plan, helper: str, places: Places, kernel: "Kernel") -> List[str]:
    """Holder and watchdog are up as transient services."""
    warnings = []
    for leg, slack in (("hold", HOLD_SLACK), ("watch", WATCH_SLACK)):
        options = service_options(plan, slack, kernel)
        options["ExecStopPost"] = " ".join(
            kernel.command_line(helper, ["passes", places.directory])
        )
        unit = unit_of(leg, plan.attempt)
        if not kernel.start_service(unit, helper, [leg, places.directory], options):
            # Before version 238 systemd knew no ExecStopPost for transient units.
            kernel.stop_unit(unit + ".service")
            del options["ExecStopPost"]
            if not kernel.start_service(unit, helper, [leg, places.directory], options):
                raise Refused("legs-not-up", "systemd did not take the %s unit" % leg)
            warnings.append("this systemd runs nothing after the %s unit" % leg)
        wait_until_up(leg, places, kernel)
    return warnings


def service_options(plan: Plan, slack: float, kernel: "Kernel") -> Dict[str, str]:
    """What systemd is told about a leg."""
    return {
        "Slice": SLICE,
        "RuntimeMaxSec": "%d" % (plan.timer_at - kernel.boot_clock() + slack),
        "TimeoutStopSec": "30",
        "OOMScoreAdjust": "-1000",
        "StandardOutput": "null",
        "StandardError": "null",
    }


def start_timers(plan: Plan, helper: str, kernel: "Kernel") -> None:
    """The third leg waits in systemd itself; another timer will tidy up."""
    directory = Places(kernel, plan.attempt).directory
    unit = unit_of("timer", plan.attempt)
    delay = plan.timer_at - kernel.boot_clock()
    started = kernel.start_timer(unit, helper, ["passes", directory], delay)
    if not started or not kernel.unit_is_active(unit + ".timer"):
        raise Refused("legs-not-up", "systemd did not take the timer")
    kernel.start_timer(unit_of("clean", plan.attempt), helper, ["clean", directory], KEPT)


def wait_until_up(leg: str, places: Places, kernel: "Kernel") -> None:
    """The leg has said that it is ready. Raises Refused with its own reason, or after 10 s."""
    patience = int(START_PATIENCE / GLANCE)
    while not kernel.exists(places.up(leg)) and patience > 0:
        kernel.sleep_until(kernel.boot_clock() + GLANCE)
        patience -= 1
    said = read_json(places.up(leg), kernel)
    if said is None:
        raise Refused("legs-not-up", "the %s leg did not come up" % leg)
    if "refused" in said:
        reason, message = said["refused"]
        raise Refused(str(reason), str(message))


def stop_legs(attempt: str, supervisor: str, kernel: "Kernel") -> None:
    """No leg of an attempt that will not freeze is left, nor its timers."""
    if supervisor == SYSTEMD:
        for leg in ("clean", "timer"):
            kernel.stop_unit(unit_of(leg, attempt) + ".timer")
        for leg in ("timer", "hold", "watch"):
            kernel.stop_unit(unit_of(leg, attempt) + ".service")
        return
    places = Places(kernel, attempt)
    stop_freezing(places, kernel)
    stop_watching(places, kernel)


def clear_old_attempts(supervisor: str, kernel: "Kernel") -> None:
    """What earlier attempts left is gone; only for who holds the arming lock with nobody at work."""
    for attempt in attempts_in(kernel):
        stop_legs(attempt, supervisor, kernel)
        kernel.remove_tree(Places(kernel, attempt).directory)
