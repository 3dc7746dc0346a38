"""The folders and links a Linux guest on Azure shows of its disks and mounts.

Layout of /sys: Documentation/ABI/stable/sysfs-block and sysfs-fs-btrfs of the kernel; controllers and
links under /dev/disk/azure: config/66-azure-storage.rules of Azure/WALinuxAgent and
udev/80-azure-disk.rules of Azure/azure-vm-utils.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from diskguard_emulator.guests.port import GuestDisk, GuestFacts

VMBUS: Final = "/sys/devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0004:00/VMBUS:00"
OS_CONTROLLER: Final = "f8b3781a-1e82-4818-a1c3-63d806ec15bb"
DATA_CONTROLLER: Final = "f8b3781b-1e82-4818-a1c3-63d806ec15bb"
NVME: Final = "/sys/devices/pci0000:00/0000:00:03.0/nvme/nvme0"
PSEUDO: Final = (
    "20 1 0:20 / /sys rw,nosuid shared:2 - sysfs sysfs rw",
    "21 1 0:21 / /proc rw,nosuid shared:3 - proc proc rw",
    "22 1 0:5 / /dev rw,nosuid shared:4 - devtmpfs udev rw,size=4k",
    "23 1 0:23 / /run rw,nosuid,nodev shared:5 - tmpfs tmpfs rw,mode=755",
    "24 20 0:24 / /sys/fs/cgroup rw,nosuid shared:6 - cgroup2 cgroup2 rw",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDevice:
    """A disk as the kernel names it; `lun` None is the OS disk, `resource` the temporary one."""

    name: str
    lun: int | None
    size_bytes: int
    major: int
    minor: int
    home: str
    resource: bool = False

    def partition(self, number: int) -> str:
        """The kernel's name of one partition."""
        joint = "p" if self.name[-1].isdigit() else ""
        return f"{self.name}{joint}{number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One mounted file system and the devices (by kernel name) it lies on."""

    path: str
    file_system: str
    devices: tuple[str, ...]
    luns: tuple[int | None, ...]
    number: str  # major:minor as mountinfo shows it; anonymous for btrfs
    fsid: str | None = None
    resource: bool = False

    @property
    def can_freeze(self) -> bool:
        return self.file_system in ("ext3", "ext4", "xfs", "btrfs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What a guest's /proc, /sys and /dev would show; folders are implied by what lies in them."""

    devices: tuple[BlockDevice, ...]
    mounts: tuple[Mount, ...]
    files: Mapping[str, str]
    links: Mapping[str, str]
    children: Mapping[str, tuple[str, ...]] = field(repr=False)

    def real_path(self, path: str) -> str:
        """`path` with every link followed; what does not exist is kept as it stands."""
        done = ""
        for part in path.split("/"):
            if part:
                done = f"{done}/{part}"
                if done in self.links:
                    done = self.real_path(self.links[done])
        return done or "/"

    def names_in(self, folder: str) -> tuple[str, ...]:
        """The sorted names in a folder, none where there is none."""
        return self.children.get(self.real_path(folder), ())

    def exists(self, path: str) -> bool:
        """Whether a file, link or folder is there."""
        real = self.real_path(path)
        return real in self.files or real in self.children or real in self.links

    def device_of_counters(self, path: str) -> BlockDevice | None:
        """The disk whose `stat` or `inflight` file this real path is."""
        folder = path.rpartition("/")[0]
        return next((device for device in self.devices if device.home == folder), None)


def plant_tree(facts: GuestFacts) -> Tree:
    """The tree of one VM's guest.

    Read from `facts.options`: `nvme`, `resource_disk`, `udev_links` (bool), `root_file_system`, and
    `mounts`: a list of {path, file_system, luns}; without it every data disk is an ext4 at /data<lun>.
    """
    devices = tuple(_devices(facts))
    mounts = tuple(_mounts(facts, devices))
    links = dict(_links(devices, mounts))
    if not facts.options.get("udev_links", True):
        links = {path: target for path, target in links.items() if not path.startswith("/dev/")}
    files = dict(_files(devices, mounts))
    return Tree(
        devices=devices,
        mounts=mounts,
        files=files,
        links=links,
        children=_children([*files, *links]),
    )


def _devices(facts: GuestFacts) -> Iterator[BlockDevice]:
    place = _nvme if facts.options.get("nvme") else _scsi
    system = next((disk for disk in facts.disks if disk.lun is None), None)
    if system is not None:
        yield place(system, 0)
    for index, disk in enumerate(disk for disk in facts.disks if disk.lun is not None):
        yield place(disk, index + 2)
    if facts.options.get("resource_disk", True):
        yield BlockDevice(
            name="sdb",
            lun=None,
            size_bytes=2**34,
            major=8,
            minor=16,
            home=f"{VMBUS}/{OS_CONTROLLER}/host0/target0:0:0/0:0:0:1/block/sdb",
            resource=True,
        )


def _scsi(disk: GuestDisk, index: int) -> BlockDevice:
    letters = f"sd{chr(ord('a') + index)}" if index < 26 else f"sda{chr(ord('a') + index - 26)}"
    controller, host = (OS_CONTROLLER, 0) if disk.lun is None else (DATA_CONTROLLER, 1)
    address = f"{host}:0:0:{disk.lun or 0}"
    major = 8 if index < 16 else (65 + (index - 16) // 16)
    return BlockDevice(
        name=letters,
        lun=disk.lun,
        size_bytes=disk.size_bytes,
        major=major,
        minor=16 * (index % 16),
        home=f"{VMBUS}/{controller}/host{host}/target{host}:0:0/{address}/block/{letters}",
    )


def _nvme(disk: GuestDisk, index: int) -> BlockDevice:
    namespace = 1 if disk.lun is None else disk.lun + 2
    name = f"nvme0n{namespace}"
    return BlockDevice(
        name=name,
        lun=disk.lun,
        size_bytes=disk.size_bytes,
        major=259,
        minor=16 * index,
        home=f"{NVME}/{name}",
    )


def _mounts(facts: GuestFacts, devices: tuple[BlockDevice, ...]) -> Iterator[Mount]:
    for device in devices:
        if device.resource:
            yield _partition_mount(device, 1, "/mnt", "ext4")
        elif device.lun is None:
            kind = str(facts.options.get("root_file_system", "ext4"))
            yield _partition_mount(device, 1, "/", kind)
            yield _partition_mount(device, 15, "/boot/efi", "vfat")
    wishes = facts.options.get("mounts")
    for index, wish in enumerate(_whole_disks(devices) if wishes is None else wishes):
        yield _data_mount(facts, devices, wish, index)


def _whole_disks(devices: tuple[BlockDevice, ...]) -> list[Mapping[str, Any]]:
    return [
        {"path": f"/data{device.lun}", "file_system": "ext4", "luns": [device.lun]}
        for device in devices
        if device.lun is not None
    ]


def _partition_mount(device: BlockDevice, number: int, path: str, file_system: str) -> Mount:
    btrfs = file_system == "btrfs"
    return Mount(
        path=path,
        file_system=file_system,
        devices=(device.partition(number),),
        luns=(device.lun,),
        number="0:39" if btrfs else f"{device.major}:{device.minor + number}",
        fsid=str(uuid5(NAMESPACE_URL, f"{device.home}{path}")) if btrfs else None,
        resource=device.resource,
    )


def _data_mount(
    facts: GuestFacts, devices: tuple[BlockDevice, ...], wish: Mapping[str, Any], index: int
) -> Mount:
    by_lun = {device.lun: device for device in devices if device.lun is not None}
    members = [by_lun[lun] for lun in wish["luns"]]
    btrfs = wish["file_system"] == "btrfs"
    return Mount(
        path=str(wish["path"]),
        file_system=str(wish["file_system"]),
        devices=tuple(member.name for member in members),
        luns=tuple(member.lun for member in members),
        number=f"0:{40 + index}" if btrfs else f"{members[0].major}:{members[0].minor}",
        fsid=str(uuid5(NAMESPACE_URL, f"{facts.vm_id}{wish['path']}")) if btrfs else None,
    )


def _files(
    devices: tuple[BlockDevice, ...], mounts: tuple[Mount, ...]
) -> Iterator[tuple[str, str]]:
    yield "/proc/1/mountinfo", _mountinfo(mounts)
    yield "/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
    yield "/proc/sys/kernel/hung_task_panic", "0\n"
    yield "/proc/sys/kernel/hung_task_timeout_secs", "120\n"
    for device in devices:
        sectors = device.size_bytes // 512
        yield f"{device.home}/dev", f"{device.major}:{device.minor}\n"
        yield f"{device.home}/size", f"{sectors}\n"
        yield f"{device.home}/stat", ""
        yield f"{device.home}/inflight", ""
        for number in _partitions(device, mounts):
            home = f"{device.home}/{device.partition(number)}"
            yield f"{home}/dev", f"{device.major}:{device.minor + number}\n"
            yield f"{home}/partition", f"{number}\n"
            yield f"{home}/size", f"{sectors // 2}\n"
        yield from _bus_files(device)


def _bus_files(device: BlockDevice) -> Iterator[tuple[str, str]]:
    if device.home.startswith(NVME):
        yield f"{NVME}/model", "MSFT NVMe Accelerator v1.0              \n"
        yield f"{device.home}/nsid", f"{1 if device.lun is None else device.lun + 2}\n"
    else:
        controller = device.home.removeprefix(f"{VMBUS}/").partition("/")[0]
        yield f"{VMBUS}/{controller}/device_id", f"{{{controller}}}\n"


def _mountinfo(mounts: tuple[Mount, ...]) -> str:
    lines = [
        f"{_mount_id(mount, index)} {0 if mount.path == '/' else 1} {mount.number} / "
        f"{mount.path.replace(' ', chr(92) + '040')} rw,relatime shared:{60 + index} - "
        f"{mount.file_system} /dev/{mount.devices[0]} rw"
        for index, mount in enumerate(mounts)
    ]
    return "\n".join([*lines, *PSEUDO]) + "\n"


def _mount_id(mount: Mount, index: int) -> int:
    return 1 if mount.path == "/" else 100 + index


def _partitions(device: BlockDevice, mounts: tuple[Mount, ...]) -> list[int]:
    used = {name for mount in mounts for name in mount.devices}
    return [number for number in (1, 15) if device.partition(number) in used]


def _links(
    devices: tuple[BlockDevice, ...], mounts: tuple[Mount, ...]
) -> Iterator[tuple[str, str]]:
    for device in devices:
        yield from _block_links(device.name, f"{device.major}:{device.minor}", device.home)
        yield f"/sys/block/{device.name}", device.home
        yield f"{device.home}/device", device.home.rpartition("/block/")[0] or NVME
        yield _azure_link(device), f"/dev/{device.name}"
        for number in _partitions(device, mounts):
            name, home = device.partition(number), f"{device.home}/{device.partition(number)}"
            yield from _block_links(name, f"{device.major}:{device.minor + number}", home)
            yield f"{_azure_link(device)}-part{number}", f"/dev/{name}"
    for mount in mounts:
        for name in mount.devices if mount.fsid else ():
            yield f"/sys/fs/btrfs/{mount.fsid}/devices/{name}", f"/sys/class/block/{name}"


def _block_links(name: str, number: str, home: str) -> Iterator[tuple[str, str]]:
    yield f"/sys/class/block/{name}", home
    yield f"/sys/dev/block/{number}", home


def _azure_link(device: BlockDevice) -> str:
    if device.resource:
        return "/dev/disk/azure/resource"
    nvme = device.home.startswith(NVME)
    if device.lun is None:
        return "/dev/disk/azure/os" if nvme else "/dev/disk/azure/root"
    folder = "data/by-lun/" if nvme else "scsi1/lun"
    return f"/dev/disk/azure/{folder}{device.lun}"


def _children(paths: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for path in paths:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            found.setdefault("/".join(parts[:depth]) or "/", set()).add(parts[depth])
    return {folder: tuple(sorted(names)) for folder, names in found.items()}
