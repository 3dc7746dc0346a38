"""Whether one selector fits one VM or loose disk, key by key, and in which words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from re import IGNORECASE, Pattern, compile as compile_pattern

from diskguard.model.estate import Disk, Vm
from diskguard.policy.model import Rule, Selector

Source = Vm | Disk


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One key of a selector, asked of one source; `asked` and `found` are for people.

    `patterns` and `candidate` are what was compared, where names were.
    """

    key: str
    fits: bool
    asked: str
    found: str
    patterns: tuple[str, ...] = ()
    candidate: str | None = None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Pattern[str]:
    # `[` is no wildcard here: the policy promises `*` and `?` only.
    return compile_pattern(translate(pattern.replace("[", "[[]")), IGNORECASE)


def glob_fits(patterns: tuple[str, ...], name: str) -> bool:
    """Tell whether a name fits any of the patterns; Azure's names have no case."""
    return any(_compiled(pattern).match(name) for pattern in patterns)


def tag_value(tags: Mapping[str, str], name: str) -> str | None:
    """Give the value of a tag, or None; tag names have no case in Azure, values have."""
    wanted = name.casefold()
    return next((value for key, value in tags.items() if key.casefold() == wanted), None)


def selector_fits(selector: Selector, source: Source) -> bool:
    """Tell whether every key of the selector fits the source."""
    return all(clause.fits for clause in clauses(selector, source))


def may_include(entry: Selector, source: Source) -> bool:
    """Tell whether an entry of `include` speaks of such a source at all.

    It means disks only by `disks` or `ids`: tags and groups alone mean VMs.
    """
    return isinstance(source, Vm) or entry.disks is not None or entry.ids is not None


def included_by(rule: Rule, source: Source) -> Selector | None:
    """Give the first entry of `include` that fits, or None."""
    entries = rule.select.include
    fitting = (
        each for each in entries if may_include(each, source) and selector_fits(each, source)
    )
    return next(fitting, None)


def excluded_by(rule: Rule, source: Source) -> Selector | None:
    """Give the first entry of `exclude` that fits, or None; tags and groups exclude disks too."""
    return next((each for each in rule.select.exclude if selector_fits(each, source)), None)


def describe(selector: Selector, source: Source) -> str:
    """Say in a few words what the selector asks."""
    return ", ".join(clause.asked for clause in clauses(selector, source))


def clauses(selector: Selector, source: Source) -> Iterator[Clause]:
    """Give what each key of the selector says of the source; keys for the other kind never fit."""
    yield from _tag_clauses(selector, source)
    if selector.ids is not None:
        yield Clause(
            key="ids",
            fits=source.id in selector.ids,
            asked="listed by id",
            found=f"its id is {source.id}",
            patterns=tuple(each.name for each in selector.ids),
            candidate=source.name,
        )
    if selector.resource_groups is not None:
        yield _glob("resource_groups", "resource group", selector.resource_groups, source.id.group)
    vm = source if isinstance(source, Vm) else None
    if selector.names is not None:
        yield _glob("names", "name", selector.names, vm.name if vm else None)
    if selector.scale_sets is not None:
        scale_set = vm.scale_set.name if vm and vm.scale_set else None
        yield _glob("scale_sets", "scale set", selector.scale_sets, scale_set)
    if selector.disks is not None:
        yield _glob("disks", "disk", selector.disks, None if vm else source.name)


def _tag_clauses(selector: Selector, source: Source) -> Iterator[Clause]:
    for name, wanted in (selector.tags or {}).items():
        value = tag_value(source.tags, name)
        found = f"has no tag {name}" if value is None else f"tag {name} is '{value}'"
        asked = f"tag {name}={wanted}"
        yield Clause(
            key="tags",
            fits=value == wanted,
            asked=asked,
            found=found,
            patterns=(wanted,),
            candidate=value,
        )


def _glob(key: str, what: str, patterns: tuple[str, ...], name: str | None) -> Clause:
    found = f"its {what} is {name}" if name is not None else f"has no {what} of its own"
    return Clause(
        key=key,
        fits=name is not None and glob_fits(patterns, name),
        asked=f"{what} {' or '.join(patterns)}",
        found=found,
        patterns=patterns,
        candidate=name,
    )
