"""Tags in Azure: what a snapshot of ours says of itself, and whether to believe it (contract 5)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from diskguard.model.estate import Snapshot
from diskguard.model.ids import Region, ResourceId
from diskguard.model.restore_point import Grade, Location, Seal
from diskguard.plan.naming import (
    member_name,
    names_source,
    parse_member_name,
    parse_point_id,
    role_of,
)
from diskguard.plan.naming_seal import (
    MAX_TAG_VALUE,
    format_instant,
    join_value,
    parse_instant,
    parse_seal,
    seal_tags,
    split_value,
)

PREFIX = "diskguard-"
STOPPED = "diskguard-stopped"  # on a VM, during an offline backup (freeze.md)
COPY_SKIPPED = "diskguard-copy-skipped"  # on a source's first member: its copies were given up
HOLD = "diskguard-hold"  # on any member or copy: the whole point stays, everywhere
PRUNING = "diskguard-pruning"  # on a part's first member, the last to go: its deletion has begun
FORMAT = "1"
MAX_TAGS = 50  # Azure's limit per resource
MAX_USER_TAGS = 20  # leaves room for ours, a long seal, a hold and what later versions add

_FORMAT = PREFIX + "format"
_POINT = PREFIX + "point"
_POLICY = PREFIX + "policy"
_MEMBER = PREFIX + "member"
_VM_ID = PREFIX + "vm-id"
_VM_UNIQUE_ID = PREFIX + "vm-unique-id"
_DISK_ID = PREFIX + "disk-id"
_DISK_UNIQUE_ID = PREFIX + "disk-unique-id"
_SLOT = PREFIX + "slot"
_REGION = PREFIX + "region"
_REQUESTED = PREFIX + "requested"
_REQUESTED_AT = PREFIX + "requested-at"
_NONCE = PREFIX + "nonce"
_SOURCE_ID = PREFIX + "source-id"
_SOURCE_UNIQUE_ID = PREFIX + "source-unique-id"
_TAKEN_AT = PREFIX + "taken-at"
_OF = re.compile(r"([1-9][0-9]{0,2})/([1-9][0-9]{0,2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberIdentity:
    """Which disk of which point a snapshot is. `vm` None: a disk without a VM.

    `region` is the source's own, also on a copy.
    """

    point: str
    policy: str
    slot: datetime
    number: int  # from 1
    count: int
    vm: ResourceId | None
    vm_unique_id: str
    disk_id: ResourceId
    disk_unique_id: str
    lun: int | None
    region: Region
    requested: Grade

    @property
    def source(self) -> ResourceId:
        """The VM, or the disk that has none."""
        return self.vm or self.disk_id

    @property
    def role(self) -> str:
        """What the disk is to the point: os, data or disk."""
        return role_of(vm=self.vm, lun=self.lun)

    @property
    def name(self) -> str:
        """The snapshot's name, in either location."""
        return member_name(self.point, role=self.role, lun=self.lun)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMember:
    """A snapshot that is ours, with what its tags say.

    `taken_at` is the data's point in time, also for a copy. `seal_trouble` is set where a seal is
    there and cannot be read; such a point is neither restored nor cleaned up.
    """

    snapshot: Snapshot
    location: Location
    identity: MemberIdentity
    nonce: str
    requested_at: datetime
    taken_at: datetime | None
    source_snapshot: ResourceId | None = None
    source_snapshot_unique_id: str | None = None
    seal: Seal | None = None
    seal_trouble: str | None = None
    copy_skipped: str | None = None
    hold: str | None = None
    pruning: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """A snapshot that is not ours, whatever it says: never changed, deleted, restored or counted."""

    snapshot: Snapshot
    reason: str

    @property
    def claims_to_be_ours(self) -> bool:
        """True when it bears any of our tags."""
        return any(name.lower().startswith(PREFIX) for name in self.snapshot.tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Which resource group is which location.

    Where neither is known (no policy at hand) the way a snapshot was made tells its location.
    """

    primary: str | None = None
    dr: str | None = None

    def location_of(self, snapshot: Snapshot) -> Location | None:
        """The location a snapshot lies in, or None if it lies in neither."""
        if self.primary is None and self.dr is None:
            return Location.DR if snapshot.create_option == "CopyStart" else Location.PRIMARY
        group = snapshot.id.group.lower()
        if self.primary is not None and group == self.primary.lower():
            return Location.PRIMARY
        return Location.DR if self.dr is not None and group == self.dr.lower() else None


def member_tags(identity: MemberIdentity) -> dict[str, str]:
    """Say whose snapshot this is; all but the attempt, which `attempt_tags` adds."""
    tags = {
        _FORMAT: FORMAT,
        _POINT: identity.point,
        _POLICY: identity.policy,
        _MEMBER: f"{identity.number}/{identity.count}",
        _DISK_UNIQUE_ID: identity.disk_unique_id,
        _SLOT: format_instant(identity.slot),
        _REGION: identity.region,
        _REQUESTED: identity.requested.value,
        **split_value(_DISK_ID, identity.disk_id.text),
    }
    if identity.vm is not None:
        tags |= {_VM_UNIQUE_ID: identity.vm_unique_id, **split_value(_VM_ID, identity.vm.text)}
    return _within_limits(tags)


def attempt_tags(nonce: str, requested_at: datetime) -> dict[str, str]:
    """Mark one attempt: a set is whole only if all its members carry one nonce."""
    return {_NONCE: nonce, _REQUESTED_AT: format_instant(requested_at)}


def copy_tags(source: ParsedMember, seal: Seal) -> dict[str, str]:
    """Say the same on the copy, and of what it is one; with the whole seal.

    Azure's `timeCreated` of a copy is the copy's own (arm-wire 2), so the source's is kept here.
    Raises ValueError for a source whose point in time is not known yet.
    """
    if source.taken_at is None:
        raise ValueError(f"{source.snapshot.id} has no point in time yet")
    tags = {
        **member_tags(source.identity),
        **attempt_tags(source.nonce, source.requested_at),
        **split_value(_SOURCE_ID, source.snapshot.id.text),
        _SOURCE_UNIQUE_ID: source.snapshot.unique_id,
        _TAKEN_AT: format_instant(source.taken_at),
        **seal_tags(seal),
    }
    return _within_limits(tags)


def nonce_of(snapshot: Snapshot) -> str | None:
    """The attempt a snapshot says it belongs to; None where it says nothing."""
    return _lowered(snapshot).get(_NONCE)


def copied_from(snapshot: Snapshot) -> str | None:
    """The unique id of the snapshot a copy says it was made of; None where it says nothing."""
    return _lowered(snapshot).get(_SOURCE_UNIQUE_ID)


def hold_of(snapshot: Snapshot) -> str | None:
    """The hold that lies on a snapshot, whatever its value; None for none."""
    return _lowered(snapshot).get(HOLD)


def is_copy_as_wished(snapshot: Snapshot, wished: Mapping[str, str]) -> bool:
    """True when a snapshot says it is the copy those tags ask for: same attempt, same source."""
    tags = _lowered(snapshot)
    return all(tags.get(name) == wished.get(name) for name in (_NONCE, _SOURCE_UNIQUE_ID))


def parse_member(snapshot: Snapshot, places: Places) -> ParsedMember | Stranger:
    """Tell whether a snapshot is ours; never raises, whatever its tags say.

    Ours means all of: our tags, a name that parses back to them, the location's resource group,
    and `creationData`'s source id and unique id agreeing with the tags. While a snapshot is not
    provisioned Azure may not have filled in the unique id; that alone makes no stranger.
    """
    try:
        return _parsed(snapshot, _lowered(snapshot), places)
    except (_NotOurs, ValueError) as doubt:
        return Stranger(snapshot=snapshot, reason=str(doubt))


class _NotOurs(Exception):
    """One condition of "ours" does not hold."""


def _parsed(snapshot: Snapshot, tags: Mapping[str, str], places: Places) -> ParsedMember:
    location = places.location_of(snapshot)
    if location is None:
        raise _NotOurs("it lies in no resource group of the policy")
    if _need(tags, _FORMAT) != FORMAT:
        raise _NotOurs("its format version is not one this version knows")
    identity = _identity(snapshot, tags)
    _check_name(snapshot, identity, _need(tags, _POINT))
    source = _source_snapshot(tags) if location is Location.DR else None
    if source is None:
        _check_origin(snapshot, identity.disk_id, identity.disk_unique_id, made_by="Copy")
    elif source.name.lower() != snapshot.name.lower():
        raise _NotOurs("it bears another name than the snapshot it says it was copied from")
    else:
        _check_origin(snapshot, source, _need(tags, _SOURCE_UNIQUE_ID), made_by="CopyStart")
    seal, trouble = _seal_or_trouble(tags)
    return ParsedMember(
        snapshot=snapshot,
        location=location,
        identity=identity,
        nonce=_need(tags, _NONCE),
        requested_at=parse_instant(_need(tags, _REQUESTED_AT)),
        taken_at=_taken_at(snapshot, location, tags),
        source_snapshot=source,
        source_snapshot_unique_id=tags.get(_SOURCE_UNIQUE_ID),
        seal=seal,
        seal_trouble=trouble,
        copy_skipped=tags.get(COPY_SKIPPED),
        hold=tags.get(HOLD),
        pruning=tags.get(PRUNING),
    )


def _identity(snapshot: Snapshot, tags: Mapping[str, str]) -> MemberIdentity:
    name = parse_member_name(snapshot.name)
    if name is None:
        raise _NotOurs("its name is none that diskguard gives")
    place = _OF.fullmatch(_need(tags, _MEMBER))
    if place is None or int(place[1]) > int(place[2]):
        raise _NotOurs(f"its tag {_MEMBER} makes no sense")
    vm = join_value(_VM_ID, tags)
    return MemberIdentity(
        point=name.point,
        policy=_need(tags, _POLICY),
        slot=parse_instant(_need(tags, _SLOT)),
        number=int(place[1]),
        count=int(place[2]),
        vm=None if vm is None else _source_id(vm),
        vm_unique_id=tags.get(_VM_UNIQUE_ID, ""),
        disk_id=_source_id(join_value(_DISK_ID, tags) or ""),
        disk_unique_id=_need(tags, _DISK_UNIQUE_ID),
        lun=name.lun,
        region=Region(_need(tags, _REGION)),
        requested=Grade(_need(tags, _REQUESTED)),
    )


@lru_cache(maxsize=1 << 14)
def _source_id(text: str) -> ResourceId:
    """A VM or disk; each is named by every snapshot of it."""
    return ResourceId.parse(text)


def _check_name(snapshot: Snapshot, identity: MemberIdentity, point: str) -> None:
    """Hold the name against the tags: point, slot, source and role must all agree."""
    name = parse_point_id(identity.point)
    if point.lower() != identity.point.lower() or identity.name.lower() != snapshot.name.lower():
        raise _NotOurs("its name and its tags do not agree")
    if name is None or not names_source(name, identity.source):
        raise _NotOurs("its name is not that of the VM or disk its tags say")
    if name.slot != identity.slot.replace(microsecond=0):
        raise _NotOurs("its name and its slot tag do not agree")


def _check_origin(snapshot: Snapshot, source: ResourceId, unique_id: str, *, made_by: str) -> None:
    """Hold what Azure says it was made of against the tags; Azure's word cannot be forged."""
    if snapshot.create_option != made_by:
        raise _NotOurs(f"it was made by {snapshot.create_option}, not {made_by}")
    if snapshot.source_id != source:
        raise _NotOurs("it was made of something else than its tags say")
    unsaid = snapshot.source_unique_id is None and snapshot.provisioning_state != "Succeeded"
    if not unsaid and (snapshot.source_unique_id or "").lower() != unique_id.lower():
        raise _NotOurs("it was made of another disk or snapshot of the same name")


def _source_snapshot(tags: Mapping[str, str]) -> ResourceId:
    return ResourceId.parse(join_value(_SOURCE_ID, tags) or "")


def _taken_at(snapshot: Snapshot, location: Location, tags: Mapping[str, str]) -> datetime | None:
    if location is Location.PRIMARY:
        return snapshot.time_created
    return parse_instant(_need(tags, _TAKEN_AT))


def _seal_or_trouble(tags: Mapping[str, str]) -> tuple[Seal | None, str | None]:
    try:
        return parse_seal(tags), None
    except ValueError as error:
        return None, str(error)


def _need(tags: Mapping[str, str], name: str) -> str:
    value = tags.get(name)
    if not value:
        raise _NotOurs(f"it has no tag {name}")
    return value


def _lowered(snapshot: Snapshot) -> dict[str, str]:
    """Tag names compare without case in Azure."""
    return {name.lower(): value for name, value in snapshot.tags.items()}


def _within_limits(tags: dict[str, str]) -> dict[str, str]:
    for name, value in tags.items():
        if len(value) > MAX_TAG_VALUE:
            raise ValueError(f"the tag {name} is too long: {len(value)} characters")
    return tags
