"""Policy files, checked one by one."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from diskguard.cli.render.validation import Judged, Validation, page_of
from diskguard.cli.session import Session
from diskguard.cli.steps.policies import find_policy
from diskguard.cli.steps.policy_files import STDIN, Examined, Skipped, examine_all
from diskguard.errors import NothingMatched, PolicyInvalid, Problem, UsageInvalid

if TYPE_CHECKING:
    from diskguard.policy.layers import Effective
    from diskguard.policy.load import Examination

_SHOW_EFFECTIVE: Final = ("text", "table", "json", "jsonl", "yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be checked, and how."""

    named: tuple[Path, ...]
    strict: bool
    show_effective: bool
    stdin_filename: str


def validate(session: Session, wish: Wish) -> int:
    """Say of each file what is wrong with it, on stdout; give 4 if any is invalid.

    Raises NothingMatched for a folder that holds no policy: a check of nothing must not pass.
    """
    if wish.show_effective and session.view.output not in _SHOW_EFFECTIVE:
        formats = ", ".join(_SHOW_EFFECTIVE)
        raise UsageInvalid(f"--show-effective goes with --output {formats} only")
    skipped: list[Skipped] = []
    judged = tuple(_judge_all(session, wish, skipped))
    invalid = any(not each.valid for each in judged)
    outcome = Validation(
        judged=judged,
        skipped=tuple((each.file, each.reason) for each in skipped),
        exit_code=PolicyInvalid.exit_status if invalid else 0,
    )
    return session.show(page_of(outcome), silent_on_success=True)


def _judge_all(session: Session, wish: Wish, skipped: list[Skipped]) -> Iterator[Judged]:
    """Judge file by file, so that only one is held in memory; note what is passed over."""
    named = wish.named or (find_policy(session, None, None),)
    empty = {path for path in named if path != STDIN and path.is_dir()}
    root = _root(session)
    for each in examine_all(named, stdin_filename=wish.stdin_filename):
        if isinstance(each, Skipped):
            skipped.append(each)
            session.say(_skip_line(each))
        else:
            empty -= {each.folder}
            yield _judged(each, wish, root)
    if empty:
        folders = ", ".join(sorted(map(str, empty)))
        hint = (
            "A policy has the keys azure, locations and rules, and its name ends in .yaml or .yml."
        )
        raise NothingMatched(f"there is no policy below {folders}", hint=hint)


def _judged(examined: Examined, wish: Wish, root: Path) -> Judged:
    problems = examined.examination.problems
    sound = all(each.severity == "warning" for each in problems)
    return Judged(
        file=examined.file,
        path=_path_in(root, examined.file),
        problems=tuple(map(_as_error, problems)) if wish.strict else problems,
        effective=_effective(examined.examination) if wish.show_effective and sound else None,
    )


def _as_error(problem: Problem) -> Problem:
    return replace(problem, severity="error")


def _effective(examination: "Examination") -> "Effective | None":
    from diskguard.policy.layers import effective_of

    policy = examination.policy
    return None if policy is None else effective_of(policy, examination.document)


def _skip_line(skipped: Skipped) -> str:
    """`##[` begins a command wherever it stands in a log of GitHub Actions."""
    return f"skipped: {skipped.file}: {skipped.reason}".replace("##[", "## [")


def _root(session: Session) -> Path:
    """Give the folder that paths are relative to for CI: the repository, or where we are."""
    named = session.around.environment.get("GITHUB_WORKSPACE")
    return Path(os.path.realpath(named)) if named else Path.cwd()


def _path_in(root: Path, file: str) -> str:
    """Give the path as the repository has it, or the whole one of a file outside."""
    whole = Path(os.path.normpath(Path.cwd() / file))
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else whole.as_posix()
