"""What is mounted where, as pid 1 sees it (proc(5), mountinfo)."""

import re
from typing import TYPE_CHECKING, List, NamedTuple, Optional

if TYPE_CHECKING:
    from diskguard_helper.kernel import Kernel

TABLE = "/proc/1/mountinfo"
MEMORY = ("tmpfs", "ramfs")
ESCAPE = re.compile(rb"\\([0-7]{3})")


class Mount(NamedTuple):
    """One line of mountinfo."""

    device: str
    root: str
    path: str
    file_system: str
    source: str
    options: str


def plain(text: str) -> str:
    """The text with mountinfo's octal escapes undone."""
    raw = text.encode("utf-8", "surrogateescape")
    raw = ESCAPE.sub(lambda match: bytes([int(match.group(1), 8) & 0xFF]), raw)
    return raw.decode("utf-8", "surrogateescape")


def parse_line(line: str) -> Optional[Mount]:
    """The mount on this line, None if it is none."""
    head, mark, tail = line.partition(" - ")
    fields, rest = head.split(" "), tail.split(" ")
    if not mark or len(fields) < 6 or len(rest) < 3:
        return None
    return Mount(fields[2], plain(fields[3]), plain(fields[4]), rest[0], plain(rest[1]), rest[2])


def read_mounts(kernel: "Kernel") -> List[Mount]:
    """Every mount, in the order of mounting."""
    lines = kernel.read_text(TABLE).split("\n")
    return [mount for mount in map(parse_line, lines) if mount is not None]


def mount_below(path: str, mounts: List[Mount]) -> Optional[Mount]:
    """The mount a path lies on: the longest prefix, and of several there the last one mounted."""
    found = None
    for mount in mounts:
        prefix = mount.path.rstrip("/") + "/"
        if (path + "/").startswith(prefix) and (
            found is None or len(mount.path) >= len(found.path)
        ):
            found = mount
    return found


def lies_in_memory(path: str, mounts: List[Mount]) -> bool:
    """Whether files at this path never freeze."""
    mount = mount_below(path, mounts)
    return mount is not None and mount.file_system in MEMORY
