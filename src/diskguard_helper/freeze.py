"""The holder: freezes at the agreed instant, holds, thaws in reverse, then says what it saw."""

import errno
import json
import os
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple

from diskguard_helper.clock import read_clocks
from diskguard_helper.disks import read_or_empty
from diskguard_helper.nouns import LeftOut, Plan, Refused, Target
from diskguard_helper.places import Places, common_lock, places_of, read_plan, say_refused, say_up
from diskguard_helper.thaw import GLANCE, PATIENCE, Passes, open_targets

if TYPE_CHECKING:
    from diskguard_helper.clock import Reading
    from diskguard_helper.kernel import Kernel

HELD, STOLEN, ABORTED, FAILED = "held", "stolen", "aborted", "failed"
LATE = 0.5  # a holder that wakes later than this after the agreed instant freezes nothing
FLUSH_AHEAD = 3.0  # what was dirtied since arming is flushed once more before the instant
HOLD_GLANCE = 0.05
LAST_WORDS = 0.2  # a holder that cannot thaw says so before the watchdog ends it
AZURE_BACKUP_LOCK = "/etc/azure/MicrosoftRecoverySvcsSafeFreezeLock/SafeFreezeLockFile"
# /sys/block/X/stat (Documentation/block/stat.rst): the 5th number and, since Linux 4.18, the 12th
WRITES, DISCARDS = 4, 11

Counters = Dict[str, List[int]]


def hold(directory: str, kernel: "Kernel") -> Iterator[float]:
    """The holder's life, as instants of the boot clock to wait until."""
    places = places_of(directory, kernel)
    kernel.settle()
    try:
        holder = Holder(places, kernel)
        holder.make_ready()
    except Refused as refusal:
        say_refused(places, "hold", refusal, kernel)
        return
    say_up(places, "hold", kernel)
    for instant in holder.steps():
        yield instant


def take_azure_backups_lock(kernel: "Kernel") -> None:
    """If Azure Backup has a freeze lock, it is ours until we end. Raises Refused.

    Never made by us: a left-over blocks Azure Backup for ever (its fsfreezer.py makes the folder).
    """
    try:
        held = kernel.record_lock(AZURE_BACKUP_LOCK)
    except OSError:
        return
    if held is None:
        raise Refused("azure-backup-freezes", "Azure Backup is freezing this machine right now")


def counters_of(plan: Plan, kernel: "Kernel") -> Counters:
    """Writes done, discards done and writes in flight of every disk, by its kernel name."""
    found = {}
    for disk in plan.disks:
        stat = read_or_empty(kernel, "/sys/block/%s/stat" % disk.device).split()
        flight = read_or_empty(kernel, "/sys/block/%s/inflight" % disk.device).split()
        if len(stat) > WRITES and len(flight) == 2:
            discards = int(stat[DISCARDS]) if len(stat) > DISCARDS else 0
            found[disk.device] = [int(stat[WRITES]), discards, int(flight[1])]
    return found


class Holder:
    """Freezes and thaws by one child per super block; itself it never calls FIFREEZE or FITHAW."""

    def __init__(self, places: Places, kernel: "Kernel") -> None:
        self.places = places
        self.kernel = kernel
        self.plan = read_plan(places, kernel)
        self.handles: Dict[str, int] = {}
        self.freezers: Dict[str, int] = {}
        self.thawers: Dict[str, int] = {}
        self.frozen: List[Target] = []
        self.faults: List[LeftOut] = []
        self.stolen: List[str] = []
        self.foreign: List[str] = []
        self.unsure = False  # whether something may still be frozen although its child has ended
        self.readings: List[Optional[Reading]] = [None, None]
        self.counters: List[Counters] = [{}, {}]
        self.freezing_took: Optional[float] = None

    def make_ready(self) -> None:
        """Everything that needs opening is open, every lock is held. Raises Refused."""
        self.kernel.lock(self.places.hold_lock, exclusive=True, children=False)
        self.kernel.lock(self.places.freezers_lock, exclusive=False, children=True)
        if self.kernel.lock(common_lock(self.kernel), exclusive=False, children=True) is None:
            raise Refused("busy", "another run is being armed")
        take_azure_backups_lock(self.kernel)
        try:
            self.handles = open_targets(self.plan.targets, self.kernel)
        except OSError as error:
            raise Refused("mount-unopenable", "%s: %s" % (error.filename, error.strerror))
        self.kernel.open_host_clock()

    def steps(self) -> Iterator[float]:
        """Wait, freeze, hold, thaw, report."""
        for instant in self.flush_ahead():
            yield instant
        for instant in self.wait_until(self.plan.freeze_at):
            yield instant
        excuse = self.why_not()
        if excuse is not None:
            self.write_report(ABORTED, excuse)
            return
        for instant in self.window():
            yield instant
        self.write_report(*self.outcome())

    def wait_until(self, until: float) -> Iterator[float]:
        """Ends at that instant, or once somebody asked us to stop."""
        while self.kernel.boot_clock() < until and not self.kernel.asked_to_stop():
            yield until

    def flush_ahead(self) -> Iterator[float]:
        """The file systems were flushed once more, by children nobody waits for beyond freeze_at."""
        for instant in self.wait_until(self.plan.freeze_at - FLUSH_AHEAD):
            yield instant
        if self.kernel.asked_to_stop() or not self.kernel.exists(self.places.go):
            return
        flushers = [self.kernel.start_sync(handle) for handle in self.handles.values()]
        while flushers and self.kernel.boot_clock() < self.plan.freeze_at:
            flushers = [child for child in flushers if self.kernel.outcome(child) is None]
            yield min(self.kernel.boot_clock() + HOLD_GLANCE, self.plan.freeze_at)

    def why_not(self) -> Optional[str]:
        """Why nothing may be frozen now, None if it may."""
        late = self.kernel.boot_clock() - self.plan.freeze_at
        if self.kernel.asked_to_stop():
            return "asked to stop before the agreed instant"
        if not self.kernel.exists(self.places.go):
            return "arming was not finished"
        if not self.kernel.is_locked(self.places.watch_lock):
            return "the watchdog is gone"
        if late > LATE:
            return "woke %.1f s after the agreed instant" % late
        return None

    def window(self) -> Iterator[float]:
        """Something may be frozen only between the marks `freezing` and `released`."""
        self.kernel.write_text(self.places.freezing, "")
        began = self.kernel.boot_clock()
        for instant in self.freeze_all():
            yield instant
        if not self.faults:
            self.freezing_took = self.kernel.boot_clock() - began
            self.enter()
            for instant in self.wait_until(self.release_at()):
                yield instant
            self.leave()
        for instant in self.thaw_all():
            yield instant
        if not self.freezers and not self.unsure:
            self.kernel.write_text(self.places.released, "")

    # Freezing.

    def stages(self) -> List[List[Target]]:
        """The targets of each stage, in the order of freezing."""
        numbers = sorted({target.stage for target in self.plan.targets})
        return [[one for one in self.plan.targets if one.stage == number] for number in numbers]

    def freeze_all(self) -> Iterator[float]:
        """Every target is frozen, or `faults` says which were not."""
        for stage in self.stages():
            for target in stage:
                handle = self.handles[target.path]
                self.freezers[target.path] = self.kernel.start_freeze(handle, self.plan.freeze_by)
            for instant in self.wait_for_freezers():
                yield instant
            if self.faults:
                return

    def wait_for_freezers(self) -> Iterator[float]:
        """Every freezer has ended, or the time for freezing is over and `faults` names the stuck."""
        self.reap_freezers()
        while self.freezers:
            if self.kernel.boot_clock() >= self.plan.freeze_by or self.kernel.asked_to_stop():
                self.faults += [LeftOut(path, "FIFREEZE hangs") for path in sorted(self.freezers)]
                return
            yield self.kernel.boot_clock() + GLANCE
            self.reap_freezers()

    def reap_freezers(self) -> None:
        """Note what the freezers that have ended found."""
        for path, child in list(self.freezers.items()):
            code = self.kernel.outcome(child)
            if code is not None:
                del self.freezers[path]
                self.note_freeze(path, code)

    def note_freeze(self, path: str, code: int) -> None:
        """Keep what one FIFREEZE said."""
        if code == 0:
            self.frozen += [target for target in self.plan.targets if target.path == path]
        elif code == errno.EBUSY:
            self.foreign.append(path)
            self.kernel.write_text(self.places.foreign, json.dumps({"paths": self.foreign}))
            self.faults.append(LeftOut(path, "somebody else has frozen it"))
        elif code == errno.ETIME:
            self.faults.append(LeftOut(path, "not reached in time"))
        else:
            self.unsure = self.unsure or code == errno.EINTR
            self.faults.append(LeftOut(path, "FIFREEZE: %s" % os.strerror(code)))

    # Holding: counters outside the instants, so that they cover the whole window.

    def enter(self) -> None:
        """Everything is frozen: note the counters, then the time."""
        self.counters[0] = counters_of(self.plan, self.kernel)
        self.readings[0] = read_clocks(self.kernel)

    def release_at(self) -> float:
        """When the thaw begins."""
        if self.plan.hold is None:
            return self.plan.release_at
        return min(self.kernel.boot_clock() + self.plan.hold, self.plan.release_at)

    def leave(self) -> None:
        """Everything is still frozen: note the time, then the counters."""
        self.readings[1] = read_clocks(self.kernel)
        self.counters[1] = counters_of(self.plan, self.kernel)
        if self.kernel.asked_to_stop():
            self.faults.append(LeftOut("holder", "asked to stop while frozen"))

    # Thawing.

    def thaw_all(self) -> Iterator[float]:
        """What we froze is thawed in reverse; what hangs is passed over again until it ends."""
        for stage in reversed(self.stages()):
            mine = [target.path for target in stage if target in self.frozen]
            for instant in self.thaw_stage(mine):
                yield instant
        for instant in self.wait_for_thawers():
            yield instant
        if self.freezers or self.unsure:
            self.write_report(*self.outcome())
            for instant in self.loosen():
                yield instant

    def thaw_stage(self, paths: List[str]) -> Iterator[float]:
        """These mounts were asked to thaw; one that is slow to answer holds up no other."""
        self.thawers.update({path: self.kernel.start_thaw(self.handles[path]) for path in paths})
        patience = self.kernel.boot_clock() + PATIENCE
        self.reap_thawers()
        while any(path in self.thawers for path in paths) and self.kernel.boot_clock() < patience:
            yield self.kernel.boot_clock() + GLANCE
            self.reap_thawers()

    def wait_for_thawers(self) -> Iterator[float]:
        """Every thaw has answered; one that has not just before the watchdog takes over is a fault.

        A thaw writes to its disk (ext4, btrfs: the super block), so on a busy one it takes a while.
        """
        while self.thawers and self.kernel.boot_clock() < self.plan.watch_at - LAST_WORDS:
            yield self.kernel.boot_clock() + GLANCE
            self.reap_thawers()
        self.faults += [LeftOut(path, "FITHAW hangs") for path in sorted(self.thawers)]
        self.freezers.update(self.thawers)
        self.thawers.clear()

    def reap_thawers(self) -> None:
        """Note what the thawers that have ended found."""
        for path, child in list(self.thawers.items()):
            code = self.kernel.outcome(child)
            if code is None:
                continue
            del self.thawers[path]
            if code == errno.EINVAL:
                self.stolen.append(path)
            elif code != 0:
                self.unsure = True
                self.faults.append(LeftOut(path, "FITHAW: %s" % os.strerror(code)))

    def loosen(self) -> Iterator[float]:
        """Passes over everything of ours until no child hangs; the watchdog ends us if none helps."""
        ours = {path: one for path, one in self.handles.items() if path not in self.foreign}
        passes = Passes(ours, self.kernel, self.still_hanging)
        for instant in passes.steps(self.plan.timer_at):
            yield instant
        self.unsure = not passes.settled

    def still_hanging(self) -> bool:
        """Whether a child of ours has not come back."""
        for path, child in list(self.freezers.items()):
            if self.kernel.outcome(child) is not None:
                del self.freezers[path]
        return bool(self.freezers)

    # Saying.

    def outcome(self) -> Tuple[str, Optional[str]]:
        """How it ended, in a word, and why."""
        if self.faults:
            first = self.faults[0]
            return FAILED, "%s: %s" % (first.what, first.reason)
        if self.stolen:
            return STOLEN, "somebody else thawed %s" % self.stolen[0]
        return HELD, None

    def write_report(self, outcome: str, reason: Optional[str]) -> None:
        """The report lies under /run, whole."""
        faulty = self.faults + [LeftOut(path, "thawed by somebody else") for path in self.stolen]
        report: Dict[str, Any] = {
            "attempt": self.plan.attempt,
            "outcome": outcome,
            "reason": reason,
            "readings": self.readings,
            "freezing_took": self.freezing_took,
            "mount_count": len(self.plan.targets),
            "disks": self.quiet_disks(),
            "faulty": [list(one) for one in faulty],
        }
        self.kernel.write_text(self.places.report, json.dumps(report))

    def quiet_disks(self) -> List[List[Any]]:
        """LUN, counters at the beginning and counters at the end, of every disk that had both."""
        before, after = self.counters
        return [
            [disk.lun, before[disk.device], after[disk.device]]
            for disk in self.plan.disks
            if disk.device in before and disk.device in after
        ]
