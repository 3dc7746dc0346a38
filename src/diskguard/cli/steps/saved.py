"""Plans in files: written for later, read back and held against the estate."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from diskguard.cli.steps.whole_file import write_at_once
from diskguard.errors import PlanDrifted, UsageInvalid
from diskguard.model.estate import Estate
from diskguard.plan.backup import BackupPlan
from diskguard.plan.saved import differences, dump_plan
from diskguard.policy.model import Policy

T = TypeVar("T")

LARGEST_PLAN: Final = 100_000_000  # bytes; a thousand VMs need about four million


def save_plan(plan: BackupPlan, path: Path) -> None:
    """Write the plan, whole or not at all. Raises OutputLost where that cannot be done."""
    write_at_once(json.dumps(dump_plan(plan), indent=1) + "\n", path)


def read_saved(path: Path, load: Callable[[object], T]) -> T:
    """Read a plan that was saved. Raises UsageInvalid for anything else."""
    try:
        if path.stat().st_size > LARGEST_PLAN:
            raise UsageInvalid(f"{path} is too large for a saved plan")
        return load(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageInvalid(f"cannot read the plan {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageInvalid(f"{path} is not a saved plan: {error}") from error


def check_fits(plan: BackupPlan, policy: Policy, estate: Estate) -> BackupPlan:
    """Give the plan back. Raises PlanDrifted, with every difference, if it fits no more."""
    found = differences(plan, policy, estate)
    if found:
        raise PlanDrifted(found)
    return plan
