"""What is left when a region is gone, shown."""

from collections.abc import Iterator
from dataclasses import dataclass

from diskguard.cli.render.cells import Cell, duration, instant, seconds
from diskguard.cli.render.page import Lines, Page, Table
from diskguard.cli.render.points import grade_of
from diskguard.model.ids import Region
from diskguard.plan.lost_region import Survivor


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a lost region leaves. `all_known`: also sources without any copy could be named."""

    policy: str
    region: Region
    survivors: tuple[Survivor, ...]
    copies_lost: int
    all_known: bool


def loss_page(loss: Loss, *, exit_code: int) -> Page:
    """The list of what could be restored, with a sum above and remarks below."""
    table = Table(
        headings=(
            "source",
            "restorable in",
            "point",
            "taken at",
            "age",
            "rpo",
            "consistency",
            "state",
        ),
        rows=tuple(_row(each) for each in loss.survivors),
    )
    remarks = tuple(_remarks(loss))
    return Page(
        schema="lost-region",
        items=tuple(survivor_item(each) for each in loss.survivors),
        blocks=(
            Lines(lines=(_sum(loss),)),
            *((table,) if loss.survivors else ()),
            *((Lines(lines=remarks),) if remarks else ()),
        ),
        table=table,
        exit_code=exit_code,
        more={
            "region": str(loss.region),
            "copies_lost": loss.copies_lost,
            "all_known": loss.all_known,
        },
    )


def survivor_item(survivor: Survivor) -> dict[str, object]:
    """One source, as a document shows it."""
    newest = survivor.newest
    return {
        "source": {"id": str(survivor.source), "name": survivor.source.name},
        "state": _state(survivor),
        "point": None if newest is None else newest.id,
        "taken_at": None if newest is None else instant(newest.taken_at),
        "region": None if survivor.where is None else str(survivor.where),
        "age_seconds": seconds(survivor.age),
        "rpo_seconds": seconds(survivor.rpo),
    }


def _row(survivor: Survivor) -> tuple[Cell, ...]:
    newest = survivor.newest
    return (
        survivor.source.name,
        survivor.where,
        None if newest is None else newest.id,
        None if newest is None else newest.taken_at,
        survivor.age,
        survivor.rpo,
        None if newest is None else grade_of(newest),
        _state(survivor),
    )


def _state(survivor: Survivor) -> str:
    if survivor.newest is None:
        return "lost"
    return "late" if survivor.late else "restorable"


def _sum(loss: Loss) -> str:
    if not loss.survivors:
        return f"Nothing that the policy protects lies in {loss.region}."
    left = [each for each in loss.survivors if each.newest is not None]
    oldest = max((each.age for each in left if each.age is not None), default=None)
    said = f"Without {loss.region}: {len(left)} of {len(loss.survivors)} of its VMs and disks could be restored"
    return said if oldest is None else f"{said}, the oldest as it was {duration(oldest)} ago."


def _remarks(loss: Loss) -> Iterator[str]:
    if loss.copies_lost:
        number = loss.copies_lost
        points = "1 point" if number == 1 else f"{number} points"
        yield f"{points} of other regions would lose the copy that lies in {loss.region}"
    if not loss.all_known:
        yield "VMs could not be listed: a VM or disk without any copy outside is not in this list"
