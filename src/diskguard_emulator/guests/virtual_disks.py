"""The file systems and disks of a virtual guest: frozen or not, since when, and how far written."""

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from diskguard_emulator.guests.machine_clock import MachineClock
from diskguard_emulator.guests.tree import BlockDevice, Mount

WRITES_PER_SECOND: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """One file system was frozen from `since` to `until`, in seconds of the boot clock."""

    mount: str
    since: float
    until: float | None
    frozen_by: str
    thawed_by: str | None


@dataclass(slots=True)
class SuperBlock:
    """One file system; a freeze outlives whoever asked for it."""

    mount: Mount
    frozen_since: float | None = None
    frozen_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualImage:
    """A disk at one instant: how often the busy writer had come round, and whether it stood still.

    Images make a usable set if all are quiet and of one version.
    """

    lun: int | None
    version: int
    quiet: bool
    taken_at: float

    async def drop(self) -> None:
        return


def is_torn(images: list[VirtualImage]) -> bool:
    """Whether these disks do not belong together."""
    return len({image.version for image in images}) > 1 or not all(image.quiet for image in images)


@dataclass
class VirtualDisks:
    """All file systems of one guest, and one writer that goes round all its disks in turn."""

    clock: MachineClock
    devices: tuple[BlockDevice, ...]
    mounts: tuple[Mount, ...]
    raw_writes: Callable[[], tuple[int | None, ...]]
    on_first_freeze: Callable[[], None]
    history: list[Standstill] = field(default_factory=list)
    running: bool = False

    def __post_init__(self) -> None:
        self.blocks = {mount.number: SuperBlock(mount) for mount in self.mounts}
        self._written = 0.0
        self._raw = 0.0
        self._looked = self.clock.boot()

    # What is frozen.

    @property
    def frozen(self) -> list[SuperBlock]:
        """The file systems that stand still now."""
        return [block for block in self.blocks.values() if block.frozen_since is not None]

    def at(self, path: str) -> SuperBlock:
        """The file system mounted at this path. Raises FileNotFoundError."""
        for block in self.blocks.values():
            if block.mount.path == path:
                return block
        raise FileNotFoundError(errno.ENOENT, "nothing is mounted there", path)

    def freeze(self, block: SuperBlock, who: str) -> int:
        """Answer as FIFREEZE does: 0 or an errno."""
        if not block.mount.can_freeze:
            return errno.EOPNOTSUPP
        if block.frozen_since is not None:
            return errno.EBUSY
        self.count()
        first = not self.frozen
        block.frozen_since, block.frozen_by = self.clock.boot(), who
        if first:
            self.on_first_freeze()
        return 0

    def thaw(self, block: SuperBlock, who: str) -> int:
        """Answer as FITHAW does: 0 or EINVAL."""
        if block.frozen_since is None:
            return errno.EINVAL
        self.count()
        self.history.append(self._standstill(block, self.clock.boot(), who))
        block.frozen_since = None
        return 0

    def longest_freeze(self) -> float:
        """The longest standstill so far in seconds, those that still last included."""
        lasting = [self._standstill(block, self.clock.boot(), None) for block in self.frozen]
        spans = [(each.until or 0.0) - each.since for each in [*self.history, *lasting]]
        return max(spans, default=0.0)

    def _standstill(self, block: SuperBlock, until: float, who: str | None) -> Standstill:
        return Standstill(
            mount=block.mount.path,
            since=block.frozen_since or 0.0,
            until=until,
            frozen_by=block.frozen_by,
            thawed_by=who,
        )

    # What is written.

    def count(self) -> None:
        """Bring the writer's progress up to now; called before anything that changes it."""
        now = self.clock.boot()
        if self.running:
            self._raw += now - self._looked
            if not self.frozen:
                self._written += now - self._looked
        self._looked = now

    def writes(self, device: BlockDevice) -> int:
        """What the kernel counts as writes to this disk since boot."""
        self.count()
        moving = self._raw if self._is_written_past(device) else self._written
        return int(moving * WRITES_PER_SECOND) + 1000

    def image(self, lun: int | None) -> VirtualImage:
        """The disk's content now."""
        self.count()
        device = next(each for each in self.devices if each.lun == lun and not each.resource)
        return VirtualImage(
            lun=lun,
            version=round(self.writes(device)),
            quiet=not self.running or self._stands_still(device),
            taken_at=self.clock.true(),
        )

    def _is_written_past(self, device: BlockDevice) -> bool:
        return device.lun in self.raw_writes() and not device.resource

    def _stands_still(self, device: BlockDevice) -> bool:
        mine = [
            block
            for block in self.blocks.values()
            if device.lun in block.mount.luns
            and block.mount.resource == device.resource
            and block.mount.can_freeze
        ]
        all_frozen = all(block.frozen_since is not None for block in mine)
        return all_frozen and not self._is_written_past(device)
