"""Restore points: their document (contract 4), and the list of them."""

from collections.abc import Iterable, Sequence

from diskguard.cli.render.cells import Bytes, Cell, instant, seconds
from diskguard.cli.render.page import Lines, Page, Table
from diskguard.model.restore_point import (
    Consistency,
    Location,
    LocationPart,
    Member,
    PointState,
    RestorePoint,
)

SCHEMA = "restore-points"


def point_item(point: RestorePoint) -> dict[str, object]:
    """The point as contract 4 writes it; `manifest` is missing until VM shapes are kept."""
    return {
        "id": point.id,
        "policy": point.policy,
        "vm": _vm(point),
        "source": point.source_name,
        "slot": instant(point.slot),
        "taken_at": instant(point.taken_at),
        "state": point.state.value,
        "consistency": _consistency(point),
        "disks": [_disk(member, point) for member in members_of(point)],
        "locations": {part.location.value: part.state.value for part in point.parts},
        "held": point.held,
        "hold": point.hold,
        "immutable_until": instant(point.immutable_until),
        "manifest": PointState.MISSING.value,
    }


def members_of(point: RestorePoint) -> Sequence[Member]:
    """The point's disks by number, from the first location that has any."""
    for part in point.parts:
        if part.members:
            return part.members
    return ()


def bytes_of(point: RestorePoint) -> int:
    """The disks' sizes together; what the snapshots cost is less."""
    return sum(member.size_bytes for member in members_of(point))


def points_page(points: Sequence[RestorePoint], remarks: Iterable[str] = ()) -> Page:
    """The list of restore points; remarks stand below it."""
    table = Table(
        headings=(
            "point",
            "vm",
            "taken at",
            "state",
            "consistency",
            "primary",
            "dr",
            "disks",
            "size",
        ),
        rows=tuple(_row(point) for point in points),
    )
    empty = () if points else (Lines(lines=("No restore points.",)),)
    said = tuple(remarks)
    return Page(
        schema=SCHEMA,
        items=tuple(point_item(point) for point in points),
        blocks=(*((table,) if points else empty), *((Lines(lines=said),) if said else ())),
        table=table,
    )


def grade_of(point: RestorePoint) -> str:
    """What the point may be called, and what was asked where that was more."""
    if point.seal is None:
        return "-"
    reached = point.seal.consistency
    asked = f" (asked: {reached.requested})" if reached.downgraded else ""
    return f"{reached.achieved}{asked}"


def state_in(part: LocationPart | None) -> str | None:
    """The part's state; how far it is, while it is on its way."""
    if part is None:
        return None
    percents = [member.percent or 0.0 for member in part.members]
    if part.state is PointState.COPYING and percents:
        return f"{part.state} {sum(percents) / len(percents):.0f} %"
    return str(part.state)


def _row(point: RestorePoint) -> tuple[Cell, ...]:
    return (
        point.id,
        point.source_name,
        point.taken_at,
        f"{point.state}, held" if point.held else str(point.state),
        grade_of(point),
        state_in(point.part(Location.PRIMARY)),
        state_in(point.part(Location.DR)),
        len(members_of(point)),
        Bytes(bytes_of(point)),
    )


def _vm(point: RestorePoint) -> dict[str, object] | None:
    if point.vm is None:
        return None
    return {"id": str(point.vm), "name": point.source_name, "region": str(point.region)}


def _consistency(point: RestorePoint) -> dict[str, object]:
    seal = point.seal
    proof = None if seal is None else seal.consistency
    return {"requested": point.requested.value, **consistency_fields(proof)}


def consistency_fields(proof: Consistency | None) -> dict[str, object]:
    """What was reached and the proof of it; all null while nothing is proven."""
    return {
        "achieved": None if proof is None else proof.achieved.value,
        "reason": None if proof is None else proof.reason,
        "frozen_at": None if proof is None else instant(proof.frozen_at),
        "thawed_at": None if proof is None else instant(proof.thawed_at),
        "window_seconds": None if proof is None else seconds(proof.window),
        "spread_seconds": None if proof is None else seconds(proof.spread),
        "clock_error_seconds": None if proof is None else seconds(proof.clock_error),
    }


def _disk(member: Member, point: RestorePoint) -> dict[str, object]:
    original = _same_disk(member, point.part(Location.PRIMARY))
    return {
        "name": member.disk_name,
        "id": str(member.disk_id),
        "role": member.role,
        "lun": member.lun,
        "size_bytes": member.size_bytes,
        "snapshot": None if original is None else _snapshot(original),
        "copies": [
            {"location": part.location.value, "region": str(copy.region), **_snapshot(copy)}
            for part in point.parts
            if part.location is not Location.PRIMARY
            for copy in part.members
            if copy.number == member.number
        ],
    }


def _same_disk(member: Member, part: LocationPart | None) -> Member | None:
    members = () if part is None else part.members
    return next((each for each in members if each.number == member.number), None)


def _snapshot(member: Member) -> dict[str, object]:
    done = member.state is PointState.COMPLETE
    return {
        "id": str(member.snapshot),
        "state": member.state.value,
        "percent": 100.0 if done else member.percent,
        "taken_at": instant(member.taken_at),
        "immutable_until": instant(member.immutable_until),
    }
