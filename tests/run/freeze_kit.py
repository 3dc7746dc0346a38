"""A stage with one VM that is frozen, for tests of its window and of what follows."""

from tests.support.estates import a_vm, an_estate
from tests.support.policies import EVERY_VM, ONE_REGION
from tests.support.runs import a_stage

from diskguard.model.report import RunReport
from diskguard.model.restore_point import Consistency

FROZEN = "consistency: {{linux: fsfreeze, fallback: FALLBACK, on_downgrade: DOWNGRADE}}\n"
PUT_OF_LUN0 = ("PUT", "/snapshots/.*-lun00$")
SCRIPT = ("POST", "/runCommand$")


def one_vm(fallback: str = "crash", on_downgrade: str = "warn"):
    """db01, with three disks."""
    frozen = FROZEN.replace("FALLBACK", fallback).replace("DOWNGRADE", on_downgrade)
    estate = an_estate(a_vm("db01", 2, guest="virtual"))
    return a_stage(estate, ONE_REGION + frozen + EVERY_VM)


def reached(report: RunReport) -> Consistency:
    """What the only VM's point may be called."""
    [outcome] = report.vms
    assert outcome.consistency is not None, report
    return outcome.consistency
