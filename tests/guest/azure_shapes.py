"""Linux guests as Azure makes them: sysfs, udev links and mountinfo of real shapes."""

from tests.guest.fake_machine import FakeMachine

GIB = 1 << 30
VMBUS = "/sys/devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0004:00/VMBUS:00"
OS_CONTROLLER = "f8b3781a-1e82-4818-a1c3-63d806ec15bb"
DATA_CONTROLLER = "f8b3781b-1e82-4818-a1c3-63d806ec15bb"
GENERATION_ONE_OS = "00000000-0000-8899-0000-000000000000"
GENERATION_ONE_RESOURCE = "00000000-0001-8899-0000-000000000000"


class Shape:
    """A machine being put together; each method adds one thing."""

    def __init__(self) -> None:
        self.machine = FakeMachine()
        self.mountinfo: list[str] = []
        self.numbers: dict[str, str] = {}
        self.mount("tmpfs", "/run", "0:24", source="tmpfs")
        self.mount("proc", "/proc", "0:5", source="proc")

    def block(self, name: str, place: str, gibibytes: int = 32) -> None:
        """A whole block device at that place of sysfs."""
        number = f"{8 + len(self.numbers)}:0"
        self.numbers[name] = number
        real = f"{place}/block/{name}"
        self.machine.links[f"/sys/dev/block/{number}"] = real
        self.machine.links[f"/sys/class/block/{name}"] = real
        self.machine.links[f"/sys/block/{name}/device"] = place
        self.machine.files[f"/sys/block/{name}/size"] = f"{gibibytes * GIB // 512}\n"
        self.machine.files[f"/sys/block/{name}/stat"] = "1 0 8 0 7 0 56 0 0 0 0 2 0 0 0 0 0\n"
        self.machine.files[f"/sys/block/{name}/inflight"] = "       3        0\n"

    def scsi(self, name: str, controller: str, lun: int) -> "Shape":
        """A SCSI disk on that controller."""
        bus = f"{VMBUS}/{controller}"
        self.machine.files[f"{bus}/device_id"] = "{" + controller + "}\n"
        self.block(name, f"{bus}/host0/target0:0:0/0:0:0:{lun}")
        return self

    def nvme(self, name: str, namespace: int, model: str = "MSFT NVMe Accelerator v1.0") -> "Shape":
        """An NVMe namespace."""
        self.block(name, "/sys/devices/pci0000:00/nvme/nvme0")
        self.machine.files[f"/sys/block/{name}/nsid"] = f"{namespace}\n"
        self.machine.files[f"/sys/block/{name}/device/model"] = f"{model}            \n"
        return self

    def link(self, link: str, name: str) -> "Shape":
        """A link of Azure's udev rules."""
        self.machine.links[f"/dev/disk/azure/{link}"] = f"/dev/{name}"
        return self

    def partition(self, disk: str, name: str) -> "Shape":
        """A partition of a disk."""
        number = f"{8 + len(self.numbers)}:1"
        self.numbers[name] = number
        real = self.machine.links[f"/sys/class/block/{disk}"] + f"/{name}"
        self.machine.links[f"/sys/dev/block/{number}"] = real
        self.machine.links[f"/sys/class/block/{name}"] = real
        self.machine.files[f"/sys/class/block/{name}/partition"] = "1\n"
        return self

    def mapped(self, name: str, *members: str) -> "Shape":
        """A device-mapper or md device on others: LVM, LUKS, RAID."""
        self.block(name, f"/sys/devices/virtual/{name}")
        del self.machine.links[f"/sys/block/{name}/device"]
        for member in members:
            self.machine.links[f"/sys/class/block/{name}/slaves/{member}"] = member
        return self

    def loop(self, name: str, file: str) -> "Shape":
        """A loop device on a file."""
        self.block(name, "/sys/devices/virtual")
        self.machine.files[f"/sys/class/block/{name}/loop/backing_file"] = f"{file}\n"
        return self

    def on(
        self, kind: str, path: str, name: str, *, options: str = "rw", root: str = "/"
    ) -> "Shape":
        """A file system of a block device, mounted."""
        return self.mount(kind, path, self.numbers[name], f"/dev/{name}", options, root)

    def btrfs(self, path: str, number: str, *names: str, root: str = "/") -> "Shape":
        """A btrfs over several devices, or one more mount of it."""
        fsid = f"0f7c1b0e-0000-4000-8000-0000000000{number.split(':')[1]}"
        for name in names:
            self.machine.files[f"/sys/fs/btrfs/{fsid}/devices/{name}"] = ""
        self.machine.fsids[number] = fsid
        return self.mount("btrfs", path, number, f"/dev/{names[0]}", "rw", root)

    def mount(
        self,
        kind: str,
        path: str,
        number: str,
        source: str = "none",
        options: str = "rw",
        root: str = "/",
    ) -> "Shape":
        """A line of mountinfo."""
        written = path.replace("\\", "\\134").replace(" ", "\\040")
        line = f"{30 + len(self.mountinfo)} 1 {number} {root} {written} rw,relatime shared:1 - {kind} {source} {options}"
        self.mountinfo.append(line)
        self.machine.files["/proc/1/mountinfo"] = "\n".join(self.mountinfo) + "\n"
        self.machine.at[path] = number
        return self


def generation_two() -> Shape:
    """SCSI: OS disk with ext4 and an EFI partition, resource disk, one data disk with xfs at LUN 0."""
    shape = Shape().scsi("sda", OS_CONTROLLER, 0).scsi("sdb", OS_CONTROLLER, 1)
    shape.scsi("sdc", DATA_CONTROLLER, 0)
    shape.partition("sda", "sda1").partition("sda", "sda15").partition("sdb", "sdb1")
    shape.on("ext4", "/", "sda1").on("vfat", "/boot/efi", "sda15").on("ext4", "/mnt", "sdb1")
    return shape.on("xfs", "/data", "sdc")
