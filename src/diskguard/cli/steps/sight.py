"""Where restore points are looked for: as a policy says, or in subscriptions named by hand."""

from dataclasses import dataclass
from pathlib import Path

from diskguard.cli.session import Session
from diskguard.cli.steps.policies import find_policy, read_policy
from diskguard.errors import UsageInvalid
from diskguard.plan.naming_tags import Places
from diskguard.plan.points import places_of
from diskguard.policy.model import Policy
from diskguard.run.observe import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Which subscriptions and groups, and whose points (`policies` None: everybody's).

    No `groups` means the whole subscription.
    """

    cloud: str
    subscriptions: tuple[str, ...]
    groups: tuple[str, ...]
    places: Places
    policies: frozenset[str] | None

    @property
    def scope(self) -> Scope:
        """The same as run/ wants it."""
        return Scope(subscriptions=self.subscriptions, groups=self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """What the command line says of where to look."""

    argument: Path | None = None
    policy: Path | None = None
    subscriptions: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def find_sight(session: Session, by_hand: ByHand) -> Sight:
    """Decide where to look: --subscription, or else the policy.

    Raises UsageInvalid for a policy together with --subscription, or a group without one.
    """
    if by_hand.groups and not by_hand.subscriptions:
        raise UsageInvalid("--resource-group needs --subscription")
    if not by_hand.subscriptions:
        path = find_policy(session, by_hand.argument, by_hand.policy)
        return sight_of(session, read_policy(session, path))
    if by_hand.argument or by_hand.policy:
        raise UsageInvalid("a policy and --subscription exclude each other")
    return Sight(
        cloud=session.view.cloud or "public",
        subscriptions=by_hand.subscriptions,
        groups=by_hand.groups,
        places=Places(),
        policies=None,
    )


def sight_of(session: Session, policy: Policy) -> Sight:
    """Where a policy's points lie."""
    places = places_of(policy)
    return Sight(
        cloud=session.view.cloud or policy.azure.cloud,
        subscriptions=policy.azure.subscriptions,
        groups=tuple(group for group in (places.primary, places.dr) if group is not None),
        places=places,
        policies=frozenset({policy.name, *policy.previous_names}),
    )
