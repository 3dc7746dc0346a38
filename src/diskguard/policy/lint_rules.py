"""Lints of who is selected: a rule that earlier ones leave nothing, rules that meet, vain excludes.

What a selector fits is seen from its text alone: names by their patterns, tags by their values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Final

from diskguard.model.ids import ResourceId
from diskguard.policy.document import Fault, Path
from diskguard.policy.globs import common_name, covers
from diskguard.policy.lint_table import ENTRY_NEVER_FIRST, EXCLUDED, NEVER_FIRST, NOT_CHECKED
from diskguard.policy.model import Policy, Rule, Selector
from diskguard.policy.wording import shown

# Of comparing letters with letters, and patterns with patterns; a policy of 100 rules takes a tenth.
MOST_EFFORT: Final = 600_000

Patterns = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """An entry of `include`, of `exclude`, with what it asks; None asks nothing."""

    rule: int
    rule_name: str
    place: int
    tags: frozenset[tuple[str, str]]
    prefixes: Patterns  # what the names begin with, up to the first wildcard
    names: Patterns | None
    groups: Patterns | None
    scale_sets: Patterns | None
    disks: Patterns | None
    ids: tuple[ResourceId, ...] | None
    letters: int  # how much there is to compare

    @property
    def path(self) -> Path:
        return ("rules", self.rule, "select", "include", self.place)


Spared = tuple[_Entry, Sequence[_Entry]]  # an entry, and what its rule excludes


class _TooMuch(Exception):
    """Comparing on would take longer than a person waits."""


class _Effort:
    """What comparing may still cost."""

    def __init__(self) -> None:
        self.left = MOST_EFFORT

    def spend(self, one: int, other: int) -> None:
        """Take note of so much by so much. Raises _TooMuch where nothing is left."""
        self.left -= one * other
        if self.left < 0:
            raise _TooMuch


def lint_rules(policy: Policy) -> Iterator[Fault]:
    """Give every rule and entry that can select nothing of its own, as far as the text shows."""
    sooner: list[Spared] = []
    effort = _Effort()
    for index, rule in enumerate(policy.rules):
        includes = _entries(rule, index, rule.select.include)
        excludes = _entries(rule, index, rule.select.exclude)
        try:
            yield from list(_excluded(includes, excludes, effort))
            yield from list(_against(includes, excludes, sooner, effort))
        except _TooMuch:
            yield NOT_CHECKED.at(("rules", index), "from here on, rules are not compared")
            return
        sooner += [(entry, excludes) for entry in includes]


def _entries(rule: Rule, index: int, selectors: Sequence[Selector]) -> list[_Entry]:
    return [_entry(rule, index, place, each) for place, each in enumerate(selectors)]


def _entry(rule: Rule, index: int, place: int, selector: Selector) -> _Entry:
    tags = (selector.tags or {}).items()
    return _Entry(
        rule=index,
        rule_name=rule.name,
        place=place,
        tags=frozenset((name.casefold(), value) for name, value in tags),
        prefixes=tuple(_prefix(each) for each in selector.names or ("*",)),
        names=selector.names,
        groups=selector.resource_groups,
        scale_sets=selector.scale_sets,
        disks=selector.disks,
        ids=selector.ids,
        letters=_letters(selector),
    )


def _letters(selector: Selector) -> int:
    lists = (selector.names, selector.resource_groups, selector.scale_sets, selector.disks)
    named = sum(len(each) + 1 for patterns in lists for each in patterns or ())
    return 1 + named + 64 * len(selector.ids or ())


def _prefix(pattern: str) -> str:
    return pattern.partition("*")[0].partition("?")[0].casefold()


def _related(entry: _Entry, sooner: Sequence[Spared], effort: _Effort) -> list[Spared]:
    """Give those earlier entries that might have something in common with this one, quickly."""
    names = entry.prefixes
    effort.spend(len(names), sum(len(each.prefixes) for each, _ in sooner))
    related = [
        each
        for each in sooner
        if each[0].tags <= entry.tags
        and any(
            ours.startswith(theirs) or theirs.startswith(ours)
            for theirs in each[0].prefixes
            for ours in names
        )
    ]
    effort.spend(entry.letters, sum(each.letters for each, _ in related))
    return related


def _excluded(
    entries: Sequence[_Entry], excludes: Sequence[_Entry], effort: _Effort
) -> Iterator[Fault]:
    effort.spend(sum(each.letters for each in entries), sum(each.letters for each in excludes))
    for entry in entries:
        for exclude in excludes:
            if _takes_all(exclude, entry):
                message = f"entry {exclude.place + 1} of `exclude` takes away all of this entry"
                yield EXCLUDED.at(entry.path, message)
                break


def _against(
    entries: Sequence[_Entry], excludes: Sequence[_Entry], sooner: Sequence[Spared], effort: _Effort
) -> Iterator[Fault]:
    """Compare a rule's entries with those of the rules before it."""
    related = [_related(entry, sooner, effort) for entry in entries]
    thieves = {
        entry.place: thief
        for entry in entries
        if (thief := _thief(entry, excludes, related[entry.place], effort)) is not None
    }
    if len(thieves) == len(entries):
        names = dict.fromkeys(shown(thief.rule_name) for thief in thieves.values())
        message = f"no VM is left for {shown(entries[0].rule_name)}: {', '.join(names)} comes first"
        yield NEVER_FIRST.at(("rules", entries[0].rule, "name"), message)
        return
    for entry in entries:
        if entry.place in thieves:
            first = shown(thieves[entry.place].rule_name)
            message = f"the rule {first} comes first and selects all of this"
            yield ENTRY_NEVER_FIRST.at(entry.path, message)
        else:
            yield from _meeting(entry, excludes, related[entry.place])


def _thief(
    entry: _Entry, excludes: Sequence[_Entry], sooner: Sequence[Spared], effort: _Effort
) -> _Entry | None:
    """Give the entry of an earlier rule that takes all of this one; its excludes leave nothing."""
    ours = sum(each.letters for each in excludes)
    for other, spared in sooner:
        if _includes_all(other, entry):
            effort.spend(ours, sum(each.letters for each in spared))
            if all(any(_takes_all(wide, each) for wide in excludes) for each in spared):
                return other
    return None


def _includes_all(wide: _Entry, narrow: _Entry) -> bool:
    """An entry means disks without a VM only if it has `disks` or `ids`."""
    means_disks = narrow.disks is not None or any(
        each.kind.lower() == "microsoft.compute/disks" for each in narrow.ids or ()
    )
    if means_disks and wide.disks is None and wide.ids is None:
        return False
    return _takes_all(wide, narrow)


def _takes_all(wide: _Entry, narrow: _Entry) -> bool:
    """Tell whether whatever fits `narrow` surely fits `wide`."""
    return (
        wide.tags <= narrow.tags
        and _ids_within(wide, narrow)
        and _within(wide.names, narrow.names or _of_ids(narrow, "virtualmachines"))
        and _within(wide.groups, narrow.groups or _groups_of_ids(narrow))
        and (wide.scale_sets is None or _within(wide.scale_sets, narrow.scale_sets or ()))
        and _within(wide.disks, narrow.disks or _of_ids(narrow, "disks"))
        and (wide.disks is None or narrow.disks is not None or narrow.ids is not None)
        and (wide.names is None or narrow.disks is None)
    )


def _ids_within(wide: _Entry, narrow: _Entry) -> bool:
    return wide.ids is None or (narrow.ids is not None and set(narrow.ids) <= set(wide.ids))


def _within(wide: Patterns | None, narrow: Patterns | None) -> bool:
    """Tell whether each narrow pattern lies in a wide one; None: whatever the name is."""
    if wide is None:
        return True
    given = ("*",) if narrow is None else narrow
    return bool(given) and all(any(covers(each, inner) for each in wide) for inner in given)


def _of_ids(entry: _Entry, kind: str) -> Patterns | None:
    """Give the names that ids of one kind bear; a name of another kind fits no pattern."""
    if entry.ids is None:
        return None
    ours = all(each.kind.lower() == f"microsoft.compute/{kind}" for each in entry.ids)
    return tuple(each.name for each in entry.ids) if ours else ()


def _groups_of_ids(entry: _Entry) -> Patterns | None:
    return None if entry.ids is None else tuple(each.group for each in entry.ids)


# -- rules that meet ----------------------------------------------------------------------------


def _meeting(
    entry: _Entry, excludes: Sequence[_Entry], sooner: Sequence[Spared]
) -> Iterator[Fault]:
    for other, spared in sooner:
        if other.rule == entry.rule or _takes_all(entry, other):
            continue  # the special rule first, the general one after it: as it should be
        name = _common(entry, other)
        if name is not None and not _is_spared(name, (*excludes, *spared)):
            message = (
                f"a VM called {shown(name)} is selected by the rule {shown(other.rule_name)}, too, "
                "and belongs to that"
            )
            yield ENTRY_NEVER_FIRST.at(entry.path, message)
            return


def _common(one: _Entry, other: _Entry) -> str | None:
    """Give the name of a VM that both select, where they ask for names, groups and the same tags."""
    if one.names is None or other.names is None or one.tags != other.tags:
        return None
    if any((one.ids, other.ids, one.scale_sets, other.scale_sets, one.disks, other.disks)):
        return None
    groups = (one.groups or ("*",), other.groups or ("*",))
    if _first_common(*groups) is None:
        return None
    return _first_common(one.names, other.names)


def _first_common(one: Patterns, other: Patterns) -> str | None:
    found = (common_name(left, right) for left, right in islice(product(one, other), 50))
    return next((name for name in found if name is not None), None)


def _is_spared(name: str, excludes: Sequence[_Entry]) -> bool:
    """Tell whether an exclude might take the VM of that name away."""
    return any(
        each.names is None or any(covers(pattern, name) for pattern in each.names)
        for each in excludes
    )
