"""SARIF 2.1.0 as GitHub's code scanning takes it.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, and what GitHub needs of it:
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from diskguard import __version__
from diskguard.cli.render.json import json_text
from diskguard.cli.render.validation import Judged, Validation
from diskguard.errors import Problem
from diskguard.policy.catalogue import remedy_of, sentence_of

_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def sarif_lines(outcome: Validation) -> Iterator[str]:
    """Give the log as JSON; one run, a rule for each id that occurs."""
    problems = [each for judged in outcome.judged for each in judged.problems]
    rules = {each.code: each for each in reversed(problems)}
    order = {code: index for index, code in enumerate(sorted(rules))}
    driver = {
        "name": "diskguard",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(rules[code]) for code in order],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, "exitCode": outcome.exit_code}],
        "artifacts": [{"location": _location(judged)} for judged in outcome.judged],
        "results": [each for judged in outcome.judged for each in _results(judged, order)],
    }
    yield json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(problem: Problem) -> dict[str, object]:
    sentence = sentence_of(problem.code) or problem.message
    help_text = remedy_of(problem.code) or sentence
    return {
        "id": problem.code,
        "shortDescription": {"text": sentence},
        "fullDescription": {"text": sentence},
        "help": {"text": help_text},
        "defaultConfiguration": {"level": problem.severity},
        "properties": {"tags": ["diskguard", "policy"], "precision": "very-high"},
    }


def _results(judged: Judged, order: dict[str, int]) -> Iterable[dict[str, object]]:
    seen: Counter[str] = Counter()
    for problem in judged.problems:
        mark = _fingerprint(judged, problem)
        seen[mark] += 1
        yield {
            "ruleId": problem.code,
            "ruleIndex": order[problem.code],
            "level": problem.severity,
            "message": {"text": _message(problem)},
            "locations": [{"physicalLocation": _spot(judged, problem)}],
            "partialFingerprints": {"diskguardProblem/v1": f"{mark}:{seen[mark]}"},
        }


def _message(problem: Problem) -> str:
    """What a policy's author wrote must not become a link: `[text](target)` is one in SARIF."""
    said = " ".join(each for each in (problem.message, problem.hint) if each)
    return said.replace("](", "] (")


def _spot(judged: Judged, problem: Problem) -> dict[str, object]:
    """GitHub wants an end too; only the start of a key or a value is known."""
    region = {
        "startLine": problem.line,
        "startColumn": problem.column,
        "endLine": problem.line,
        "endColumn": problem.column + 1,
    }
    return {"artifactLocation": _location(judged), "region": region}


def _location(judged: Judged) -> dict[str, str]:
    if judged.path.startswith("/"):
        return {"uri": f"file://{quote(judged.path)}"}
    return {"uri": quote(judged.path), "uriBaseId": "%SRCROOT%"}


def _fingerprint(judged: Judged, problem: Problem) -> str:
    """The same as long as the problem is, whichever line it moves to."""
    text = "\0".join((judged.path, problem.code, problem.message))
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
