"""A backup plan cut down to what the command line asks for."""

from collections.abc import Collection
from dataclasses import replace

from diskguard.errors import NothingMatched, TooManyVms
from diskguard.model.ids import ResourceId
from diskguard.plan.backup_plan import BackupPlan


def narrow_plan(plan: BackupPlan, *, only: Collection[str], at_most: int | None) -> BackupPlan:
    """Give the plan for the sources named (by name or id; none named: all of them).

    Raises NothingMatched for a name the plan does not take, with the reason where there is one,
    and TooManyVms if more than `at_most` are left. What only waits for its slot may be named.
    """
    wanted = {name.lower().rstrip("/") for name in only}
    if wanted:
        _check_known(plan, wanted)
        plan = replace(
            plan,
            vms=tuple(each for each in plan.vms if _is_named(each.source, wanted)),
            skipped=tuple(
                each
                for each in plan.skipped
                if each.due is not None and _is_named(each.source, wanted)
            ),
            refused=tuple(each for each in plan.refused if _is_named(each.source, wanted)),
            warnings=tuple(each for each in plan.warnings if _names(each.source) & wanted),
        )
    if at_most is not None and len(plan.vms) > at_most:
        raise TooManyVms(
            f"the plan takes {len(plan.vms)} VMs and disks, {at_most} are allowed",
            hint="See them with `diskguard plan`; then raise --max-vms, or narrow with --vm.",
        )
    return plan


def _check_known(plan: BackupPlan, wanted: Collection[str]) -> None:
    reasons = {name: each.reason for each in plan.skipped for name in _names(str(each.source))}
    sources = [
        *(each.source for each in plan.vms),
        *(each.source for each in plan.refused),
        *(each.source for each in plan.skipped if each.due is not None),
    ]
    taken = {name for source in sources for name in _names(str(source))}
    for name in sorted(set(wanted) - taken):
        reason = reasons.get(name)
        why = f"{name} is skipped: {reason}" if reason else f"the policy protects no VM {name}"
        raise NothingMatched(why, hint="`diskguard plan` shows what is taken, and why.")


def _is_named(source: ResourceId, wanted: Collection[str]) -> bool:
    return bool(_names(str(source)) & set(wanted))


def _names(source: str) -> set[str]:
    return {source.lower(), source.lower().rsplit("/", 1)[-1]}
