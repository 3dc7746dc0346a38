"""Errors on stderr: one line what happened, a hint, Azure's correlation id; a bug with its trace."""

import sys
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

from diskguard.cli.render.escape import clean, scrub
from diskguard.errors import DiskguardError, PolicyInvalid, Problem

if TYPE_CHECKING:
    from diskguard.model.report import Failure

REPORT_IT = "This is a bug in diskguard. Please report it, with the lines above."


def error_lines(error: DiskguardError) -> list[str]:
    """Give the lines of an expected error; a wrong policy has a line for each problem."""
    from diskguard.run.failure import failure_of

    if not isinstance(error, PolicyInvalid):
        return failure_lines(failure_of(error))
    number = sum(problem.severity == "error" for problem in error.problems)
    what = "1 problem in the policy" if number == 1 else f"{number} problems in the policy"
    counted = replace(failure_of(error), message=what)
    return [*problem_lines(error.problems), *failure_lines(counted)]


def failure_lines(failure: "Failure", *, of: str | None = None) -> list[str]:
    """Give what happened, to what; its hint; Azure's correlation id."""
    what = failure.message if of is None else f"{of}: {failure.message}"
    lines = [f"diskguard: error[{failure.code}]: {_harmless(what)}"]
    if failure.hint:
        lines.append(f"hint: {_harmless(failure.hint)}")
    if failure.correlation_id:
        lines.append(f"correlation id: {_harmless(failure.correlation_id)}")
    return lines


def problem_lines(problems: tuple[Problem, ...]) -> list[str]:
    """Give FILE:LINE:COLUMN: message [id], then its hint, for each problem."""
    lines: list[str] = []
    for problem in problems:
        warning = "warning: " if problem.severity == "warning" else ""
        place = f"{problem.file}:{problem.line}:{problem.column}"
        lines.append(_harmless(f"{place}: {warning}{problem.message} [{problem.code}]"))
        if problem.hint:
            lines.append(f"  hint: {_harmless(problem.hint)}")
    return lines


def show_error(error: DiskguardError) -> int:
    """Print an expected error; give its exit status."""
    for line in error_lines(error):
        print(line, file=sys.stderr)
    return error.exit_status


def show_bug(error: BaseException) -> int:
    """Print what nobody expected, whole but without secrets; give exit status 1."""
    text = "".join(traceback.format_exception(error))
    for line in scrub(text).splitlines():
        print(clean(line), file=sys.stderr)
    what = _harmless(f"{type(error).__name__}: {error}")
    print(f"diskguard: error[bug]: {what}", file=sys.stderr)
    print(f"hint: {REPORT_IT}", file=sys.stderr)
    return 1


def _harmless(text: str) -> str:
    return scrub(clean(text))
