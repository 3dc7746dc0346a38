"""What came near: why a rule takes fewer sources than its author expects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from diskguard.model.estate import Disk
from diskguard.model.ids import ResourceId
from diskguard.plan.selection_matching import (
    Clause,
    Source,
    clauses,
    describe,
    excluded_by,
    included_by,
    may_include,
)
from diskguard.policy.model import Rule

MOST_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """A rule that takes fewer sources than it expects; `near` says what almost fitted, best first."""

    rule: str
    expected: int
    found: int
    near: tuple[str, ...]


def explain_shortages(shortages: Sequence[Shortage]) -> tuple[str, str]:
    """Give the message and the hint of an error that names every shortage."""
    message = "; ".join(
        f"rule {each.rule} selects {each.found}, and expects at least {each.expected}"
        for each in shortages
    )
    near = [f"{each.rule}: {', '.join(each.near)}" for each in shortages if each.near]
    if near:
        return message, f"Near, but not selected: {'; '.join(near)}"
    return message, "Nothing came near. Compare `select` with the subscriptions of the policy."


def near_misses(
    rule: Rule, sources: Sequence[Source], owners: Mapping[ResourceId, str]
) -> tuple[str, ...]:
    """Give the few of these sources that came nearest to being the rule's, and what was missing.

    `owners` names the rule that selected a source, whether or not it has a disk to be taken.
    """
    found = {miss for source in sources for miss in _misses(rule, source, owners)}
    best = sorted(found)[:MOST_SHOWN]
    rest = len(found) - len(best)
    return (*(text for _, _, text in best), *([f"and {rest} more"] if rest else []))


def _misses(
    rule: Rule, source: Source, owners: Mapping[ResourceId, str]
) -> Iterator[tuple[int, ResourceId, str]]:
    if included_by(rule, source) is not None:
        yield 0, source.id, f"{source.name} {_why_not_ours(rule, source, owners)}"
        return
    if isinstance(source, Disk) and source.managed_by is not None:
        return
    for near in near_entries(rule, source):
        yield near.rank, source.id, f"{source.name} ({near.difference})"


@dataclass(frozen=True, slots=True, kw_only=True)
class NearEntry:
    """An entry of `include` that one key keeps from fitting; a lower rank is nearer."""

    entry: int
    rank: int
    difference: str


def near_entries(rule: Rule, source: Source) -> Iterator[NearEntry]:
    """Give the entries of a rule that almost fit the source, with what was missing."""
    for number, entry in enumerate(rule.select.include):
        if not may_include(entry, source):
            continue
        asked = tuple(clauses(entry, source))
        missing = [clause for clause in asked if not clause.fits]
        if len(missing) == 1 and _is_near(missing[0], alone=len(asked) == 1):
            difference = _difference(missing[0])
            yield NearEntry(entry=number, rank=_rank(missing[0]), difference=difference)


def _why_not_ours(rule: Rule, source: Source, owners: Mapping[ResourceId, str]) -> str:
    if owners.get(source.id, rule.name) != rule.name:
        return f"belongs to rule {owners[source.id]}, which comes first"
    against = excluded_by(rule, source)
    if against is not None:
        return f"is excluded by {describe(against, source)}"
    if isinstance(source, Disk) and source.id not in owners:
        return "is attached to a VM, or has no data yet"
    return "fits, but every disk of it is left out"


def _is_near(clause: Clause, *, alone: bool) -> bool:
    """Tell whether one more look is worth it: all else fits, or the names resemble each other."""
    if clause.candidate is None:
        return not alone and clause.key == "tags"
    if clause.key == "tags" or not alone:
        return True
    if clause.key == "ids":
        return clause.candidate.casefold() in map(str.casefold, clause.patterns)
    cores = [_letters(pattern) for pattern in clause.patterns]
    name = _letters(clause.candidate)
    return any(core and core in name for core in cores) or bool(get_close_matches(name, cores, 1))


def _letters(name: str) -> str:
    """Letters and digits only: `db-*` and `db01` are near, hyphens and wildcards aside."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _rank(clause: Clause) -> int:
    return 1 if _differs_in_case_only(clause) else 2


def _differs_in_case_only(clause: Clause) -> bool:
    value = clause.candidate
    return value is not None and value.casefold() in map(str.casefold, clause.patterns)


def _difference(clause: Clause) -> str:
    if clause.key == "tags" and _differs_in_case_only(clause):
        return f"{clause.found}, not '{clause.patterns[0]}': values are compared with case"
    return f"{clause.found}, asked is {clause.asked}"
