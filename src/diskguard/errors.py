"""What can go wrong: one tree of errors, each with a code, an exit status and, where we know one, a hint.

DiskguardError
├── UsageInvalid              2   the command line asks for something impossible
├── PolicyInvalid             4   the policy file is wrong; carries every problem with its place
├── NothingMatched            5   a selection is empty or smaller than expected
├── TooManyVms                1   a plan takes more than the command line allows
├── PointNotFound             5   no such restore point
├── AnotherRunHoldsTheLock    6   a run of this machine is under way
├── LoginFailed               7   no token
├── AccessDenied              7   a token without the right
├── Unfinished                8   deadline, throttle, quota: the next run goes on from here
│   ├── Throttled
│   ├── SnapshotLimitReached
│   ├── QuotaReached
│   └── CloudUnreachable
├── PlanDrifted              12   a saved plan no longer fits the estate
├── Interrupted             130   SIGINT ended it before it had a result
│   └── Terminated          143   the same by SIGTERM
├── CloudRefused              1   Azure said no, for a reason not above
│   ├── ProviderNotRegistered
│   ├── ResourceMissing
│   ├── ResourceConflict
│   └── SnapshotInUse
├── OutputLost                1   the work was done, its result could not be written
├── NameTaken                 1   something that is not ours bears the name we need
├── PruneRefused              1   what a deletion depends on is in doubt; nothing was deleted
├── StillHeld                 1   a legal hold lies on it; it was not deleted
├── NotTheSame                1   it is not, or no longer, what was to be deleted
├── UnsupportedSource         1   a disk or VM that cannot be backed up this way
├── EndpointRefused           1   an endpoint that must not get a token
└── GuestTrouble              1   the guest would not, or could not, freeze
    ├── GuestRefused
    ├── GuestAnswerUnreadable
    ├── GuestReportMissing
    ├── GuestBusy
    └── WindowMissed
"""

from dataclasses import dataclass
from typing import ClassVar, Literal


class DiskguardError(Exception):
    """Expected trouble: shown as one line, with a hint where there is one."""

    code: ClassVar[str] = "failed"
    exit_status: ClassVar[int] = 1

    def __init__(
        self, message: str, *, hint: str | None = None, correlation_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.correlation_id = correlation_id


class UsageInvalid(DiskguardError):
    """The command line asks for something impossible."""

    code = "usage-invalid"
    exit_status = 2


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing wrong in a policy file; line and column count from 1.

    An "error" makes the policy invalid; a "warning" is said, and the work goes on.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str | None = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class PolicyInvalid(DiskguardError):
    """The policy file is wrong; `problems` holds every fault found, in the file's order."""

    code = "policy-invalid"
    exit_status = 4

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class NothingMatched(DiskguardError):
    """A selection is empty, or smaller than `expect_at_least`."""

    code = "nothing-matched"
    exit_status = 5


class TooManyVms(DiskguardError):
    """The plan takes more VMs than the command line allows; nothing was done."""

    code = "too-many-vms"


class PointNotFound(DiskguardError):
    """No restore point of that name is to be seen from here."""

    code = "point-not-found"
    exit_status = 5


class AnotherRunHoldsTheLock(DiskguardError):
    """A run of this machine is under way; nothing was done."""

    code = "locked"
    exit_status = 6


class LoginFailed(DiskguardError):
    """No token could be had."""

    code = "login-failed"
    exit_status = 7


class AccessDenied(DiskguardError):
    """The login lacks a right."""

    code = "access-denied"
    exit_status = 7


class Unfinished(DiskguardError):
    """Not done yet; the next run goes on from here."""

    code = "unfinished"
    exit_status = 8


class Throttled(Unfinished):
    """Azure takes no more requests for now; `retry_after_seconds` says for how long, where Azure said."""

    code = "throttled"

    def __init__(
        self, message: str, *, retry_after_seconds: float | None, correlation_id: str | None = None
    ) -> None:
        super().__init__(
            message,
            hint="Wait, or lower `limits.parallel_vms`; the next run goes on from here.",
            correlation_id=correlation_id,
        )
        self.retry_after_seconds = retry_after_seconds


class SnapshotLimitReached(Unfinished):
    """Azure takes no further snapshot of this disk."""

    code = "snapshot-limit-reached"


class QuotaReached(Unfinished):
    """A quota of the subscription is used up."""

    code = "quota-reached"


class CloudUnreachable(Unfinished):
    """No answer came; whether Azure heard us is not known."""

    code = "cloud-unreachable"


class PlanDrifted(DiskguardError):
    """A saved plan no longer fits the estate; nothing was done. `differences` lists why."""

    code = "plan-drifted"
    exit_status = 12

    def __init__(self, differences: tuple[str, ...]) -> None:
        super().__init__("the saved plan no longer fits: " + "; ".join(differences))
        self.differences = differences
        self.hint = "Make a new plan with `diskguard plan --out FILE`."


class Interrupted(DiskguardError):
    """SIGINT ended it before it had a result."""

    code = "interrupted"
    exit_status = 130


class Terminated(Interrupted):
    """SIGTERM ended it before it had a result."""

    exit_status = 143


class CloudRefused(DiskguardError):
    """Azure said no; `azure_code` is its own word for why."""

    code = "cloud-refused"

    def __init__(
        self,
        message: str,
        *,
        azure_code: str | None = None,
        hint: str | None = None,
        correlation_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, correlation_id=correlation_id)
        self.azure_code = azure_code


class ProviderNotRegistered(CloudRefused):
    """The subscription does not use that part of Azure, so nothing of it is there."""

    code = "provider-not-registered"


class ResourceMissing(CloudRefused):
    """The thing asked about does not exist."""

    code = "resource-missing"


class ResourceConflict(CloudRefused):
    """Somebody else is changing the same thing."""

    code = "resource-conflict"


class SnapshotInUse(CloudRefused):
    """The snapshot cannot be deleted now: locked, exported or being copied."""

    code = "snapshot-in-use"


class OutputLost(DiskguardError):
    """The work was done, but its result could not be written."""

    code = "output-lost"


class NameTaken(DiskguardError):
    """Something that is not of this attempt bears the name we need."""

    code = "name-taken"


class PruneRefused(DiskguardError):
    """What a deletion depends on is in doubt; nothing was deleted."""

    code = "prune-refused"


class StillHeld(DiskguardError):
    """A legal hold lies on it; it was not deleted."""

    code = "held"


class NotTheSame(DiskguardError):
    """It is not, or no longer, what was to be deleted; it was left as it is."""

    code = "not-the-same"


class UnsupportedSource(DiskguardError):
    """A disk or VM that cannot be backed up this way."""

    code = "unsupported-source"


class EndpointRefused(DiskguardError):
    """An endpoint that must not get a token."""

    code = "endpoint-refused"


class GuestTrouble(DiskguardError):
    """The guest would not, or could not, freeze."""

    code = "guest-trouble"


class GuestRefused(GuestTrouble):
    """The guest looked and declined to freeze; nothing was frozen. `reason` is its code for why."""

    code = "guest-refused"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class GuestAnswerUnreadable(GuestTrouble):
    """What came back is not a whole answer to what we asked."""

    code = "guest-answer-unreadable"


class GuestReportMissing(GuestTrouble):
    """The holder left no report: it was killed, or the VM restarted."""

    code = "guest-report-missing"


class GuestBusy(GuestTrouble):
    """The VM's Run Command is taken by another script."""

    code = "guest-busy"


class WindowMissed(GuestTrouble):
    """The agreed instant passed before anything was requested; the guest thaws by itself."""

    code = "window-missed"
