"""What applies to one VM: the rule's overrides over the policy's sections over the defaults."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from diskguard.policy.model import Policy, Rule
from diskguard.policy.sections import (
    Consistency,
    Copy,
    Hooks,
    Limits,
    Objectives,
    Protection,
    Retention,
    Schedule,
    Strict,
)

Path = tuple[str | int, ...]
Section = TypeVar("Section", bound=Strict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who said so. `path` is where it stands in the policy file, None for a default."""

    kind: Literal["default", "policy", "rule"]
    rule: str | None = None
    path: Path | None = None

    def __str__(self) -> str:
        return f"rule {self.rule}" if self.kind == "rule" else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value that applies, by its dotted key, as in `consistency.disks.exclude_luns`."""

    key: str
    value: object
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What applies to the VMs of one rule. `copying.to` is empty where there is no DR location."""

    policy: Policy
    rule: Rule
    consistency: Consistency
    hooks: Hooks
    schedules: tuple[Schedule, ...]
    objectives: Objectives
    copying: Copy
    retention: Retention
    protection: Protection
    limits: Limits

    def sources(self) -> tuple[Setting, ...]:
        """Give every value a rule may override, in the layout's order, with who said so."""
        return tuple(_settings(self))


def effective_settings(policy: Policy, rule: Rule) -> Settings:
    """Give what applies to the VMs of a rule: merged key by key; a list is replaced as a whole."""
    return Settings(
        policy=policy,
        rule=rule,
        consistency=_merged(policy.consistency, rule.consistency),
        hooks=_merged(policy.hooks, rule.hooks),
        schedules=policy.schedules if rule.schedules is None else rule.schedules,
        objectives=_merged(policy.objectives, rule.objectives),
        copying=_possible(policy, _merged(policy.copying, rule.copying)),
        retention=_merged(policy.retention, rule.retention),
        protection=_merged(policy.protection, rule.protection),
        limits=_merged(policy.limits, rule.limits),
    )


def policy_settings(policy: Policy) -> tuple[Setting, ...]:
    """Give every value that no rule can override, in the layout's order, with who said so."""
    layers = ((Source(kind="policy", path=()), policy),)
    names = [name for name in type(policy).model_fields if name not in (*_SECTIONS, "rules")]
    return tuple(
        Setting(key=".".join(path), value=value, source=_source(path, layers))
        for name in names
        for path, value in _leaves((_key(type(policy), name),), getattr(policy, name))
    )


def selection_settings(policy: Policy, rule: Rule) -> tuple[Setting, ...]:
    """Give what the rule says of whom it takes, with who said so."""
    place: Path = ("rules", policy.rules.index(rule))
    layers = ((Source(kind="rule", rule=rule.name, path=place), rule),)
    return tuple(
        Setting(key=".".join(path), value=value, source=_source(path, layers))
        for path, value in _leaves(("select",), rule.select)
    )


def _possible(policy: Policy, copying: Copy) -> Copy:
    if policy.locations.dr is None:
        return copying.model_copy(update={"to": ()})
    return copying


def _merged(base: Section, override: Section | None) -> Section:
    if override is None:
        return base
    changes = {
        name: _overridden(getattr(base, name), getattr(override, name))
        for name in override.model_fields_set
    }
    return base.model_copy(update=changes)


def _overridden(base: object, override: object) -> object:
    if isinstance(base, Strict) and isinstance(override, Strict):
        return _merged(base, override)
    return override


def _settings(settings: Settings) -> Iterator[Setting]:
    rules_place: Path = ("rules", settings.policy.rules.index(settings.rule))
    for name in _SECTIONS:
        key = _key(type(settings.policy), name)
        layers = (
            (Source(kind="rule", rule=settings.rule.name, path=rules_place), settings.rule),
            (Source(kind="policy", path=()), settings.policy),
        )
        for path, value in _leaves((key,), getattr(settings, name)):
            yield Setting(key=".".join(path), value=value, source=_source(path, layers))


def _leaves(path: tuple[str, ...], value: object) -> Iterator[tuple[tuple[str, ...], object]]:
    if not isinstance(value, Strict):
        yield path, value
        return
    for name in type(value).model_fields:
        yield from _leaves((*path, _key(type(value), name)), getattr(value, name))


def _source(path: tuple[str, ...], layers: tuple[tuple[Source, Strict], ...]) -> Source:
    for source, layer in layers:
        if _says(layer, path):
            return Source(kind=source.kind, rule=source.rule, path=(*(source.path or ()), *path))
    return Source(kind="default")


def _says(layer: object, path: tuple[str, ...]) -> bool:
    """Tell whether the layer itself was given a value at the path, or above it a value not a section."""
    for key in path:
        if not isinstance(layer, Strict):
            return layer is not None
        name = next(n for n in type(layer).model_fields if _key(type(layer), n) == key)
        if name not in layer.model_fields_set:
            return False
        layer = getattr(layer, name)
    return True


def _key(section: type[Strict], name: str) -> str:
    return section.model_fields[name].alias or name


_SECTIONS = (
    "consistency",
    "hooks",
    "schedules",
    "objectives",
    "copying",
    "retention",
    "protection",
    "limits",
)
