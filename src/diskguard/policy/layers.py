"""Everything that a policy means, each setting with the layer and the line that says so."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from diskguard.policy.document import Document, Place
from diskguard.policy.effective import (
    Setting,
    effective_settings,
    policy_settings,
    selection_settings,
)
from diskguard.policy.model import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One setting; `place` is None for a default."""

    setting: Setting
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """What applies to the VMs of one rule."""

    name: str
    place: Place
    settings: tuple[Placed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """What applies to every rule alike, and what to each."""

    name: str
    settings: tuple[Placed, ...]
    rules: tuple[RuleSettings, ...]


def effective_of(policy: Policy, document: Document) -> Effective:
    """Give every setting of a policy that was read from the document."""
    return Effective(
        name=policy.name,
        settings=_placed(policy_settings(policy), document),
        rules=tuple(_rules(policy, document)),
    )


def _rules(policy: Policy, document: Document) -> Iterator[RuleSettings]:
    for number, rule in enumerate(policy.rules):
        settings = (
            *selection_settings(policy, rule),
            *effective_settings(policy, rule).sources(),
        )
        place = document.place(("rules", number))
        yield RuleSettings(name=rule.name, place=place, settings=_placed(settings, document))


def _placed(settings: Iterable[Setting], document: Document) -> tuple[Placed, ...]:
    return tuple(
        Placed(
            setting=each,
            place=None if each.source.path is None else document.place(each.source.path),
        )
        for each in settings
    )
