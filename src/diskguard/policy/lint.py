"""What a policy's author hardly means: every lint, and the page that explains them."""

from collections.abc import Iterator
from typing import Final

from diskguard.policy.document import Document, Fault
from diskguard.policy.lint_retention import lint_retention, lint_void_rules
from diskguard.policy.lint_rules import lint_rules
from diskguard.policy.lint_scene import MOST_SCHEDULES, count_schedules, scenes
from diskguard.policy.lint_schedules import lint_clock_changes, lint_schedules
from diskguard.policy.lint_table import LINTS, NOT_CHECKED, Lint
from diskguard.policy.lint_text import lint_commands
from diskguard.policy.model import Policy

_HEAD: Final = """# Lints: what a policy says, and its author hardly means

<!-- Generated from src/diskguard/policy/lint_table.py by `make docs`; a test keeps it current. -->

`diskguard validate` looks further than types. A warning does not stop anything, unless `--strict`
is given; an error stops every command. Each is told with its id, the place of the key, and what to
do. Lints of schedules and of retention need the whole policy to be well formed.
"""


def lint_policy(policy: Policy, document: Document) -> Iterator[Fault]:
    """Give every lint of a policy whose shape is right; secrets are `lint_secrets`' matter."""
    yield from lint_commands(document)
    yield from lint_rules(policy)
    if count_schedules(policy) > MOST_SCHEDULES:
        message = f"more than {MOST_SCHEDULES} different schedules: none is looked at"
        yield NOT_CHECKED.at(("schedules",), message)
        return
    yield from lint_clock_changes(policy, document)
    rules = tuple(scenes(policy, document))
    yield from lint_void_rules(rules)
    for scene in rules:
        yield from lint_schedules(scene)
        yield from lint_retention(scene)


def render_lints() -> str:
    """Give the page of all lints as Markdown, by id."""
    rows = [_section(lint) for lint in sorted(LINTS, key=lambda each: each.code)]
    return "\n".join([_HEAD, *rows])


def _section(lint: Lint) -> str:
    assumed = f"\nTaken for granted: {lint.assumes}.\n" if lint.assumes else ""
    return (
        f"## {lint.code}\n\n{lint.severity.capitalize()}. {lint.sentence}\n"
        f"{assumed}\nWhat to do: {lint.remedy}\n"
    )
