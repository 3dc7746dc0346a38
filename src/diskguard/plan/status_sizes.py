"""How much the points hold: the disks' sizes as Azure gives them, and an estimate of what is stored.

Azure bills what a snapshot occupies and tells no API how much that is: the first one of a disk is
a full copy of its used part, each later one the difference (arm-wire 7).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from diskguard.model.restore_point import Location, Member
from diskguard.plan.points import Assembly

DAILY_CHANGE: Final = 0.03
"""The share of a disk that changes in a day, where nothing is known of it. An assumption."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What lies in one location: `disk_bytes` is Azure's word, `estimated_bytes` is not.

    `disk_bytes` sums each disk's size once, as its newest snapshot has it. The estimate takes every
    disk as full, and DAILY_CHANGE of it for each day its snapshots span.
    """

    location: Location
    snapshots: int
    disk_bytes: int
    estimated_bytes: int


@dataclass(slots=True)
class _Chain:
    """The snapshots of one disk in one location."""

    first: datetime
    last: datetime
    size: int
    number: int = 1

    def add(self, taken_at: datetime, size: int) -> None:
        if taken_at >= self.last:
            self.last, self.size = taken_at, size
        self.first = min(self.first, taken_at)
        self.number += 1

    @property
    def estimate(self) -> float:
        days = (self.last - self.first) / timedelta(days=1)
        return self.size * min(1 + DAILY_CHANGE * days, self.number)


def sizes_of(assembly: Assembly) -> tuple[Stored, ...]:
    """Give what lies in each location that holds anything."""
    found = []
    for location in Location:
        parts = (point.part(location) for point in assembly.points)
        chains = _chains(member for part in parts if part is not None for member in part.members)
        if chains:
            found.append(
                Stored(
                    location=location,
                    snapshots=sum(chain.number for chain in chains),
                    disk_bytes=sum(chain.size for chain in chains),
                    estimated_bytes=round(sum(chain.estimate for chain in chains)),
                )
            )
    return tuple(found)


def _chains(members: Iterable[Member]) -> list[_Chain]:
    chains: dict[str, _Chain] = {}
    for member in members:
        if member.taken_at is None:
            continue
        disk = member.disk_unique_id.lower()
        if disk in chains:
            chains[disk].add(member.taken_at, member.size_bytes)
        else:
            chains[disk] = _Chain(member.taken_at, member.taken_at, member.size_bytes)
    return list(chains.values())
