"""Where the legs of an attempt meet: folder, marks and locks under /run."""

import json
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from diskguard_helper.nouns import NAME, Plan, Refused, parse_plan

if TYPE_CHECKING:
    from diskguard_helper.kernel import Kernel


class Places:
    """The folder of one attempt.

    `hold.lock` is held by the holder alone, `freezers.lock` by it and every freezer it started,
    `watch.lock` by the watchdog. A lock ends with its last process, so it tells who lives.
    """

    def __init__(self, kernel: "Kernel", attempt: str) -> None:
        self.attempt = attempt
        self.directory = kernel.run + "/" + attempt
        self.plan = self.directory + "/plan.json"
        self.report = self.directory + "/report.json"
        self.watched = self.directory + "/watched.json"
        self.foreign = self.directory + "/foreign.json"
        self.go = self.directory + "/go"  # written once every leg is up: without it nobody freezes
        self.freezing = self.directory + "/freezing"  # written before the first FIFREEZE
        self.released = self.directory + "/released"  # written when nothing of ours is left frozen
        self.hold_lock = self.directory + "/hold.lock"
        self.freezers_lock = self.directory + "/freezers.lock"
        self.watch_lock = self.directory + "/watch.lock"

    def up(self, leg: str) -> str:
        """What a leg writes once it is ready."""
        return "%s/%s.up.json" % (self.directory, leg)

    def is_freezing(self, kernel: "Kernel") -> bool:
        """Whether the holder or one of its freezers lives."""
        return kernel.exists(self.freezers_lock) and kernel.is_locked(self.freezers_lock)

    def something_left(self, kernel: "Kernel") -> bool:
        """Whether something of ours may be frozen."""
        return kernel.exists(self.freezing) and not kernel.exists(self.released)


def unit_of(leg: str, attempt: str) -> str:
    """The name of a leg's transient unit, without its type."""
    return "diskguard-%s-%s" % (leg, attempt)


def common_lock(kernel: "Kernel") -> str:
    """The lock that holder, watchdog and passes share: who finds it free may arm."""
    return kernel.run + "/lock"


def attempts_in(kernel: "Kernel") -> List[str]:
    """The attempts that left a folder."""
    names = [name for name in kernel.list_directory(kernel.run) if NAME.match(name)]
    return [name for name in names if kernel.exists(Places(kernel, name).plan)]


def places_of(directory: str, kernel: "Kernel") -> Places:
    """The places of the attempt whose folder this is."""
    return Places(kernel, directory.rstrip("/").rsplit("/", 1)[-1])


def read_plan(places: Places, kernel: "Kernel") -> Plan:
    """The plan of this attempt. Raises OSError."""
    return parse_plan(kernel.read_text(places.plan))


def read_json(path: str, kernel: "Kernel") -> Optional[Dict[str, Any]]:
    """What one of our files says, None if it is not there."""
    try:
        found = json.loads(kernel.read_text(path))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def say_up(places: Places, leg: str, kernel: "Kernel") -> None:
    """The leg is known to be ready, under its process number."""
    kernel.write_text(places.up(leg), json.dumps({"process": kernel.process_id()}))


def say_refused(places: Places, leg: str, refusal: Refused, kernel: "Kernel") -> None:
    """The leg is known to refuse, and why."""
    text = json.dumps({"refused": [refusal.reason, str(refusal)]})
    kernel.write_text(places.up(leg), text)


def stop_freezing(places: Places, kernel: "Kernel") -> None:
    """The holder and its freezers have been sent SIGKILL, if they live."""
    if places.is_freezing(kernel):
        kill_leg(places, "hold", kernel)


def stop_watching(places: Places, kernel: "Kernel") -> None:
    """The watchdog has been sent SIGKILL, if it lives."""
    if kernel.exists(places.watch_lock) and kernel.is_locked(places.watch_lock):
        kill_leg(places, "watch", kernel)


def kill_leg(places: Places, leg: str, kernel: "Kernel") -> None:
    """The process group of a leg that surely lives has been sent SIGKILL."""
    known = read_json(places.up(leg), kernel)
    if known and "process" in known:
        kernel.kill_group(int(known["process"]))
