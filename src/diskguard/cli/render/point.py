"""One restore point with its proof, to be read at three in the morning."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from diskguard.cli.render.cells import Bytes, Cell, duration, instant
from diskguard.cli.render.page import Lines, Page, Table
from diskguard.cli.render.points import SCHEMA, members_of, point_item
from diskguard.model.restore_point import (
    Consistency,
    Grade,
    LocationPart,
    PointState,
    RestorePoint,
)

MEANINGS: Final = {
    PointState.PENDING: "being made, or waiting for Azure; not restorable yet",
    PointState.COPYING: "being copied; not restorable from there yet",
    PointState.COMPLETE: "restorable",
    PointState.INCOMPLETE: "a run died or failed; never restorable as a whole",
    PointState.MISSING: "nothing of it is there",
    PointState.FAILED: "failed; the next run tries again",
}
_GRADES: Final = {
    Grade.CRASH: "as after a power cut: file systems and databases recover when they start",
    Grade.OFFLINE: "the VM was stopped while all its disks were taken",
    Grade.FILESYSTEM: "every file system was frozen while all disks were taken, and no disk changed",
    Grade.APPLICATION: "as filesystem, and every application agreed to it",
}


def point_page(point: RestorePoint, *, now: datetime, remarks: Sequence[str] = ()) -> Page:
    """Everything that is known of the point; remarks stand below it."""
    table = Table(
        headings=(
            "disk",
            "role",
            "lun",
            "size",
            "location",
            "state",
            "percent",
            "taken at",
            "snapshot",
        ),
        rows=tuple(_disk_rows(point)),
    )
    return Page(
        schema=SCHEMA,
        items=(point_item(point),),
        blocks=(
            Lines(title=f"Restore point {point.id}", lines=tuple(_head(point, now))),
            Lines(title="Locations", lines=tuple(_place(part) for part in point.parts)),
            Lines(title="Consistency", lines=tuple(_proof(point))),
            table,
            *((Lines(lines=tuple(remarks)),) if remarks else ()),
        ),
        table=table,
    )


def _head(point: RestorePoint, now: datetime) -> Iterator[str]:
    yield f"state    {point.state}: {MEANINGS[point.state]}"
    kind = "disk" if point.vm is None else "vm"
    yield f"{kind:8} {point.source_name} in {point.region}"
    if point.vm is not None:
        yield f"         {point.vm}"
    yield f"policy   {point.policy}"
    age = "" if point.taken_at is None else f" ({duration(now - point.taken_at)} ago)"
    yield f"taken    {instant(point.taken_at) or 'not known yet'}{age}"
    if point.hold is not None:
        yield f"held     {point.hold}"


def _place(part: LocationPart) -> str:
    region = f" ({part.region})" if part.region else ""
    until = instant(part.immutable_until)
    locked = f"; immutable until {until}" if until else ""
    return f"{part.location.value:8} {part.state}{region}: {MEANINGS[part.state]}{locked}"


def _proof(point: RestorePoint) -> Iterator[str]:
    seal = point.seal
    if seal is None:
        yield f"nothing is proven: the point has no seal (asked: {point.requested})"
        return
    proof = seal.consistency
    yield f"reached  {proof.achieved}: {_GRADES[proof.achieved]}"
    verdict = "LESS THAN ASKED" if proof.downgraded else "as asked"
    yield f"asked    {proof.requested}: {verdict}"
    if proof.reason:
        yield f"reason   {proof.reason}"
    yield from _window(proof)
    if proof.spread is not None and len(members_of(point)) > 1:
        yield f"spread   {duration(proof.spread)} between the first and the last disk"
    if proof.clock_error is not None:
        yield f"clocks   agree to {duration(proof.clock_error)}, which the proof allowed for"
    yield f"sealed   {instant(seal.sealed_at)} by run {seal.run_id}, {seal.members} disks"


def _window(proof: Consistency) -> Iterator[str]:
    if proof.window is None:
        yield "frozen   not frozen"
        return
    yield f"frozen   {instant(proof.frozen_at)} (after the last file system froze)"
    yield f"thawed   {instant(proof.thawed_at)} (before the first was thawed)"
    yield f"window   {duration(max(proof.window, timedelta()))}"


def _disk_rows(point: RestorePoint) -> Iterator[tuple[Cell, ...]]:
    for part in point.parts:
        for member in part.members:
            done = member.state is PointState.COMPLETE
            yield (
                member.disk_name,
                member.role,
                member.lun,
                Bytes(member.size_bytes),
                part.location.value,
                str(member.state),
                100.0 if done else member.percent,
                instant(member.taken_at),
                str(member.snapshot),
            )
