"""Policy files, checked one by one."""

from pathlib import Path

from diskguard.cli.render.page import Lines, Page
from diskguard.cli.render.trouble import problem_lines
from diskguard.cli.session import Session
from diskguard.cli.steps.policies import find_policy
from diskguard.errors import PolicyInvalid, Problem
from diskguard.policy.load import examine_file


def validate(session: Session, files: tuple[Path, ...], *, strict: bool) -> int:
    """Say of each file what is wrong with it, on stdout; give 4 if any is invalid."""
    chosen = files or (find_policy(session, None, None),)
    lines: list[str] = []
    invalid = 0
    for file in chosen:
        problems = examine_file(file).problems
        errors = [each for each in problems if strict or each.severity == "error"]
        invalid += bool(errors)
        lines += problem_lines(problems)
        lines.append(_verdict(file, problems, len(errors)))
    exit_code = PolicyInvalid.exit_status if invalid else 0
    page = Page(
        schema="validation", items=(), blocks=(Lines(lines=tuple(lines)),), exit_code=exit_code
    )
    return session.show(page, silent_on_success=True)


def _verdict(file: Path, problems: tuple[Problem, ...], errors: int) -> str:
    warnings = len(problems) - errors
    counts = [_count(errors, "error"), _count(warnings, "warning")]
    said = ", ".join(count for count in counts if count)
    word = "invalid" if errors else "valid"
    return f"{file}: {word}" + (f" ({said})" if said else "")


def _count(number: int, word: str) -> str:
    if number == 0:
        return ""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
