"""The application of a plain guest: writes one number to all its disks in turn, then the next one.

Every disk names its gate: the file whose lock a write holds, and that is marked frozen by `<gate>.frozen`.
"""

import fcntl
import json
import os
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any

BLOCK = 4096
PAUSE = 0.01


def write_rounds(disks: list[dict[str, str]], number: int = 0) -> Iterator[int]:
    """Every disk in turn gets the same number, one yield a write; a frozen one keeps all others waiting."""
    while True:
        number += 1
        for disk in disks:
            while not write_one(disk["file"], disk["gate"], number):
                yield number
            yield number


def write_one(file: str, gate: str, number: int) -> bool:
    """Whether the number is on the disk: not while its file system is frozen."""
    with open(gate, "ab") as door:
        fcntl.flock(door, fcntl.LOCK_SH)
        if os.path.exists(gate + ".frozen"):
            return False
        with open(file, "r+b") as disk:
            fcntl.flock(disk, fcntl.LOCK_EX)
            disk.write(struct.pack("<Q", number) * (BLOCK // 8))
            disk.flush()
    return True


def read_number(file: str) -> int:
    """The number last written to this disk."""
    with open(file, "rb") as disk:
        (number,) = struct.unpack("<Q", disk.read(8))
    return int(number)


def main(arguments: list[str]) -> None:
    """Write until killed, going on from where the disks are."""
    with open(arguments[0], encoding="utf-8") as file:
        disks: list[dict[str, Any]] = json.load(file)
    for _ in write_rounds(disks, max(read_number(disk["file"]) for disk in disks)):
        time.sleep(PAUSE)


if __name__ == "__main__":
    main(sys.argv[1:])
