"""What is asked of this guest, what will be done, and why not."""

import json
import re
from typing import Any, Dict, List, NamedTuple, Optional

SHORTEST_LIMIT, LONGEST_LIMIT = 3.0, 60.0
LONGEST_LEAD = 600.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}\Z")


class Refused(Exception):
    """Nothing was frozen; `reason` is a fixed word for a program, the message is for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class LeftOut(NamedTuple):
    """A mount or disk that will not be frozen, or is at fault, and why."""

    what: str
    reason: str


class PlanDisk(NamedTuple):
    """A disk as the orchestrator knows it; `lun` is None for the OS disk."""

    name: str
    lun: Optional[int]
    size: int


class Wish(NamedTuple):
    """A request to freeze, checked."""

    attempt: str
    disks: List[PlanDisk]
    lead: float
    limit: float
    hold: Optional[float]
    mounts: Optional[List[str]]
    allow_without_systemd: bool


class Target(NamedTuple):
    """One super block to freeze, through one of its mounts."""

    path: str
    paths: List[str]  # every mount of it, in case the first is covered by another mount
    file_system: str
    device: str
    fsid: Optional[str]  # of a btrfs, whose device numbers are anonymous
    luns: List[Optional[int]]
    stage: int  # stages freeze in ascending order, the root file system in the last


class WatchedDisk(NamedTuple):
    """A disk of the plan, found in this guest under a kernel's name."""

    lun: Optional[int]
    device: str


class Plan(NamedTuple):
    """What the legs of one attempt will do; instants are of the boot clock."""

    attempt: str
    directory: str
    supervisor: str
    targets: List[Target]
    disks: List[WatchedDisk]
    hold: Optional[float]
    freeze_at: float
    freeze_by: float
    release_at: float
    watch_at: float
    timer_at: float
    armed: Dict[str, Any]  # the clocks at arming


def format_plan(plan: Plan) -> str:
    """The plan as JSON, for the legs to read."""
    bare = plan._asdict()
    bare["targets"] = [target._asdict() for target in plan.targets]
    bare["disks"] = [disk._asdict() for disk in plan.disks]
    return json.dumps(bare)


def parse_plan(text: str) -> Plan:
    """The inverse of `format_plan`."""
    bare = json.loads(text)
    bare["targets"] = [Target(**target) for target in bare["targets"]]
    bare["disks"] = [WatchedDisk(**disk) for disk in bare["disks"]]
    return Plan(**bare)


def check_name(name: Any) -> str:
    """A name that is safe as a folder and a unit. Raises Refused."""
    if not isinstance(name, str) or not NAME.match(name):
        raise Refused("request-invalid", "the attempt's name is not a plain word")
    return name


def parse_wish(request: Dict[str, Any]) -> Wish:
    """The request to freeze, checked. Raises Refused."""
    try:
        wish = Wish(
            attempt=check_name(request["attempt"]),
            disks=[PlanDisk(str(name), lun, int(size)) for name, lun, size in request["disks"]],
            lead=float(request["lead"]),
            limit=float(request["limit"]),
            hold=None if request["hold"] is None else float(request["hold"]),
            mounts=None if request["mounts"] is None else [str(one) for one in request["mounts"]],
            allow_without_systemd=request["allow_without_systemd"] is True,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("request-invalid", "the request is not whole: %r" % error)
    if not SHORTEST_LIMIT <= wish.limit <= LONGEST_LIMIT:
        raise Refused("request-invalid", "the limit must be 3 s to 60 s")
    if not 0 < wish.lead <= LONGEST_LEAD or not wish.disks:
        raise Refused("request-invalid", "a lead up to 600 s and at least one disk are needed")
    return wish
