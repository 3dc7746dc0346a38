"""Annotations of GitHub Actions: workflow commands, one a line.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands; escaped as the
runner unescapes it: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
"""

from collections.abc import Iterator

from diskguard.cli.render.escape import clean, scrub
from diskguard.cli.render.validation import Validation
from diskguard.errors import Problem


def github_lines(outcome: Validation) -> Iterator[str]:
    """Give a command for each problem; nothing else is printed, for it might be taken as one."""
    for judged in outcome.judged:
        for problem in judged.problems:
            yield _command(judged.path, problem)


def _command(path: str, problem: Problem) -> str:
    properties = {
        "file": path,
        "line": str(problem.line),
        "col": str(problem.column),
        "title": f"diskguard: {problem.code}",
    }
    named = ",".join(f"{name}={_property(text)}" for name, text in properties.items())
    message = scrub(clean(problem.message))
    hint = f"\n{scrub(clean(problem.hint))}" if problem.hint else ""
    return f"::{problem.severity} {named}::{_escaped(message + hint)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(scrub(clean(text))).replace(":", "%3A").replace(",", "%2C")
