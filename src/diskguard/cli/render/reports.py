"""What came of a run: a row for each VM and each copy, the errors on stderr."""

from collections.abc import Iterator
from typing import Final

from diskguard.cli.render.cells import Cell, duration, instant
from diskguard.cli.render.json import failure_fields
from diskguard.cli.render.page import Lines, Page, Table
from diskguard.cli.render.points import consistency_fields
from diskguard.cli.render.trouble import failure_lines
from diskguard.model.report import (
    CopyOutcome,
    DeletionOutcome,
    Failure,
    Result,
    RunReport,
    VmOutcome,
)

_SOURCES: Final = ("source", "sources")
_COPIES: Final = ("copy", "copies")
_DELETIONS: Final = ("deletion", "deletions")


def report_page(report: RunReport, *, schema: str) -> Page:
    """The whole report; `schema` is backup or copy."""
    table = Table(
        headings=(
            "kind",
            "vm or disk",
            "result",
            "point",
            "consistency",
            "window",
            "to",
            "percent",
        ),
        rows=(
            *map(_vm_row, report.vms),
            *map(_copy_row, report.copies),
            *map(_deletion_row, report.deletions),
        ),
    )
    shown = (table,) if table.rows else ()
    return Page(
        schema=schema,
        items=(
            *map(_vm_item, report.vms),
            *map(_copy_item, report.copies),
            *map(_deletion_item, report.deletions),
        ),
        blocks=(*shown, Lines(lines=tuple(_remarks(report)))),
        table=table,
        exit_code=report.exit_status,
        more={
            "policy": report.policy,
            "started_at": instant(report.started_at),
            "ended_at": instant(report.ended_at),
            "recovered": list(report.recovered),
            "warnings": list(report.warnings),
            "failures": [failure_fields(failure) for failure in report.failures],
        },
    )


def report_trouble(report: RunReport) -> Iterator[str]:
    """The lines stderr gets: each error with what it happened to."""
    for failure in report.failures:
        yield from failure_lines(failure)
    for vm in report.vms:
        if vm.failure is not None:
            yield from failure_lines(vm.failure, of=vm.source)
    for copy in report.copies:
        if copy.failure is not None:
            yield from failure_lines(copy.failure, of=f"copy of {copy.disk} to {copy.region}")
    for each in report.deletions:
        if each.failure is not None:
            yield from failure_lines(each.failure, of=f"{each.point} in {each.location}")


def _remarks(report: RunReport) -> Iterator[str]:
    yield from (f"put right: {what}" for what in report.recovered)
    yield from (f"warning: {what}" for what in report.warnings)
    yield f"{_counted(report)} in {_lasted(report)}."


def _counted(report: RunReport) -> str:
    parts = []
    for (one, many), outcomes in (
        (_SOURCES, report.vms),
        (_COPIES, report.copies),
        (_DELETIONS, report.deletions),
    ):
        results = [outcome.result for outcome in outcomes]
        what = one if len(results) == 1 else many
        counts = [f"{results.count(kind)} {kind}" for kind in Result if kind in results]
        if counts:
            parts.append(f"{len(results)} {what}: {', '.join(counts)}")
    return "; ".join(parts) or "Nothing was done"


def _lasted(report: RunReport) -> str:
    return duration(report.ended_at - report.started_at)


def _vm_row(vm: VmOutcome) -> tuple[Cell, ...]:
    proof = vm.consistency
    reached = None if proof is None else str(proof.achieved)
    if proof is not None and proof.downgraded:
        reached = f"{proof.achieved} (asked: {proof.requested})"
    window = None if proof is None else proof.window
    return ("backup", vm.source, str(vm.result), vm.point, reached, window, None, None)


def _copy_row(copy: CopyOutcome) -> tuple[Cell, ...]:
    where = (copy.region, copy.percent)
    return ("copy", copy.disk, str(copy.result), copy.point, None, None, *where)


def _deletion_row(deletion: DeletionOutcome) -> tuple[Cell, ...]:
    told = (deletion.source, str(deletion.result), deletion.point)
    return ("prune", *told, None, None, deletion.location, None)


def _deletion_item(deletion: DeletionOutcome) -> dict[str, object]:
    return {
        "kind": "prune",
        "source": deletion.source,
        "point": deletion.point,
        "location": deletion.location,
        "snapshots": deletion.snapshots,
        "result": deletion.result.value,
        "reason": deletion.reason,
        "failure": _failure(deletion.failure),
    }


def _vm_item(vm: VmOutcome) -> dict[str, object]:
    proof = vm.consistency
    return {
        "kind": "backup",
        "source": vm.source,
        "result": vm.result.value,
        "point": vm.point,
        "disks": vm.disks,
        "consistency": None
        if proof is None
        else {"requested": proof.requested.value, **consistency_fields(proof)},
        "failure": _failure(vm.failure),
    }


def _copy_item(copy: CopyOutcome) -> dict[str, object]:
    return {
        "kind": "copy",
        "point": copy.point,
        "disk": copy.disk,
        "region": str(copy.region),
        "result": copy.result.value,
        "percent": copy.percent,
        "reason": copy.reason,
        "failure": _failure(copy.failure),
    }


def _failure(failure: Failure | None) -> dict[str, object] | None:
    return None if failure is None else failure_fields(failure)
