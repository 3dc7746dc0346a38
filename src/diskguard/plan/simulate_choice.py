"""Which rules a VM could belong to, told from its name alone: nobody asks Azure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from diskguard.plan.selection_matching import glob_fits
from diskguard.policy.model import Policy, Rule, Selector

Fit = Literal["yes", "perhaps", "no"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A rule that takes the VM, or (not `certain`) would if its tags, group or id fit too."""

    rule: Rule
    certain: bool


def choose_rules(policy: Policy, name: str) -> tuple[Chosen, ...]:
    """Give the rules that could be the first to select a VM, or a loose disk, of that name."""
    return tuple(_candidates(policy, name))


def _candidates(policy: Policy, name: str) -> Iterator[Chosen]:
    for rule in policy.rules:
        taken = _best(rule.select.include, name)
        left_out = _best(rule.select.exclude, name)
        if taken == "no" or left_out == "yes":
            continue
        certain = taken == "yes" and left_out == "no"
        yield Chosen(rule=rule, certain=certain)
        if certain:
            return


def _best(entries: tuple[Selector, ...], name: str) -> Fit:
    fits = {_fit(entry, name) for entry in entries}
    return "yes" if "yes" in fits else "perhaps" if "perhaps" in fits else "no"


def _fit(entry: Selector, name: str) -> Fit:
    for patterns in (entry.names, entry.disks):
        if patterns is not None and not glob_fits(patterns, name):
            return "no"
    if entry.ids is not None and name.lower() not in {each.name.lower() for each in entry.ids}:
        return "no"
    unseen = (entry.tags, entry.resource_groups, entry.scale_sets, entry.ids)
    return "yes" if all(each is None for each in unseen) else "perhaps"
