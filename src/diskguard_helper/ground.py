"""What a mount stands on: whole disks, and files in mounts below where loop devices are involved."""

from typing import TYPE_CHECKING, Dict, FrozenSet, List, NamedTuple, Optional, Set

from diskguard_helper.disks import Role, base, read_or_empty
from diskguard_helper.mountinfo import Mount, mount_below

if TYPE_CHECKING:
    from diskguard_helper.kernel import Kernel

EXTERNAL_DEVICES = ("logdev", "rtdev")  # xfs(5)
DEEPEST = 32


class Ground(NamedTuple):
    """The whole disks under a mount, and the super blocks (by device) it is stacked on."""

    disks: FrozenSet[str]
    lower: FrozenSet[str]


class Survey:
    """Looks up what mounts stand on; one look at the machine for all of them."""

    def __init__(self, mounts: List[Mount], roles: Dict[str, Role], kernel: "Kernel") -> None:
        self.mounts = mounts
        self.roles = roles
        self.kernel = kernel

    def ground_of(self, mount: Mount, depth: int = 0) -> Ground:
        """What this mount stands on, through every loop device down to the disks."""
        disks: Set[str] = set()
        files: Set[str] = set()
        for device in self.devices_of(mount):
            self.descend(device, disks, files)
        lower = set()
        for file in files:
            below = mount_below(file, self.mounts)
            if below is None or below.device == mount.device or depth > DEEPEST:
                continue
            deeper = self.ground_of(below, depth + 1)
            lower |= {below.device} | deeper.lower
            disks |= deeper.disks
        return Ground(frozenset(disks), frozenset(lower))

    def devices_of(self, mount: Mount) -> List[str]:
        """The block devices a file system is made of, by kernel name."""
        if mount.file_system == "btrfs":
            fsid = self.fsid_of(mount)
            return self.kernel.list_directory("/sys/fs/btrfs/%s/devices" % fsid) if fsid else []
        if mount.device.startswith("0:"):
            return []
        real = self.kernel.real_path("/sys/dev/block/" + mount.device)
        return [base(real)] + self.external_devices(mount)

    def external_devices(self, mount: Mount) -> List[str]:
        """An XFS log or real-time part may live on devices of their own."""
        pairs = [option.partition("=") for option in mount.options.split(",")]
        return [
            base(self.kernel.real_path(path)) for key, _, path in pairs if key in EXTERNAL_DEVICES
        ]

    def fsid_of(self, mount: Mount) -> Optional[str]:
        """The id of a btrfs: by the device it was mounted from, else by asking the mount."""
        source = base(self.kernel.real_path(mount.source))
        for fsid in self.kernel.list_directory("/sys/fs/btrfs"):
            if source in self.kernel.list_directory("/sys/fs/btrfs/%s/devices" % fsid):
                return fsid
        try:
            handle = self.kernel.open_mount(mount.path)
        except OSError:
            return None
        try:
            return self.kernel.btrfs_fsid(handle)
        except OSError:
            return None
        finally:
            self.kernel.close(handle)

    def descend(self, device: str, disks: Set[str], files: Set[str]) -> None:
        """Add the disks, or the files of loop devices, that a block device is made of."""
        folder = "/sys/class/block/" + device
        if device in self.roles:
            disks.add(device)
            return
        if self.kernel.exists(folder + "/partition"):
            whole = self.kernel.real_path(folder).rsplit("/", 1)[0]
            self.descend(base(whole), disks, files)
            return
        members = self.kernel.list_directory(folder + "/slaves")
        for member in members:
            self.descend(member, disks, files)
        file = read_or_empty(self.kernel, folder + "/loop/backing_file")
        if file:
            files.add(file)
        elif not members:
            disks.add(device)
