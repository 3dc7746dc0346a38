"""What came of a run: outcomes per VM and copy, and the exit status that follows."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from diskguard.model.restore_point import Consistency


class Result(StrEnum):
    """How a piece of work ended."""

    DONE = "done"
    STARTED = "started"  # asked for and not waited for (--no-wait)
    FAILED = "failed"
    UNFINISHED = "unfinished"  # the next run goes on from here
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An expected error, as data."""

    code: str
    message: str
    exit_status: int
    hint: str | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VmOutcome:
    """What came of one VM or loose disk."""

    source: str
    result: Result
    point: str | None = None
    consistency: Consistency | None = None
    failure: Failure | None = None
    disks: int = 0
    attempts: int = 0
    downgrade_fails: bool = False  # the policy says on_downgrade: fail


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOutcome:
    """What came of one snapshot's copy."""

    point: str
    disk: str
    region: str
    result: Result
    percent: float | None = None
    failure: Failure | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionOutcome:
    """What came of one point's deletion in one location; done means that a read said gone."""

    point: str
    source: str
    location: str
    snapshots: int
    result: Result
    reason: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What one invocation asked of Azure: requests sent, and those refused as too many (429)."""

    requests: int = 0
    throttled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What came of a whole run."""

    run_id: str
    policy: str
    started_at: datetime
    ended_at: datetime
    vms: tuple[VmOutcome, ...] = ()
    copies: tuple[CopyOutcome, ...] = ()
    deletions: tuple[DeletionOutcome, ...] = ()
    recovered: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()  # of the run itself, of a whole subscription
    interrupted_by: int | None = None  # the signal's number

    @property
    def exit_status(self) -> int:
        """The code the process ends with (contract 3): the worst that some, or all, came to."""
        if self.interrupted_by is not None:
            return 128 + self.interrupted_by
        failed = [*self.failures, *self._failures()]
        if failed:
            return self._status_of(failed)
        if self._unfinished():
            return 8
        downgraded = any(
            vm.downgrade_fails and vm.consistency is not None and vm.consistency.downgraded
            for vm in self.vms
        )
        return 11 if downgraded else 0

    def _items(self) -> list[VmOutcome | CopyOutcome | DeletionOutcome]:
        return [*self.vms, *self.copies, *self.deletions]

    def _failures(self) -> list[Failure]:
        return [item.failure for item in self._items() if item.failure is not None]

    def _unfinished(self) -> bool:
        return any(item.result == Result.UNFINISHED for item in self._items())

    def _status_of(self, failed: list[Failure]) -> int:
        """3 when some of it is done; else the one reason all failures share, or 1."""
        statuses = {failure.exit_status for failure in failed}
        if statuses == {8}:
            return 8
        if any(item.result in (Result.DONE, Result.STARTED) for item in self._items()):
            return 3
        return statuses.pop() if len(statuses) == 1 else 1
