"""Thaw passes: over every mount again and again until nothing is frozen and no freezer is left.

One pass is not enough: a FIFREEZE that was killed while it hung completes its freeze later.
"""

import errno
import os
from typing import TYPE_CHECKING, Callable, Dict, Iterator, List

from diskguard_helper.choice import FREEZABLE
from diskguard_helper.mountinfo import read_mounts
from diskguard_helper.nouns import LeftOut, Target
from diskguard_helper.places import Places, attempts_in, stop_freezing

if TYPE_CHECKING:
    from typing import Any

    from diskguard_helper.kernel import Kernel

QUIET_PASSES = 3
PATIENCE = 0.2  # for the children of one pass; one that hangs is waited for by the next
BETWEEN_PASSES = 0.05
GLANCE = 0.002
EMERGENCY = 30.0
NOT_FROZEN = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY)


class Passes:
    """Thaw passes over these handles; `thawed` and `resisted` say what they found.

    `settled` is true afterwards if nothing is frozen and `freezing` says that nobody is left.
    """

    def __init__(
        self, handles: Dict[str, int], kernel: "Kernel", freezing: Callable[[], bool]
    ) -> None:
        self.handles = handles
        self.kernel = kernel
        self.freezing = freezing
        self.pending: Dict[str, int] = {}
        self.thawed: List[str] = []
        self.resisted: Dict[str, str] = {}
        self.settled = False

    def steps(self, until: float) -> Iterator[float]:
        """Ends when three passes in a row found nothing frozen, or at `until`."""
        quiet = 0
        while quiet < QUIET_PASSES and self.kernel.boot_clock() < until:
            before = len(self.thawed)
            for instant in self.one_pass():
                yield instant
            found = len(self.thawed) > before or self.pending or self.resisted
            quiet = 0 if found or self.freezing() else quiet + 1
            yield self.kernel.boot_clock() + BETWEEN_PASSES
        self.settled = quiet >= QUIET_PASSES
        for path in self.pending:
            self.resisted[path] = "FITHAW hangs"

    def one_pass(self) -> Iterator[float]:
        """Every mount has been asked to thaw once; one that still hangs is not asked again."""
        for path, handle in self.handles.items():
            if path not in self.pending:
                self.pending[path] = self.kernel.start_thaw(handle)
        patience = self.kernel.boot_clock() + PATIENCE
        self.reap()
        while self.pending and self.kernel.boot_clock() < patience:
            yield self.kernel.boot_clock() + GLANCE
            self.reap()

    def reap(self) -> None:
        """Note what the children that have ended found."""
        for path, child in list(self.pending.items()):
            code = self.kernel.outcome(child)
            if code is not None:
                del self.pending[path]
                self.note(path, code)

    def note(self, path: str, code: int) -> None:
        """Keep what one FITHAW said."""
        self.resisted.pop(path, None)
        if code == 0:
            self.thawed.append(path)
        elif code not in NOT_FROZEN:
            self.resisted[path] = os.strerror(code)


def open_targets(targets: List[Target], kernel: "Kernel") -> Dict[str, int]:
    """A handle on each target, in the order of thawing. Raises OSError."""
    return {target.path: open_target(target, kernel) for target in reversed(targets)}


def open_target(target: Target, kernel: "Kernel") -> int:
    """A handle that is surely on this super block, through whichever mount is not covered."""
    for path in target.paths:
        try:
            handle = kernel.open_mount(path)
        except OSError:
            continue
        if is_on(handle, target, kernel):
            return handle
        kernel.close(handle)
    raise FileNotFoundError(errno.ENOENT, "cannot be opened", target.path)


def is_on(handle: int, target: Target, kernel: "Kernel") -> bool:
    """Whether this handle lies on that super block."""
    if target.fsid is None:
        return kernel.device_of(handle) == target.device
    try:
        return kernel.btrfs_fsid(handle) == target.fsid
    except OSError:
        return False


def open_what_opens(targets: List[Target], kernel: "Kernel") -> Dict[str, int]:
    """Handles on those targets that can be opened, for a thaw that does what it can."""
    handles = {}
    for target in reversed(targets):
        try:
            handles[target.path] = open_target(target, kernel)
        except OSError:
            continue
    return handles


def thaw_steps(kernel: "Kernel", answer: "Dict[str, Any]") -> Iterator[float]:
    """Every mount that can freeze is thawed, whoever froze it; `answer` is filled at the end."""
    for attempt in attempts_in(kernel):
        stop_freezing(Places(kernel, attempt), kernel)
    handles, resisted = {}, []
    seen = set()
    for mount in reversed(read_mounts(kernel)):
        if mount.file_system in FREEZABLE and mount.device not in seen:
            try:
                handles[mount.path] = kernel.open_mount(mount.path)
                seen.add(mount.device)
            except OSError as error:
                resisted.append(LeftOut(mount.path, str(error.strerror)))
    freezers = [Places(kernel, attempt) for attempt in attempts_in(kernel)]
    passes = Passes(handles, kernel, lambda: any(place.is_freezing(kernel) for place in freezers))
    for instant in passes.steps(kernel.boot_clock() + EMERGENCY):
        yield instant
    resisted += [LeftOut(path, reason) for path, reason in sorted(passes.resisted.items())]
    answer.update(
        kind="thawed",
        thawed=sorted(set(passes.thawed)),
        resisted=[list(one) for one in resisted],
        mount_count=len(handles),
    )


def thaw_all(request: "Dict[str, Any]", kernel: "Kernel") -> "Dict[str, Any]":  # noqa: ARG001 - one shape for every verb
    """The emergency: what an answer says about every mount after the passes."""
    answer: Dict[str, Any] = {}
    for instant in thaw_steps(kernel, answer):
        kernel.sleep_until(instant)
    return answer
