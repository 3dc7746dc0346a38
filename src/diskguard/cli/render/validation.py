"""What `validate` found, for people and for machines."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from diskguard.cli.render.page import Block, Lines, Page, Table
from diskguard.cli.render.trouble import problem_lines
from diskguard.errors import Problem

if TYPE_CHECKING:
    from diskguard.policy.layers import Effective


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One file, as the user named it; `path` is where it lies in the repository.

    Warnings that count as errors are errors here already.
    """

    file: str
    path: str
    problems: tuple[Problem, ...]
    effective: "Effective | None" = None

    @property
    def errors(self) -> int:
        """How many problems make it invalid."""
        return sum(each.severity == "error" for each in self.problems)

    @property
    def warnings(self) -> int:
        """How many do not."""
        return len(self.problems) - self.errors

    @property
    def valid(self) -> bool:
        """True where nothing makes it invalid."""
        return self.errors == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Every file that was looked at; those that were passed over, each with the reason."""

    judged: tuple[Judged, ...]
    skipped: tuple[tuple[str, str], ...]
    exit_code: int


def page_of(outcome: Validation) -> Page:
    """Give the outcome in every form; a form is made, and what makes it imported, when asked for."""
    lines = [line for each in outcome.judged for line in _lines(each)]
    skipped = [{"file": file, "reason": reason} for file, reason in outcome.skipped]
    return Page(
        schema="validation",
        items=[_item(each) for each in outcome.judged],
        blocks=(Lines(lines=tuple(lines)), *_effective_blocks(outcome)),
        table=_table(outcome),
        exit_code=outcome.exit_code,
        more={"skipped": skipped} if skipped else {},
        forms=_forms(outcome),
    )


def _lines(judged: Judged) -> Iterator[str]:
    yield from problem_lines(judged.problems)
    counts = [_count(judged.errors, "error"), _count(judged.warnings, "warning")]
    said = ", ".join(count for count in counts if count)
    word = "valid" if judged.valid else "invalid"
    yield f"{judged.file}: {word}" + (f" ({said})" if said else "")


def _count(number: int, word: str) -> str:
    if number == 0:
        return ""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _item(judged: Judged) -> dict[str, object]:
    item: dict[str, object] = {
        "file": judged.file,
        "valid": judged.valid,
        "errors": judged.errors,
        "warnings": judged.warnings,
        "problems": [asdict(problem) for problem in judged.problems],
    }
    if judged.effective is not None:
        from diskguard.cli.render.effective import effective_fields

        item["effective"] = effective_fields(judged.effective)
    return item


def _table(outcome: Validation) -> Table:
    headings = ("file", "line", "column", "severity", "id", "message")
    rows = tuple(
        (each.file, each.line, each.column, each.severity, each.code, each.message)
        for judged in outcome.judged
        for each in judged.problems
    )
    return Table(headings=headings, rows=rows)


def _effective_blocks(outcome: Validation) -> Iterator[Block]:
    for judged in outcome.judged:
        if judged.effective is not None:
            from diskguard.cli.render.effective import effective_blocks

            yield from effective_blocks(judged.file, judged.effective)


def _forms(outcome: Validation) -> Mapping[str, Callable[[], Iterable[str]]]:
    def sarif() -> Iterable[str]:
        from diskguard.cli.render.validation_sarif import sarif_lines

        return sarif_lines(outcome)

    def github() -> Iterable[str]:
        from diskguard.cli.render.validation_github import github_lines

        return github_lines(outcome)

    def junit() -> Iterable[str]:
        from diskguard.cli.render.validation_junit import junit_lines

        return junit_lines(outcome)

    return {"sarif": sarif, "github": github, "junit": junit}
