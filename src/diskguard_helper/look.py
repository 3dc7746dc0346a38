"""One look at this guest: the plan's disks, what freezes on them, what does not, what is odd."""

from typing import TYPE_CHECKING, Dict, List, NamedTuple, Set

from diskguard_helper.choice import SuperBlock, by_super_block, cannot_freeze, choose
from diskguard_helper.disks import base, find_disks, name_disks
from diskguard_helper.ground import Survey
from diskguard_helper.mountinfo import Mount
from diskguard_helper.nouns import LeftOut, Refused, Target, WatchedDisk, Wish
from diskguard_helper.probe import external_journals, swap_areas, warnings_about

if TYPE_CHECKING:
    from diskguard_helper.kernel import Kernel

JOURNALLED = ("ext3", "ext4")


class Sight(NamedTuple):
    """What was seen: targets in the order of freezing, and everything worth saying."""

    targets: List[Target]
    disks: List[WatchedDisk]
    left_out: List[LeftOut]
    warnings: List[str]


def look(wish: Wish, mounts: List[Mount], kernel: "Kernel") -> Sight:
    """What the plan means in this guest. Raises Refused."""
    roles = name_disks(kernel)
    disks, missing, warnings = find_disks(wish.disks, roles, kernel)
    if not disks:
        raise Refused("no-disk-found", "no disk of the plan was found in the guest")
    survey = Survey(mounts, roles, kernel)
    blocks = super_blocks(mounts, survey)
    choice = choose(blocks, disks, roles, wish.mounts)
    refuse_journals_elsewhere(choice.targets, disks, survey)
    left_out = choice.left_out + missing + bare_disks(wish, disks, mounts, survey)
    left_out += swap_areas(kernel) + cannot_freeze(mounts)
    warnings += warnings_about(mounts, kernel) + stacks(blocks)
    return Sight(choice.targets, disks, left_out, warnings)


def super_blocks(mounts: List[Mount], survey: Survey) -> List[SuperBlock]:
    """Every file system that can freeze, with what it stands on."""
    found = []
    for its in by_super_block(mounts).values():
        fsid = survey.fsid_of(its[0]) if its[0].file_system == "btrfs" else None
        found.append(SuperBlock(its, survey.ground_of(its[0]), fsid))
    return found


def bare_disks(
    wish: Wish, disks: List[WatchedDisk], mounts: List[Mount], survey: Survey
) -> List[LeftOut]:
    """The disks of the plan that carry no mount of any kind: their counters alone judge them."""
    carrying: Set[str] = set()
    for mount in {mount.device: mount for mount in mounts}.values():
        carrying |= survey.ground_of(mount).disks
    names = {disk.lun: disk.name for disk in wish.disks}
    return [
        LeftOut("%s (%s)" % (names[disk.lun], disk.device), "no file system is mounted from it")
        for disk in disks
        if disk.device not in carrying
    ]


def refuse_journals_elsewhere(
    targets: List[Target], disks: List[WatchedDisk], survey: Survey
) -> None:
    """No target keeps its journal on a disk outside the plan. Raises Refused.

    jbd2 lists an internal journal as `device-inode` and an external one by its own device alone,
    without saying whose it is.
    """
    inside = {disk.device for disk in disks}
    outside = [
        one for one in external_journals(survey.kernel) if journal_disks(one, survey) - inside
    ]
    for target in targets:
        if outside and target.file_system in JOURNALLED and not has_journal_inside(target, survey):
            message = "%s may have its journal on %s, which the plan leaves out"
            raise Refused("split-file-system", message % (target.path, outside[0]))


def journal_disks(device: str, survey: Survey) -> Set[str]:
    """The disks a journal device lies on."""
    disks: Set[str] = set()
    survey.descend(device, disks, set())
    return disks


def has_journal_inside(target: Target, survey: Survey) -> bool:
    """Whether jbd2 keeps this file system's journal in a file of its own."""
    device = base(survey.kernel.real_path("/sys/dev/block/" + target.device))
    journals = survey.kernel.list_directory("/proc/fs/jbd2")
    return any(name.rpartition("-")[0] == device for name in journals)


def stacks(blocks: List[SuperBlock]) -> List[str]:
    """File systems in files of other file systems: they freeze first and thaw last."""
    paths: Dict[str, str] = {block.device: block.path for block in blocks}
    return [
        "%s lies in a file on %s" % (block.path, paths[lower])
        for block in blocks
        for lower in sorted(block.ground.lower)
        if lower in paths
    ]
