"""What a policy may ask that this version does not do: said, never silently ignored.

An error where going on would leave the user with less than the policy promises; a warning where
the section only speaks of commands that do not exist yet, so nothing made is worse for it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from diskguard.policy.document import Document, Fault, Severity
from diskguard.policy.model import OVERRIDABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """A request that is refused or remarked on, where `asks` says that the value makes it."""

    pattern: tuple[str, ...]
    asks: Callable[[object], bool]
    severity: Severity
    reason: str

    @property
    def key(self) -> str:
        """The key as a policy's author knows it."""
        return ".".join(self.pattern)


def _something(value: object) -> bool:
    return value not in (None, (), {})


def _error(key: str, reason: str, asks: Callable[[object], bool] = _something) -> Unsupported:
    return Unsupported(pattern=tuple(key.split(".")), asks=asks, severity="error", reason=reason)


def _warning(key: str, reason: str, asks: Callable[[object], bool] = _something) -> Unsupported:
    return Unsupported(pattern=tuple(key.split(".")), asks=asks, severity="warning", reason=reason)


_NO_HOOKS: Final = "no hook is run, so points would be taken without it"


UNSUPPORTED: Final = (
    _error("hooks.application", _NO_HOOKS),
    _error("hooks.before_freeze", _NO_HOOKS),
    _error("hooks.after_thaw", _NO_HOOKS),
    _error("hooks.after_restore", "no hook is run, and there is no `restore` to run it"),
    # The default is `vss` too, but nobody asked for it; the plan says what Windows VMs get.
    _error(
        "consistency.windows",
        "Windows is not asked for a shadow copy; leave the key out, or write `crash` or `offline`",
        lambda value: value == "vss",
    ),
    _error("consistency.group", "each VM is frozen by itself, not all at one instant"),
    _error("limits.cluster", "VMs of one cluster could be frozen side by side"),
    # Azure's AllowPrivate goes with a `diskAccessId`:
    # https://learn.microsoft.com/azure/virtual-machines/disks-enable-private-links-for-import-export-portal
    _error(
        "protection.network_access",
        "a private export needs a disk access resource, which a policy cannot name",
        lambda value: value == "private",
    ),
    _warning("restore", "there is no `restore` command"),
    _warning("drill", "there is no `drill` command, and none is held"),
)


def unsupported_requests(document: Document) -> Iterator[Fault]:
    """Give every request of the file that this version does not fulfil, with the reason."""
    for row in UNSUPPORTED:
        for pattern in _patterns(row):
            for path, value in document.find(*pattern):
                if row.asks(value):
                    verb = "is not supported" if row.severity == "error" else "has no effect"
                    message = f"`{row.key}` {verb} yet: {row.reason}"
                    yield Fault(
                        path=path,
                        code="not-yet-supported",
                        message=message,
                        at_key=True,
                        severity=row.severity,
                    )


def _patterns(row: Unsupported) -> tuple[tuple[str, ...], ...]:
    if row.pattern[0] in OVERRIDABLE:
        return row.pattern, ("rules", "*", *row.pattern)
    return (row.pattern,)
