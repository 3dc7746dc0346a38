"""What came of setting or ending a legal hold."""

from collections.abc import Iterator

from diskguard.cli.render.cells import instant
from diskguard.cli.render.page import Lines, Page, Table
from diskguard.cli.render.trouble import failure_lines
from diskguard.model.restore_point import RestorePoint
from diskguard.run.failure import failure_of
from diskguard.run.hold import HoldOutcome


def hold_page(point: RestorePoint, outcome: HoldOutcome, *, held: bool, exit_code: int) -> Page:
    """Whether the point is held now, and what was changed for it."""
    changed, refused = len(outcome.changed), len(outcome.refused)
    says = "is held" if held else "is not held"
    line = f"{point.id} {says}: {changed} snapshots changed"
    if refused:
        line += f", {refused} refused"
    return Page(
        schema="hold",
        items=(
            {
                "id": point.id,
                "held": held,
                "snapshots_changed": [str(each) for each in outcome.changed],
                "snapshots_refused": [str(each) for each, _ in outcome.refused],
                "immutable_until": instant(point.immutable_until),
            },
        ),
        blocks=(Lines(lines=(f"{line}.",)),),
        table=Table(headings=("point", "held"), rows=((point.id, "yes" if held else "no"),)),
        exit_code=exit_code,
    )


def hold_trouble(outcome: HoldOutcome) -> Iterator[str]:
    """The lines stderr gets: what Azure refused."""
    for snapshot, error in outcome.refused:
        yield from failure_lines(failure_of(error), of=snapshot.name)
