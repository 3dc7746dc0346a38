"""What goes, what stays, and why; and what came of it."""

from collections.abc import Iterator
from typing import Final

from diskguard.cli.render.cells import Cell, instant
from diskguard.cli.render.json import failure_fields
from diskguard.cli.render.page import Lines, Page, Table
from diskguard.cli.render.trouble import failure_lines
from diskguard.model.report import DeletionOutcome, Result, RunReport
from diskguard.plan.prune_plan import Fate, PrunePlan, PruneVerdict

SCHEMA: Final = "prune"
_WORDS: Final = {
    Fate.KEEP: "kept",
    Fate.DELETE: "to delete",
    Fate.LATER: "for a later run",
    Fate.IMMUTABLE: "immutable, to delete later",
    Fate.UNJUDGED: "not complete, not judged",
}
Outcomes = dict[tuple[str, str], DeletionOutcome]


def prune_page(plan: PrunePlan, report: RunReport | None = None) -> Page:
    """Every verdict; with a report, what came of the deletions too."""
    outcomes: Outcomes = {
        (each.point, each.location): each for each in (report.deletions if report else ())
    }
    table = Table(
        headings=("point", "location", "taken at", "verdict", "result", "reasons"),
        rows=tuple(_row(each, outcomes) for each in plan.verdicts),
    )
    totals = Lines(lines=(*_later(plan), *_done(report), _totals(plan)))
    return Page(
        schema=SCHEMA,
        items=tuple(_item(each, outcomes) for each in plan.verdicts),
        blocks=(*((table,) if plan.verdicts else ()), totals),
        table=table,
        exit_code=report.exit_status if report else 0,
        more={
            "policy": plan.policy,
            "max_delete": plan.at_most,
            "totals": {fate.value: len(plan.of(fate)) for fate in Fate},
            "snapshots_to_delete": _snapshots(plan),
            "failures": [failure_fields(each) for each in (report.failures if report else ())],
        },
    )


def prune_trouble(report: RunReport) -> Iterator[str]:
    """The lines stderr gets: what could not be deleted, and why."""
    for failure in report.failures:
        yield from failure_lines(failure)
    for each in report.deletions:
        if each.failure is not None:
            yield from failure_lines(each.failure, of=f"{each.point} in {each.location}")


def _totals(plan: PrunePlan) -> str:
    if not plan.verdicts:
        return "No restore points."
    counts = [f"{len(found)} {_WORDS[fate]}" for fate in Fate if (found := plan.of(fate))]
    return f"{len(plan.verdicts)} judged, each location by itself: {', '.join(counts)}."


def _later(plan: PrunePlan) -> Iterator[str]:
    for each in plan.of(Fate.IMMUTABLE):
        when = instant(each.deletable_from)
        yield f"{each.point} in {each.location} can be deleted from {when} on."


def _done(report: RunReport | None) -> Iterator[str]:
    """What came of it: deleted counts only what a read has shown to be gone."""
    if report is None:
        return
    for each in report.deletions:
        if each.result is Result.SKIPPED:
            yield f"{each.point} in {each.location} was left: {each.reason}"
    results = [each.result for each in report.deletions]
    gone = sum(each.snapshots for each in report.deletions if each.result is Result.DONE)
    said = [f"{results.count(Result.DONE)} deleted ({gone} snapshots)"]
    others = (Result.SKIPPED, Result.FAILED, Result.UNFINISHED)
    said += [f"{results.count(kind)} {kind}" for kind in others if kind in results]
    yield ", ".join(said) + "."


def _snapshots(plan: PrunePlan) -> int:
    return sum(len(each.members) for each in plan.deletions)


def _row(verdict: PruneVerdict, outcomes: Outcomes) -> tuple[Cell, ...]:
    outcome = outcomes.get((verdict.point, verdict.location.value))
    return (
        verdict.point,
        verdict.location.value,
        verdict.taken_at,
        verdict.fate.value,
        None if outcome is None else outcome.result.value,
        "; ".join(verdict.reasons),
    )


def _item(verdict: PruneVerdict, outcomes: Outcomes) -> dict[str, object]:
    outcome = outcomes.get((verdict.point, verdict.location.value))
    failure = None if outcome is None else outcome.failure
    return {
        "point": verdict.point,
        "source": {"id": str(verdict.source), "name": verdict.source.name},
        "location": verdict.location.value,
        "taken_at": instant(verdict.taken_at),
        "verdict": verdict.fate.value,
        "reasons": list(verdict.reasons),
        "snapshots": verdict.snapshots,
        "deletable_from": instant(verdict.deletable_from),
        "result": None if outcome is None else outcome.result.value,
        "reason": None if outcome is None else outcome.reason,
        "failure": None if failure is None else failure_fields(failure),
    }
