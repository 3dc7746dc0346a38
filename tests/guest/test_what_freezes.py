"""Which mounts of a guest freeze, in which order, and what is said about the others."""

from typing import Any

import pytest
from tests.guest.asking import OS_DISK, armed, data_disk
from tests.guest.azure_shapes import (
    DATA_CONTROLLER,
    GENERATION_ONE_OS,
    GENERATION_ONE_RESOURCE,
    GIB,
    OS_CONTROLLER,
    Shape,
    generation_two,
)

from diskguard_helper.nouns import Refused


def paths(promise: dict[str, Any]) -> list[str]:
    return [mount[0] for mount in promise["mounts"]]


def reason_for(promise: dict[str, Any], what: str) -> str:
    return str(dict(promise["left_out"])[what])


def test_the_root_file_system_freezes_last_and_efi_and_resource_disk_never():
    machine = generation_two().machine

    promise = armed(machine, OS_DISK, data_disk(0))

    assert promise["mounts"] == [["/data", "xfs", [0]], ["/", "ext4", [None]]]
    assert reason_for(promise, "/boot/efi") == "vfat cannot freeze"
    assert reason_for(promise, "/mnt") == "on the resource disk"


def test_generation_one_machines_know_their_disks_by_the_ide_controllers():
    shape = Shape().scsi("sda", GENERATION_ONE_OS, 0).scsi("sdb", GENERATION_ONE_RESOURCE, 0)
    shape.scsi("sdc", DATA_CONTROLLER, 3)
    shape.on("ext4", "/", "sda").on("ext4", "/mnt", "sdb").on("ext4", "/srv", "sdc")

    promise = armed(shape.machine, OS_DISK, data_disk(3))

    assert promise["mounts"] == [["/srv", "ext4", [3]], ["/", "ext4", [None]]]
    assert reason_for(promise, "/mnt") == "on the resource disk"


@pytest.mark.parametrize("links", [False, True])
def test_nvme_namespaces_are_luns_by_azures_links_or_by_their_number(links: bool):
    shape = Shape().nvme("nvme0n1", 1).nvme("nvme0n2", 2).nvme("nvme0n5", 5)
    shape.nvme("nvme1n1", 1, "Microsoft NVMe Direct Disk v2")
    if links:
        shape.link("os", "nvme0n1").link("data/by-lun/0", "nvme0n2")
        shape.link("data/by-lun/3", "nvme0n5").link("local/by-index/1", "nvme1n1")
    shape.on("xfs", "/", "nvme0n1").on("xfs", "/a", "nvme0n2").on("xfs", "/b", "nvme0n5")
    shape.on("xfs", "/scratch", "nvme1n1")

    promise = armed(shape.machine, OS_DISK, data_disk(0), data_disk(3))

    assert promise["mounts"] == [["/a", "xfs", [0]], ["/b", "xfs", [3]], ["/", "xfs", [None]]]
    assert reason_for(promise, "/scratch") == "on the resource disk"


def test_links_name_disks_that_no_bus_of_azures_knows():
    shape = Shape().loop("loop0", "/images/lun1").link("scsi1/lun1", "loop0")
    shape.on("ext4", "/data", "loop0")

    promise = armed(shape.machine, data_disk(1))

    assert promise["mounts"] == [["/data", "ext4", [1]]]


def lvm_stripe(shape: Shape) -> None:
    shape.mapped("dm-0", "sdc", "sdd").on("xfs", "/wide", "dm-0")


def raid_of_partitions(shape: Shape) -> None:
    shape.partition("sdc", "sdc1").partition("sdd", "sdd1")
    shape.mapped("md127", "sdc1", "sdd1").on("ext4", "/wide", "md127")


def encrypted_raid(shape: Shape) -> None:
    shape.mapped("md0", "sdc", "sdd").mapped("dm-3", "md0").on("ext4", "/wide", "dm-3")


def btrfs_over_two(shape: Shape) -> None:
    shape.btrfs("/wide", "0:45", "sdc", "sdd").btrfs("/wide/home", "0:45", "sdc", root="/home")


def xfs_with_its_log_elsewhere(shape: Shape) -> None:
    shape.machine.links["/dev/log-volume"] = "/dev/sdd"
    shape.on("xfs", "/wide", "sdc", options="rw,logdev=/dev/log-volume")


several_disks = pytest.mark.parametrize(
    "wide",
    [lvm_stripe, raid_of_partitions, encrypted_raid, btrfs_over_two, xfs_with_its_log_elsewhere],
)


@several_disks
def test_a_file_system_over_several_disks_freezes_once(wide: Any):
    shape = Shape().scsi("sdc", DATA_CONTROLLER, 0).scsi("sdd", DATA_CONTROLLER, 1)
    wide(shape)

    promise = armed(shape.machine, data_disk(0), data_disk(1))

    assert [mount[::2] for mount in promise["mounts"]] == [["/wide", [0, 1]]]


@several_disks
def test_a_plan_that_leaves_out_a_member_is_refused(wide: Any):
    shape = Shape().scsi("sdc", DATA_CONTROLLER, 0).scsi("sdd", DATA_CONTROLLER, 1)
    wide(shape)

    with pytest.raises(Refused, match="/wide also lies on sdd, which the plan leaves out") as no:
        armed(shape.machine, data_disk(0))

    assert no.value.reason == "split-file-system"


def test_a_journal_on_a_disk_outside_the_plan_is_refused():
    shape = Shape().scsi("sdc", DATA_CONTROLLER, 0).scsi("sdd", DATA_CONTROLLER, 1)
    shape.on("ext4", "/data", "sdc")
    shape.machine.files["/proc/fs/jbd2/sdd/info"] = ""

    with pytest.raises(Refused, match="/data may have its journal on sdd"):
        armed(shape.machine, data_disk(0))
    shape.machine.files["/proc/fs/jbd2/sdc-8/info"] = ""

    assert paths(armed(shape.machine, data_disk(0))) == ["/data"]


def test_bind_mounts_and_subvolumes_freeze_once():
    shape = generation_two()
    shape.on("xfs", "/srv/www", "sdc", root="/www")
    shape.btrfs("/b", "0:50", "sdc", root="/@").btrfs("/b/home", "0:50", "sdc", root="/@home")

    promise = armed(shape.machine, OS_DISK, data_disk(0))

    assert paths(promise) == ["/data", "/b", "/"]


def test_a_covered_mount_is_reached_through_another_of_its_mounts():
    shape = Shape().scsi("sdc", DATA_CONTROLLER, 0).scsi("sdd", DATA_CONTROLLER, 1)
    shape.on("ext4", "/data", "sdc").on("ext4", "/srv", "sdc", root="/srv")
    shape.on("ext4", "/data", "sdd")

    promise = armed(shape.machine, data_disk(0), data_disk(1))

    assert [mount[2] for mount in promise["mounts"]] == [[0], [1]]


def test_a_mount_that_cannot_be_opened_is_refused_before_anything_freezes():
    shape = generation_two()
    shape.machine.unopenable.add("/data")

    with pytest.raises(Refused, match="/data") as refusal:
        armed(shape.machine, OS_DISK, data_disk(0))

    assert refusal.value.reason == "mount-unopenable"
    assert shape.machine.processes == []


def test_stacked_file_systems_freeze_from_the_top_down():
    shape = Shape().scsi("sdc", DATA_CONTROLLER, 0).scsi("sda", OS_CONTROLLER, 0)
    shape.on("ext4", "/", "sda").on("xfs", "/low", "sdc")
    shape.loop("loop0", "/low/middle.img").on("ext4", "/middle", "loop0")
    shape.loop("loop1", "/middle/top.img").on("ext4", "/top", "loop1")

    promise = armed(shape.machine, OS_DISK, data_disk(0))

    assert paths(promise) == ["/top", "/middle", "/low", "/"]
    assert "/middle lies in a file on /low" in promise["warnings"]


def test_a_root_in_a_file_freezes_before_the_mount_that_holds_it():
    shape = Shape().scsi("sdc", DATA_CONTROLLER, 0)
    shape.on("ext4", "/host", "sdc").loop("loop0", "/host/root.img").on("ext4", "/", "loop0")

    assert paths(armed(shape.machine, data_disk(0))) == ["/", "/host"]


def test_only_mounts_on_the_list_freeze():
    shape = generation_two()

    promise = armed(shape.machine, OS_DISK, data_disk(0), mounts=["/data"])

    assert paths(promise) == ["/data"]
    assert reason_for(promise, "/") == "not in the policy's list of mounts"


@pytest.mark.parametrize("path", ["/nowhere", "/mnt", "/boot/efi"])
def test_a_listed_mount_that_cannot_freeze_is_refused(path: str):
    with pytest.raises(Refused, match=path) as refusal:
        armed(generation_two().machine, OS_DISK, data_disk(0), mounts=[path])

    assert refusal.value.reason == "unknown-mount"


def test_everything_else_is_said():
    shape = generation_two().scsi("sdd", DATA_CONTROLLER, 7)
    shape.mount("nfs4", "/home", "0:60").mount("fuse.sshfs", "/remote", "0:61")
    shape.mount("zfs", "/tank", "0:62").mount("fuse.lxcfs", "/var/lib/lxcfs", "0:63")
    for number in range(5):
        shape.mount("squashfs", f"/snap/{number}", f"7:{number}")
    shape.machine.files["/proc/swaps"] = (
        "Filename Type Size Used Priority\n/dev/sdb2 partition 1 0 -2\n"
    )

    promise = armed(shape.machine, OS_DISK, data_disk(0), data_disk(7), data_disk(9))

    said = dict(promise["left_out"])
    assert said["/home"] == "network file system (nfs4)"
    assert said["/remote"] == "FUSE (fuse.sshfs)"
    assert said["/tank"] == "zfs has snapshots of its own"
    assert said["5 mounts"] == "read-only image"
    assert said["/dev/sdb2"] == "swap"
    assert said["data7 (sdd)"] == "no file system is mounted from it"
    assert said["data9 (LUN 9)"] == "not found in the guest"
    assert promise["warnings"] == ["/remote (fuse.sshfs) may stall while its files are frozen"]


def test_a_disk_of_another_size_is_remarked_on():
    promise = armed(generation_two().machine, OS_DISK, ["data0", 0, 64 * GIB])

    assert promise["warnings"] == [
        f"data0 (LUN 0) (sdc) has {32 * GIB} bytes here, {64 * GIB} in the model"
    ]


def test_two_disks_that_claim_one_lun_are_refused():
    shape = generation_two().scsi("sdd", "f8b3781c-1e82-4818-a1c3-63d806ec15bb", 0)

    with pytest.raises(Refused, match="claimed by sdc, sdd"):
        armed(shape.machine, data_disk(0))


def test_a_plan_of_which_no_disk_is_here_is_refused():
    with pytest.raises(Refused) as refusal:
        armed(generation_two().machine, data_disk(5))

    assert refusal.value.reason == "no-disk-found"


def test_paths_with_spaces_and_letters_of_any_tongue_come_through():
    shape = Shape().scsi("sdc", DATA_CONTROLLER, 0).on("ext4", "/srv/großes Lager\\1", "sdc")

    assert paths(armed(shape.machine, data_disk(0))) == ["/srv/großes Lager\\1"]


def test_lines_that_are_no_mounts_are_passed_over():
    shape = generation_two()
    shape.machine.files["/proc/1/mountinfo"] += "nonsense\n1 2 - ext4\n"

    assert paths(armed(shape.machine, OS_DISK, data_disk(0))) == ["/data", "/"]
