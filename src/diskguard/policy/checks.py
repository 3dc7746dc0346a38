"""What must hold between keys of a policy; each check looks at the file's data, wrong elsewhere or not."""

from collections.abc import Callable, Iterator
from typing import Final

from diskguard.model.ids import Region, ResourceId
from diskguard.policy.document import Document, Fault, Path
from diskguard.policy.scalars import UUID
from diskguard.policy.wording import did_you_mean, shown


def check_between_keys(document: Document) -> Iterator[Fault]:
    """Give every contradiction between keys that are each well formed."""
    for check in _CHECKS:
        yield from check(document)


def _texts(document: Document, *pattern: str) -> list[tuple[Path, str]]:
    return [(path, value) for path, value in document.find(*pattern) if isinstance(value, str)]


def _repeated(
    entries: list[tuple[Path, str]], *, levels: int, spelling: Callable[[str], str] = str.casefold
) -> Iterator[tuple[Path, str]]:
    """Give each entry that is spelled like an earlier one of the list `levels` above it."""
    seen: set[tuple[Path, str]] = set()
    for path, text in entries:
        mark = (path[:-levels], spelling(text))
        if mark in seen:
            yield path, text
        seen.add(mark)


def _names_differ(document: Document) -> Iterator[Fault]:
    lists = (
        ("rules", "*", "name"),
        ("schedules", "*", "name"),
        ("rules", "*", "schedules", "*", "name"),
    )
    for pattern in lists:
        for path, name in _repeated(_texts(document, *pattern), levels=2):
            message = f"an earlier one is called {shown(name)} already"
            yield Fault(path=path, code="duplicate-name", message=message)


def _values_differ(document: Document) -> Iterator[Fault]:
    for path, text in _repeated(_texts(document, "azure", "subscriptions", "*"), levels=1):
        message = f"{shown(text)} is given twice"
        yield Fault(path=path, code="duplicate-value", message=message)


def _regions_are_mapped_once(document: Document) -> Iterator[Fault]:
    entries = _texts(document, "locations", "dr", "region_map", "*")
    sources = [(path, str(path[-1])) for path, _ in entries]
    for path, region in _repeated(sources, levels=1, spelling=Region):
        message = f"the region {shown(region)} is mapped already, in another spelling"
        yield Fault(path=path, code="duplicate-key", message=message, at_key=True)
    for path, target in entries:
        if Region(str(path[-1])) == Region(target):
            message = f"{shown(target)} is mapped to itself: a copy there protects from nothing"
            yield Fault(path=path, code="same-region", message=message)


def _groups_differ(document: Document) -> Iterator[Fault]:
    primary = [text.casefold() for _, text in _texts(document, "locations", "primary", _GROUP)]
    for path, group in _texts(document, "locations", "dr", _GROUP):
        if group.casefold() in primary:
            hint = "A copy bears its source's name, so it needs another group."
            message = f"{shown(group)} is the primary location's group too"
            yield Fault(path=path, code="same-group", message=message, hint=hint)


def _dr_is_there(document: Document) -> Iterator[Fault]:
    if any(value is not None for _, value in document.find("locations", "dr")):
        return
    for pattern in _NEEDS_DR:
        for path, value in document.find(*pattern):
            if value not in (None, "primary", "none"):
                hint = "Add `locations.dr`, or leave this out."
                message = "this needs the location dr, which the policy does not have"
                yield Fault(path=path, code="no-dr-location", message=message, hint=hint)


def _ordered_rules_exist(document: Document) -> Iterator[Fault]:
    rules = [name for _, name in _texts(document, "rules", "*", "name")]
    for path, name in _texts(document, "restore", "order", "*", "*"):
        if name not in rules:
            message = f"no rule is called {shown(name)}"
            hint = did_you_mean(name, rules)
            yield Fault(path=path, code="unknown-rule", message=message, hint=hint)


def _ids_are_of_our_subscriptions(document: Document) -> Iterator[Fault]:
    ours = {text.lower() for _, text in _texts(document, "azure", "subscriptions", "*")}
    for path, text in _texts(document, "rules", "*", "select", "include", "*", "ids", "*"):
        subscription = ResourceId(text).subscription.lower()
        if UUID.fullmatch(subscription) and subscription not in ours:
            message = f"the subscription {shown(subscription)} is not in `azure.subscriptions`"
            yield Fault(path=path, code="unknown-subscription", message=message)


def _tag_selectors_can_fit(document: Document) -> Iterator[Fault]:
    for kind in ("include", "exclude"):
        tags = [
            (p, str(p[-1]))
            for p, _ in document.find("rules", "*", "select", kind, "*", "tags", "*")
        ]
        for path, name in _repeated(tags, levels=1):
            message = (
                f"the tag {shown(name)} is asked for twice: to Azure, case makes no difference"
            )
            yield Fault(path=path, code="duplicate-key", message=message, at_key=True)


_GROUP: Final = "resource_group"
_NEEDS_DR: Final = tuple(
    (*prefix, *rest)
    for rest in (
        ("copy", "to", "*"),
        ("objectives", "rpo", "dr"),
        ("retention", "dr"),
        ("protection", "immutability", "dr", "mode"),
        ("drill", "location"),
    )
    for prefix in ((), ("rules", "*"))
)
_CHECKS: Final = (
    _names_differ,
    _values_differ,
    _regions_are_mapped_once,
    _groups_differ,
    _dr_is_there,
    _ordered_rules_exist,
    _ids_are_of_our_subscriptions,
    _tag_selectors_can_fit,
)
