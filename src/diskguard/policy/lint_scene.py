"""What a lint looks at: the settings of one rule, and where each of them stands in the file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from diskguard.policy.document import Document, Path, child_of
from diskguard.policy.effective import Settings, effective_settings
from diskguard.policy.model import Policy
from diskguard.policy.rhythm import Rhythm, beat_of, rhythm_of
from diskguard.policy.sections import Keep

LocationName = Literal["primary", "dr"]
LOCATIONS: Final[tuple[LocationName, ...]] = ("primary", "dr")
MOST_SCHEDULES: Final = 200  # different ones; to look at one takes a few milliseconds

_IN_TIME: Final = ("schedules", "objectives", "copying", "retention", "protection")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One rule's settings; `index` is its place among the rules."""

    document: Document
    settings: Settings
    index: int

    def path(self, *key: str) -> Path | None:
        """Give where the setting stands: in the rule, else above the rules; None for a default."""
        candidates: tuple[Path, ...] = (("rules", self.index, *key), key)
        for path in candidates:
            if is_written(self.document, path):
                return path
        return None

    def nearest(self, *keys: tuple[str, ...]) -> Path:
        """Give where the first of these keys stands: in the rule, else above; else the rule.

        Between a rule's own schedule and everybody's RPO, it is the rule that is out of line.
        """
        ours: list[Path] = [("rules", self.index, *key) for key in keys]
        written = (path for path in (*ours, *keys) if is_written(self.document, path))
        return next(written, ("rules", self.index))

    def rhythm(self, location: LocationName) -> Rhythm | None:
        """Give when points come to be in a location; None where nothing says when."""
        if not self.settings.schedules or (location == "dr" and not self.is_copied):
            return None
        rhythm = rhythm_of(self.settings.schedules)
        first_only = location == "dr" and self.settings.copying.which == "daily-first"
        return rhythm.first_of_each_day if first_only else rhythm

    @property
    def is_copied(self) -> bool:
        """Whether any point gets a copy in the location dr."""
        return "dr" in self.settings.copying.to

    def keep(self, location: LocationName) -> Keep | None:
        """Give what the location keeps; None where nothing is pruned."""
        keep = getattr(self.settings.retention, location)
        return keep if isinstance(keep, Keep) and has_rules(keep) else None


def has_rules(keep: Keep) -> bool:
    """Tell whether the section keeps by any rule: without one, nothing is pruned."""
    names = (name for name in type(keep).model_fields if name != "min_keep")
    return any(getattr(keep, name) for name in names)


def is_written(document: Document, path: Path) -> bool:
    """Tell whether the file has a value there, be it by an alias."""
    value = document.data
    for part in path:
        inside = child_of(value, part)
        if not inside:
            return False
        value = inside[0]
    return value is not None


def scenes(policy: Policy, document: Document) -> Iterator[Scene]:
    """Give the rules that differ in what plays in time; those that override nothing as one."""
    plain = False
    for index, rule in enumerate(policy.rules):
        overrides = any(getattr(rule, name) is not None for name in _IN_TIME)
        if overrides or not plain:
            settings = effective_settings(policy, rule)
            yield Scene(document=document, settings=settings, index=index)
        plain = plain or not overrides


def count_schedules(policy: Policy) -> int:
    """Give how many different schedules the policy has."""
    lists = (policy.schedules, *(rule.schedules or () for rule in policy.rules))
    return len({beat_of(each) for schedules in lists for each in schedules})
