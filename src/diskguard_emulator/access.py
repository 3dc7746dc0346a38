"""Who may do what: principals with allowed actions at scopes, and the refusals."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from diskguard_emulator.ids import key
from diskguard_emulator.refusals import Refusal, gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role at a scope: actions with `*`, as role definitions write them."""

    actions: tuple[str, ...] = ("*",)
    not_actions: tuple[str, ...] = ()
    scope: str = "/"

    def allows(self, action: str, scope: str) -> bool:
        """True if this grant alone suffices."""
        if not _within(scope, self.scope):
            return False
        return _any(self.actions, action) and not _any(self.not_actions, action)


def _within(scope: str, outer: str) -> bool:
    inner, wide = key(scope) + "/", key(outer) + "/"
    return inner.startswith(wide)


def _any(patterns: tuple[str, ...], action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody with a token."""

    name: str
    object_id: str = "00000000-0000-0000-0000-00000000000a"
    grants: tuple[Grant, ...] = field(default_factory=lambda: (Grant(),))

    def may(self, action: str, scope: str) -> bool:
        """True if some grant allows it there."""
        return any(grant.allows(action, scope) for grant in self.grants)


def require(principal: Principal, action: str, scope: str) -> None:
    """Raises Refusal 403 AuthorizationFailed; wording: cloudquery issue 16133."""
    if not principal.may(action, scope):
        raise gateway(
            403,
            "AuthorizationFailed",
            f"The client '{principal.name}' with object id '{principal.object_id}' does not have "
            f"authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. "
            "If access was recently granted, please refresh your credentials.",
        )


def require_linked(principal: Principal, action: str, scope: str, of: tuple[str, str]) -> None:
    """Raises Refusal 403 LinkedAuthorizationFailed; wording: Azure/OpenShift issue 186.

    `of` is the action and scope that was allowed, and needs this one too.
    """
    if not principal.may(action, scope):
        raise Refusal(
            403,
            "LinkedAuthorizationFailed",
            f"The client '{principal.name}' with object id '{principal.object_id}' has permission "
            f"to perform action '{of[0]}' on scope '{of[1]}'; however, it does not have permission "
            f"to perform action '{action}' on the linked scope(s) '{scope}' or the linked scope(s) "
            "are invalid.",
        )
