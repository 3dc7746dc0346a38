"""What in this guest could make a freeze hang or hurt: looked for before arming."""

from typing import TYPE_CHECKING, List, Optional

from diskguard_helper.disks import read_or_empty
from diskguard_helper.mountinfo import Mount
from diskguard_helper.nouns import LeftOut, Refused

if TYPE_CHECKING:
    from diskguard_helper.kernel import Kernel

# fanotify(7): FAN_OPEN_PERM, FAN_ACCESS_PERM, FAN_OPEN_EXEC_PERM
PERMISSION_EVENTS = 0x00010000 | 0x00020000 | 0x00040000
HARMLESS_FUSE = ("fuse.lxcfs", "fusectl", "fuse.portal", "fuse.gvfsd-fuse")


def refuse_hung_task_panic(limit: float, kernel: "Kernel") -> None:
    """A freeze of that length cannot make the kernel panic. Raises Refused."""
    panics = read_or_empty(kernel, "/proc/sys/kernel/hung_task_panic")
    timeout = read_or_empty(kernel, "/proc/sys/kernel/hung_task_timeout_secs")
    if panics not in ("", "0") and timeout.isdigit() and 0 < int(timeout) <= limit + 1:
        message = "hung_task_panic is on and a task counts as hung after %s s" % timeout
        raise Refused("hung-task-panic", message)


def permission_listeners(kernel: "Kernel") -> List[str]:
    """Processes that must agree before others may open a file: frozen, they hang everybody."""
    processes = [name for name in kernel.list_directory("/proc") if name.isdigit()]
    found = {
        read_or_empty(kernel, "/proc/%s/comm" % process) or process
        for process in processes
        if listens_for_permission(process, kernel)
    }
    return sorted(found)


def listens_for_permission(process: str, kernel: "Kernel") -> bool:
    """Whether a process holds a fanotify group with permission events."""
    folder = "/proc/%s/fd" % process
    for descriptor in kernel.list_directory(folder):
        if "[fanotify]" not in kernel.read_link(folder + "/" + descriptor):
            continue
        marks = read_or_empty(kernel, "/proc/%s/fdinfo/%s" % (process, descriptor))
        if any(mask & PERMISSION_EVENTS for mask in masks_in(marks)):
            return True
    return False


def masks_in(marks: str) -> List[int]:
    """The event masks of a fanotify group, from its fdinfo (proc(5))."""
    words = [word for word in marks.split() if word.startswith("mask:")]
    return [number for number in map(hexadecimal, words) if number is not None]


def hexadecimal(word: str) -> Optional[int]:
    """The number after the colon, None if it is none."""
    try:
        return int(word.partition(":")[2], 16)
    except ValueError:
        return None


def warnings_about(mounts: List[Mount], kernel: "Kernel") -> List[str]:
    """What may stall a freeze without forbidding it."""
    warnings = [
        "%s decides about file access (fanotify): a freeze may hang and be given up" % name
        for name in permission_listeners(kernel)
    ]
    for mount in mounts:
        kind = mount.file_system
        if kind.startswith("fuse") and kind not in HARMLESS_FUSE:
            warnings.append("%s (%s) may stall while its files are frozen" % (mount.path, kind))
    return warnings


def swap_areas(kernel: "Kernel") -> List[LeftOut]:
    """Swap in use: it writes to its disk whatever is frozen."""
    lines = read_or_empty(kernel, "/proc/swaps").split("\n")[1:]
    return [LeftOut(line.split()[0], "swap") for line in lines if line.strip()]


def external_journals(kernel: "Kernel") -> List[str]:
    """Block devices that are ext journals of their own (jbd2 names the others device-inode)."""
    names = kernel.list_directory("/proc/fs/jbd2")
    return [name for name in names if kernel.exists("/sys/class/block/" + name)]
