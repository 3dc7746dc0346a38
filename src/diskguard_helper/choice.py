"""Which super blocks are frozen, in which order, and what is left out and why. Pure."""

from typing import Dict, FrozenSet, List, NamedTuple, Optional

from diskguard_helper.disks import LOCAL, Role
from diskguard_helper.ground import Ground
from diskguard_helper.mountinfo import Mount
from diskguard_helper.nouns import LeftOut, Refused, Target, WatchedDisk

FREEZABLE = ("ext2", "ext3", "ext4", "xfs", "btrfs")
IMAGES = ("squashfs", "iso9660", "udf", "erofs", "cramfs")
NETWORK = ("nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "glusterfs", "lustre", "afs", "gfs2")
NATURES = dict.fromkeys(IMAGES, "read-only image")
NATURES.update({kind: "network file system (%s)" % kind for kind in NETWORK})
NATURES["zfs"] = "zfs has snapshots of its own"
SPELLED_OUT = 3


class SuperBlock(NamedTuple):
    """One file system, however often it is mounted, with what it stands on."""

    mounts: List[Mount]
    ground: Ground
    fsid: Optional[str]

    @property
    def path(self) -> str:
        """Where it is best reached: a mount of its root before one of a folder in it."""
        paths = [mount.path for mount in self.mounts]
        whole = [mount.path for mount in self.mounts if mount.root == "/"]
        return "/" if "/" in paths else (whole or paths)[0]

    @property
    def device(self) -> str:
        """The `major:minor` that all its lines in mountinfo share."""
        return self.mounts[0].device


class Choice(NamedTuple):
    """What will be frozen, in the order of freezing, and what will not."""

    targets: List[Target]
    left_out: List[LeftOut]


def by_super_block(mounts: List[Mount]) -> Dict[str, List[Mount]]:
    """The mounts of file systems that can freeze, by the device all of one share."""
    found: Dict[str, List[Mount]] = {}
    for mount in mounts:
        if mount.file_system in FREEZABLE:
            found.setdefault(mount.device, []).append(mount)
    return found


def choose(
    blocks: List[SuperBlock],
    disks: List[WatchedDisk],
    roles: Dict[str, Role],
    wanted: Optional[List[str]],
) -> Choice:
    """Every super block on the disks of the plan, or those of `wanted`. Raises Refused."""
    in_plan = {disk.device: disk.lun for disk in disks}
    chosen, left_out = [], []
    for block in blocks:
        reason = why_not(block, frozenset(in_plan), roles)
        if reason is None and wanted is not None and not asked_for(block, wanted):
            reason = "not in the policy's list of mounts"
        if reason is None:
            chosen.append(block)
        else:
            left_out.append(LeftOut(block.path, reason))
    refuse_unknown(wanted, chosen)
    stages = stage_of_each(chosen)
    targets = [target_of(block, stages[block.device], in_plan) for block in chosen]
    return Choice(sorted(targets, key=lambda target: target.stage), left_out)


def why_not(block: SuperBlock, in_plan: FrozenSet[str], roles: Dict[str, Role]) -> Optional[str]:
    """Why a super block stays unfrozen, None if it should freeze. Raises Refused."""
    disks = block.ground.disks
    if not disks:
        return "no disk found below it"
    if not disks & in_plan:
        local = all(roles.get(disk, Role("")).kind == LOCAL for disk in disks)
        return "on the resource disk" if local else "not on a disk of the plan"
    if disks - in_plan:
        missing = ", ".join(sorted(disks - in_plan))
        message = "%s also lies on %s, which the plan leaves out" % (block.path, missing)
        raise Refused("split-file-system", message)
    return None


def asked_for(block: SuperBlock, wanted: List[str]) -> bool:
    """Whether any mount of this super block is on the list."""
    return any(mount.path in wanted for mount in block.mounts)


def refuse_unknown(wanted: Optional[List[str]], chosen: List[SuperBlock]) -> None:
    """Every mount on the list will be frozen. Raises Refused."""
    known = {mount.path for block in chosen for mount in block.mounts}
    unknown = sorted(set(wanted or []) - known)
    if unknown:
        message = "not mounts that can freeze on the disks of the plan: %s" % ", ".join(unknown)
        raise Refused("unknown-mount", message)


def stage_of_each(blocks: List[SuperBlock]) -> Dict[str, int]:
    """Stages by device: what is stacked on others freezes before them, the root file system last.

    A file system frozen below a dirty one makes the upper FIFREEZE hang (and FITHAW in the same
    order hangs too), so the order is strict.
    """
    root = next((block for block in blocks if block.path == "/"), None)
    stages: Dict[str, int] = {}

    def is_above(upper: SuperBlock, lower: SuperBlock) -> bool:
        if lower.device in upper.ground.lower:
            return True
        return lower is root and upper.device not in lower.ground.lower and upper is not root

    def stage(block: SuperBlock) -> int:
        if block.device not in stages:
            above = [stage(other) for other in blocks if is_above(other, block)]
            stages[block.device] = 1 + max(above) if above else 0
        return stages[block.device]

    for block in blocks:
        stage(block)
    return stages


def target_of(block: SuperBlock, stage: int, in_plan: Dict[str, Optional[int]]) -> Target:
    """The super block as the legs need it."""
    luns = {in_plan[disk] for disk in block.ground.disks}
    others = [mount.path for mount in block.mounts if mount.path != block.path]
    return Target(
        path=block.path,
        paths=[block.path] + others,
        file_system=block.mounts[0].file_system,
        device=block.device,
        fsid=block.fsid,
        luns=sorted(luns, key=lambda lun: -1 if lun is None else lun),
        stage=stage,
    )


def cannot_freeze(mounts: List[Mount]) -> List[LeftOut]:
    """What is mounted with a file system that cannot or need not freeze, many of a kind as one."""
    by_reason: Dict[str, List[str]] = {}
    for mount in mounts:
        if mount.file_system not in FREEZABLE:
            by_reason.setdefault(nature_of(mount), []).append(mount.path)
    found = []
    for reason, paths in sorted(by_reason.items()):
        if len(paths) <= SPELLED_OUT:
            found += [LeftOut(path, reason) for path in paths]
        else:
            found.append(LeftOut("%d mounts" % len(paths), reason))
    return found


def nature_of(mount: Mount) -> str:
    """Why a file system of this type is not frozen."""
    kind = mount.file_system
    if kind in NATURES:
        return NATURES[kind]
    if kind.startswith("fuse"):
        return "FUSE (%s)" % kind
    return "pseudo file system" if mount.device.startswith("0:") else "%s cannot freeze" % kind
