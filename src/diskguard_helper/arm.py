"""ARM: look, refuse or plan, flush, start the legs, promise an instant."""

from typing import TYPE_CHECKING, Any, Dict, List

from diskguard_helper.clock import UNSYNCHRONISED, error_of, instant, read_clocks, source_of
from diskguard_helper.legs import SESSION, SYSTEMD, clear_old_attempts, start_legs, stop_legs
from diskguard_helper.look import Sight, look
from diskguard_helper.mountinfo import Mount, lies_in_memory, read_mounts
from diskguard_helper.nouns import Plan, Refused, Target, Wish, format_plan, parse_wish
from diskguard_helper.places import Places, attempts_in, common_lock, read_plan
from diskguard_helper.probe import refuse_hung_task_panic
from diskguard_helper.thaw import open_targets
from diskguard_helper.watchdog import end_an_overdue_watchdog

if TYPE_CHECKING:
    from diskguard_helper.kernel import Kernel

FLUSHED, FLUSH_PASSES, FLUSH_PATIENCE = 0.3, 4, 60.0
LEAST_LEAD_LEFT = 0.2
DYING, DYING_GLANCE = 25, 0.02
SETTLE, WATCH_BEFORE, TIMER_AFTER, PROMISE = 1.0, 0.2, 0.3, 1.0


def arm(request: Dict[str, Any], kernel: "Kernel") -> Dict[str, Any]:
    """The legs wait for the instant that the answer names. Raises Refused; then nothing is left."""
    wish = parse_wish(request)
    mounts = read_mounts(kernel)
    if not lies_in_memory(kernel.run, mounts):
        raise Refused("run-not-in-memory", "%s would freeze with its file system" % kernel.run)
    supervisor = choose_supervisor(wish, kernel)
    refuse_hung_task_panic(wish.limit, kernel)
    kernel.make_directory(kernel.run)
    arming = kernel.lock(kernel.run + "/arming.lock", exclusive=True, children=False)
    if arming is None:
        raise Refused("busy", "another run is being armed")
    try:
        refuse_while_somebody_is_at_work(kernel)
        clear_old_attempts(supervisor, kernel)
        return arm_alone(wish, mounts, supervisor, kernel)
    finally:
        kernel.close(arming)


def choose_supervisor(wish: Wish, kernel: "Kernel") -> str:
    """Who keeps the legs apart. Raises Refused."""
    if kernel.has_systemd():
        return SYSTEMD
    if wish.allow_without_systemd:
        return SESSION
    message = "no systemd here, and the policy does not say allow_without_systemd"
    raise Refused("no-systemd", message)


def refuse_while_somebody_is_at_work(kernel: "Kernel") -> None:
    """No holder, watchdog or thaw pass lives. Raises Refused, naming whose they are."""
    for attempt in attempts_in(kernel):
        places = Places(kernel, attempt)
        end_an_overdue_watchdog(places, read_plan(places, kernel), kernel)
    for _ in range(DYING):  # who was just killed needs a moment to let go
        if not kernel.is_locked(common_lock(kernel)):
            return
        kernel.sleep_until(kernel.boot_clock() + DYING_GLANCE)
    raise Refused("busy", "attempt %s is at work" % (", ".join(attempts_in(kernel)) or "?"))


def arm_alone(wish: Wish, mounts: List[Mount], supervisor: str, kernel: "Kernel") -> Dict[str, Any]:
    """What `arm` promises, for the only one who is arming."""
    sight = look(wish, mounts, kernel)
    warnings = sight.warnings + flush(sight.targets, kernel)
    kernel.open_host_clock()
    plan = make_plan(wish, sight, supervisor, kernel)
    places = Places(kernel, wish.attempt)
    kernel.make_directory(places.directory)
    try:
        kernel.write_text(places.plan, format_plan(plan))
        helper = kernel.install_helper(places.directory)
        warnings += start_legs(plan, helper, kernel)
        give_the_go(plan, places, kernel)
    except BaseException:
        give_up(plan, kernel)
        raise
    return promise(plan, wish, sight, warnings)


def give_the_go(plan: Plan, places: Places, kernel: "Kernel") -> None:
    """The holder may freeze. Raises Refused if the agreed instant is too near."""
    if kernel.boot_clock() > plan.freeze_at - LEAST_LEAD_LEFT:
        raise Refused("arming-too-slow", "the legs were not up before the agreed instant")
    kernel.write_text(places.go, "")


def give_up(plan: Plan, kernel: "Kernel") -> None:
    """Without its go the holder freezes nothing; the legs are stopped, the folder is gone."""
    stop_legs(plan.attempt, plan.supervisor, kernel)
    kernel.remove_tree(plan.directory)


def make_plan(wish: Wish, sight: Sight, supervisor: str, kernel: "Kernel") -> Plan:
    """The deadlines, all counted from the first FIFREEZE: thaw, then watchdog, then timer."""
    reading = read_clocks(kernel)
    freeze_at = reading["boot"] + wish.lead
    share = wish.limit - SETTLE
    freezing = share / 2 if wish.hold is None else max(share - wish.hold, share / 4)
    return Plan(
        attempt=wish.attempt,
        directory=Places(kernel, wish.attempt).directory,
        supervisor=supervisor,
        targets=sight.targets,
        disks=sight.disks,
        hold=wish.hold,
        freeze_at=freeze_at,
        freeze_by=freeze_at + freezing,
        release_at=freeze_at + share,
        watch_at=freeze_at + wish.limit - WATCH_BEFORE,
        timer_at=freeze_at + wish.limit + TIMER_AFTER,
        armed=reading,
    )


def flush(targets: List[Target], kernel: "Kernel") -> List[str]:
    """Nearly nothing is dirty on the targets; the answer names those that stay busy. Raises Refused."""
    try:
        handles = open_targets(targets, kernel)
    except OSError as error:
        raise Refused("mount-unopenable", "%s: %s" % (error.filename, error.strerror))
    patience = kernel.boot_clock() + FLUSH_PATIENCE
    busy = []
    for path, handle in handles.items():
        took = flush_one(handle, patience, kernel)
        kernel.close(handle)
        if took >= FLUSHED:
            busy.append("%s is written to fast: the last flush took %.1f s" % (path, took))
    return busy


def flush_one(handle: int, patience: float, kernel: "Kernel") -> float:
    """Seconds the last flush took: passes go on until one is quick, at most four."""
    took = 0.0
    for _ in range(FLUSH_PASSES):
        began = kernel.boot_clock()
        kernel.syncfs(handle)
        took = kernel.boot_clock() - began
        if took < FLUSHED or kernel.boot_clock() > patience:
            break
    return took


def promise(plan: Plan, wish: Wish, sight: Sight, warnings: List[str]) -> Dict[str, Any]:
    """What the orchestrator is told."""
    source = source_of([plan.armed])
    now = instant(plan.armed, source) or 0.0
    freeze_at = now + plan.freeze_at - plan.armed["boot"]
    if source == UNSYNCHRONISED:
        warnings = warnings + ["this guest's clock is not synchronised"]
    return {
        "kind": "armed",
        "attempt": wish.attempt,
        "armed_at": now,
        "freeze_at": freeze_at,
        "thaw_by": freeze_at + wish.limit + PROMISE,
        "clock": source,
        "clock_error": error_of([plan.armed], source),
        "supervisor": plan.supervisor,
        "mount_count": len(plan.targets),
        "mounts": [[one.path, one.file_system, one.luns] for one in plan.targets],
        "left_out": [list(one) for one in sight.left_out],
        "warnings": warnings,
    }
