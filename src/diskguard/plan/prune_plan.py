"""Nouns of a prune: what becomes of every point in each location, why, and what is deleted how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from diskguard.model.ids import ResourceId
from diskguard.model.restore_point import Location


class Fate(StrEnum):
    """What becomes of a point in one location."""

    KEEP = "keep"
    DELETE = "delete"
    LATER = "later"  # nothing keeps it, and this run may delete no more: a later run's turn
    IMMUTABLE = "immutable"  # nothing keeps it, and Azure would refuse until a date
    UNJUDGED = "unjudged"  # not complete there: counted by no rule, deleted by `reconcile` alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """A snapshot as it is known; what a fresh read shows must still agree before it is deleted.

    `unique_id` and `nonce` None are not compared. `sealed`: a sealed one may be deleted too.
    `failed_only`: deleted only if Azure has given up on it. `just_made`: Azure accepted it a moment
    ago, and a read that does not show it yet proves nothing.
    """

    id: ResourceId
    unique_id: str | None = None
    nonce: str | None = None
    sealed: bool = False
    failed_only: bool = False
    just_made: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """One point in one location, to be deleted member by member; the seal's member comes last.

    `mark` are the tags that say so on the last member before the first one goes; none where one
    member is all there is, or where an earlier run has said so.
    """

    point: str
    source: ResourceId
    location: Location
    taken_at: datetime | None
    members: tuple[Doomed, ...]
    mark: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneVerdict:
    """What becomes of one point in one location, with every reason for it."""

    point: str
    source: ResourceId
    location: Location
    taken_at: datetime | None
    fate: Fate
    reasons: tuple[str, ...]
    snapshots: int
    deletable_from: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmark:
    """A mark of an intention that was given up: the point is whole and stays."""

    snapshot: ResourceId
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePlan:
    """What `prune` will do. `at_most` is the user's --max-delete; None: the usual shares."""

    policy: str
    made_at: datetime
    at_most: int | None = None
    verdicts: tuple[PruneVerdict, ...] = ()
    deletions: tuple[Deletion, ...] = ()
    unmark: tuple[Unmark, ...] = ()

    def of(self, fate: Fate) -> tuple[PruneVerdict, ...]:
        """The verdicts of that fate."""
        return tuple(each for each in self.verdicts if each.fate is fate)
