"""The exit codes: one table, from which help, documents and the manual are made."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitStatus:
    """One exit code: the word a document gives as its `result`, and what it means."""

    code: int
    result: str
    meaning: str


def _status(code: int, result: str, meaning: str) -> ExitStatus:
    return ExitStatus(code=code, result=result, meaning=meaning)


EXIT_STATUSES: Final = (
    _status(0, "done", "Done, or nothing to do."),
    _status(1, "failed", "Failed for a reason not below."),
    _status(2, "usage", "Usage error."),
    _status(3, "partial", "Partial: some VMs, copies or deletions failed, the others are done."),
    _status(4, "policy-invalid", "The policy is invalid."),
    _status(
        5,
        "not-found",
        "Nothing matched, fewer matched than expected, or the restore point was not found.",
    ),
    _status(6, "locked", "Another run holds the lock; nothing was done."),
    _status(7, "denied", "Login or rights."),
    _status(
        8, "unfinished", "Unfinished (deadline, throttled, quota): the next run goes on from here."
    ),
    _status(9, "check-failed", "A verification, drill or RPO check failed."),
    _status(10, "changes-pending", "Changes are pending (`--detailed-exitcode` only)."),
    _status(
        11,
        "downgraded",
        "The backup was made, but below the requested consistency (`on_downgrade: fail`).",
    ),
    _status(12, "plan-drifted", "A saved plan no longer fits the estate; nothing was done."),
    _status(
        130,
        "interrupted",
        "Interrupted (SIGINT); a guest that is armed may still freeze, and thaws itself within "
        "`freeze_limit`; the next run goes on from here.",
    ),
    _status(143, "interrupted", "Ended by SIGTERM; otherwise as 130."),
)

ANY_COMMAND: Final = (0, 1, 2, 130, 143)
_BY_CODE: Final = {status.code: status for status in EXIT_STATUSES}


def status_of(code: int) -> ExitStatus:
    """The table's row for that code; an unknown one is a failure."""
    return _BY_CODE.get(code, _BY_CODE[1])
