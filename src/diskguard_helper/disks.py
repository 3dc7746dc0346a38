"""Which disk of the virtual machine is which block device of this guest.

By the links of Azure's udev rules first (walinuxagent's 66-azure-storage.rules and azure-vm-utils'
80-azure-disk.rules), then by what those rules look at: SCSI address, controller and NVMe namespace.
"""

import re
from typing import TYPE_CHECKING, Dict, List, NamedTuple, Optional, Tuple

from diskguard_helper.nouns import LeftOut, PlanDisk, Refused, WatchedDisk

if TYPE_CHECKING:
    from diskguard_helper.kernel import Kernel

OPERATING_SYSTEM, FROM_PLAN, LOCAL = "os", "data", "local"
LINKS = "/dev/disk/azure"
LUN_FOLDERS = (("scsi1", "lun"), ("data/by-lun", ""), ("datadisks", "lun"))
LOCAL_FOLDERS = ("local/by-index", "local/by-serial", "local/by-name")
SCSI_ADDRESS = re.compile(r"\d+:\d+:\d+:(\d+)\Z")
FIRST_CONTROLLER = "f8b3781a"  # LUN 0 is the OS disk, LUN 1 the resource disk
DATA_CONTROLLERS = ("f8b3781b", "f8b3781c", "f8b3781d")
GENERATION_ONE = {"00000000-0000": OPERATING_SYSTEM, "00000000-0001": LOCAL}
REMOTE_NVME = "MSFT NVMe Accelerator"
LOCAL_NVME = "Microsoft NVMe Direct Disk"
SECTOR = 512


class Role(NamedTuple):
    """What a block device is to the virtual machine; `lun` for data disks only."""

    kind: str
    lun: Optional[int] = None


def read_or_empty(kernel: "Kernel", path: str) -> str:
    """The stripped text of a small file, empty where it cannot be read."""
    try:
        return kernel.read_text(path).strip()
    except OSError:
        return ""


def base(path: str) -> str:
    """The last name of a path."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def name_disks(kernel: "Kernel") -> Dict[str, Role]:
    """The role of every block device that has one, by the kernel's name for it.

    Where a link names the disk, the bus is not asked: a guest in a container sees its host's bus.
    """
    roles = roles_by_links(kernel)
    taken = {role for role in roles.values() if role.kind != LOCAL}
    for device in kernel.list_directory("/sys/block"):
        role = None if device in roles else role_by_sysfs(device, kernel)
        if role is not None and role not in taken:
            roles[device] = role
    return roles


def roles_by_links(kernel: "Kernel") -> Dict[str, Role]:
    """What the links of Azure's udev rules say."""
    return {
        base(kernel.real_path(LINKS + "/" + link)): role
        for link, role in azure_links(kernel)
        if kernel.exists(LINKS + "/" + link)
    }


def azure_links(kernel: "Kernel") -> List[Tuple[str, Role]]:
    """The links that name whole disks."""
    links = [
        ("resource", Role(LOCAL)),
        ("root", Role(OPERATING_SYSTEM)),
        ("os", Role(OPERATING_SYSTEM)),
    ]
    for folder in LOCAL_FOLDERS:
        names = kernel.list_directory(LINKS + "/" + folder)
        links += [(folder + "/" + name, Role(LOCAL)) for name in names]
    for folder, prefix in LUN_FOLDERS:
        for name in kernel.list_directory(LINKS + "/" + folder):
            digits = name[len(prefix) :]
            if name.startswith(prefix) and digits.isdigit():
                links.append((folder + "/" + name, Role(FROM_PLAN, int(digits))))
    return links


def role_by_sysfs(device: str, kernel: "Kernel") -> Optional[Role]:
    """What the bus says about a disk, None if it says nothing known."""
    folder = "/sys/block/" + device
    if device.startswith("nvme"):
        model = read_or_empty(kernel, folder + "/device/model")
        return role_of_nvme(model, read_or_empty(kernel, folder + "/nsid"))
    place = kernel.real_path(folder + "/device")
    address = SCSI_ADDRESS.match(base(place))
    return role_of_scsi(controller_of(place, kernel), int(address.group(1))) if address else None


def role_of_nvme(model: str, namespace: str) -> Optional[Role]:
    """Namespace 1 is the OS disk, n + 2 is LUN n (azure-vm-utils, 80-azure-disk.rules)."""
    if model.startswith(LOCAL_NVME):
        return Role(LOCAL)
    if not model.startswith(REMOTE_NVME) or not namespace.isdigit():
        return None
    number = int(namespace)
    return Role(OPERATING_SYSTEM) if number == 1 else Role(FROM_PLAN, number - 2)


def role_of_scsi(controller: str, lun: int) -> Optional[Role]:
    """By the controller's id, as walinuxagent's rules do."""
    if controller[:13] in GENERATION_ONE:
        return Role(GENERATION_ONE[controller[:13]])
    if controller.startswith(FIRST_CONTROLLER):
        return {0: Role(OPERATING_SYSTEM), 1: Role(LOCAL)}.get(lun)
    return Role(FROM_PLAN, lun) if controller.startswith(DATA_CONTROLLERS) else None


def controller_of(place: str, kernel: "Kernel") -> str:
    """The id of the nearest VMBus device above this place in sysfs, without its braces."""
    while place.count("/") > 2:
        place = place.rsplit("/", 1)[0]
        found = read_or_empty(kernel, place + "/device_id").strip("{}").lower()
        if found:
            return found
    return ""


def find_disks(
    wanted: List[PlanDisk], roles: Dict[str, Role], kernel: "Kernel"
) -> Tuple[List[WatchedDisk], List[LeftOut], List[str]]:
    """The disks of the plan found here, those that are not, and what is odd about them."""
    found, missing, warnings = [], [], []
    for disk in wanted:
        role = Role(OPERATING_SYSTEM) if disk.lun is None else Role(FROM_PLAN, disk.lun)
        devices = sorted(name for name, its in roles.items() if its == role)
        if len(devices) > 1:
            both = ", ".join(devices)
            raise Refused("ambiguous-disk", "%s is claimed by %s" % (describe(disk), both))
        if not devices:
            missing.append(LeftOut(describe(disk), "not found in the guest"))
            continue
        found.append(WatchedDisk(disk.lun, devices[0]))
        size = int(read_or_empty(kernel, "/sys/block/%s/size" % devices[0]) or 0) * SECTOR
        if size != disk.size:
            sizes = (describe(disk), devices[0], size, disk.size)
            warnings.append("%s (%s) has %d bytes here, %d in the model" % sizes)
    return found, missing, warnings


def describe(disk: PlanDisk) -> str:
    """The disk in a person's words."""
    return "%s (%s)" % (disk.name, "OS disk" if disk.lun is None else "LUN %d" % disk.lun)
