"""Names in Azure: restore point ids, snapshot names, and the way back (contract 5)."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from diskguard.model.ids import ResourceId

SNAPSHOT_KIND = "Microsoft.Compute/snapshots"
MAX_SNAPSHOT_NAME = 80  # Azure's limit; of A-Za-z0-9_- (arm-wire 7)
_MAX_SOURCE_NAME = 40
_REMEMBERED = (
    1 << 14
)  # names come back: with each disk and copy of a point, with each plan of a run
_INSTANT = "%Y%m%dT%H%M%SZ"
_POINT = re.compile(
    r"(?P<name>[a-z0-9_][a-z0-9_-]{0,39})-(?P<digest>[0-9a-f]{6})-(?P<slot>[0-9]{8}t[0-9]{6}z)"
)
_MEMBER = re.compile(r"(?P<point>.+z)-(?:(?P<fixed>os|disk)|lun(?P<lun>[0-9]{2,3}))")


@dataclass(frozen=True, slots=True, kw_only=True)
class PointName:
    """What a point id says: whose it is (shortened name and digest) and its slot."""

    name: str
    digest: str
    slot: datetime

    def __str__(self) -> str:
        return f"{self.name}-{self.digest}-{self.slot.strftime(_INSTANT)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberName:
    """What a snapshot's name says. `role`: os | data | disk; `lun` only for data."""

    point: str
    role: str
    lun: int | None

    def __str__(self) -> str:
        return member_name(self.point, role=self.role, lun=self.lun)


def point_id(source: ResourceId, slot: datetime) -> str:
    """Name the point of that VM (or loose disk) and slot; the same in every case of the id.

    In lower case, because Azure answers with names in another case than they were given.
    """
    return str(
        PointName(
            name=_short_name(source),
            digest=_digest(source),
            slot=slot.astimezone(UTC).replace(microsecond=0),
        )
    )


@lru_cache(maxsize=_REMEMBERED)
def parse_point_id(text: str) -> PointName | None:
    """Read a point id in any case; None for anything else."""
    match = _POINT.fullmatch(text.lower()) if text.isascii() else None
    if match is None:
        return None
    try:
        slot = datetime.fromisoformat(match["slot"].upper())
    except ValueError:
        return None
    return PointName(name=match["name"], digest=match["digest"], slot=slot)


def names_source(name: PointName, source: ResourceId) -> bool:
    """True when that point id was made for that VM or disk."""
    return (name.name, name.digest) == _name_and_digest(source)


def role_of(*, vm: ResourceId | None, lun: int | None) -> str:
    """Say what a disk is to its point: os, data, or disk (one without a VM)."""
    if vm is None:
        return "disk"
    return "os" if lun is None else "data"


def member_name(point: str, *, role: str, lun: int | None) -> str:
    """Name the snapshot of one disk of a point; the copy in the other region has the same name."""
    return f"{point}-{role if lun is None else f'lun{lun:02d}'}"


def parse_member_name(text: str) -> MemberName | None:
    """Read a snapshot's name in any case; None for anything that is not of our making."""
    match = _MEMBER.fullmatch(text.lower()) if text.isascii() else None
    point = _canonical(match["point"]) if match is not None else None
    if match is None or point is None:
        return None
    lun = int(match["lun"]) if match["lun"] else None
    parsed = MemberName(point=point, role=match["fixed"] or "data", lun=lun)
    return parsed if str(parsed).lower() == text.lower() else None


def snapshot_id(disk: ResourceId, group: str, name: str) -> ResourceId:
    """Give the id of a snapshot in `group`; Azure wants it in the disk's own subscription."""
    return ResourceId.of(disk.subscription, group, SNAPSHOT_KIND, name)


@lru_cache(maxsize=_REMEMBERED)
def _canonical(point: str) -> str | None:
    parsed = parse_point_id(point)
    return None if parsed is None else str(parsed)


@lru_cache(maxsize=_REMEMBERED)
def _name_and_digest(source: ResourceId) -> tuple[str, str]:
    return _short_name(source), _digest(source)


def _short_name(source: ResourceId) -> str:
    plain = re.sub(r"[^a-z0-9_-]", "-", source.name.lower())[:_MAX_SOURCE_NAME]
    return plain if re.match(r"[a-z0-9_]", plain) else f"x{plain[1:]}"


def _digest(source: ResourceId) -> str:
    return hashlib.sha256(source.key.encode()).hexdigest()[:6]
