"""A backup plan as a JSON document, the way back, and whether it still fits."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

from diskguard.errors import NothingMatched
from diskguard.model.estate import Estate
from diskguard.model.ids import ResourceId
from diskguard.plan.backup import plan_backup
from diskguard.plan.backup_plan import BackupPlan, MemberPlan, VmPlan
from diskguard.plan.budget import LONGEST_COMPLETION, is_possible
from diskguard.plan.saved_codec import dump_document, encode, load_document
from diskguard.policy.model import Policy

SCHEMA = "diskguard/saved-plan/1"
# What may change without the plan becoming another one: lessons of later points, and words.
_MAY_CHANGE = frozenset({"completion", "notes", "left_out", "mode_reason", "members", "due"})


def dump_plan(plan: BackupPlan) -> dict[str, Any]:
    """Give the plan as values that `json.dumps` takes."""
    return dump_document(plan, SCHEMA)


def load_plan(document: object) -> BackupPlan:
    """Read what `dump_plan` wrote. Raises UsageInvalid, which names the key that is wrong."""
    return load_document(BackupPlan, document, SCHEMA, called="saved plan")


def differences(saved: BackupPlan, policy: Policy, estate: Estate) -> tuple[str, ...]:
    """Say what a plan made now, for the saved plan's instant, would do differently; none is ().

    The plan is made again and compared, so it also comes to light when the file was changed by
    hand. Lessons learned meanwhile (lead, hold) and words are no difference.
    """
    if saved.policy != policy.name:
        return (f"the plan is of policy {saved.policy}, not {policy.name}",)
    try:
        fresh = plan_backup(policy, estate, now=saved.made_at, due_only=saved.due_only)
    except NothingMatched as nothing:
        return (str(nothing),)
    before = {vm.source: vm for vm in saved.vms}
    after = {vm.source: vm for vm in fresh.vms}
    found: list[str] = []
    for source in sorted({*before, *after}):
        if source not in after:
            found.append(f"{source.name}: {_why_not(source, fresh)}")
        elif source not in before:
            found.append(f"{source.name}: is not in the plan and would be backed up")
        else:
            found += [f"{source.name}: {each}" for each in _of_vm(before[source], after[source])]
    return tuple(found)


def _why_not(source: ResourceId, fresh: BackupPlan) -> str:
    skipped = {each.source: each.reason for each in fresh.skipped}
    refused = {each.source: each.failure.message for each in fresh.refused}
    return skipped.get(source) or refused.get(source) or "is not there any more"


def _of_vm(before: VmPlan, after: VmPlan) -> Iterator[str]:
    for name in (each.name for each in fields(VmPlan) if each.name not in _MAY_CHANGE):
        one, other = encode(_compared(before, name)), encode(_compared(after, name))
        yield from _changes(_leaves(one, name), _leaves(other, name))
    yield from _impossible(before)
    yield from _of_members(before, after)


def _impossible(saved: VmPlan) -> Iterator[str]:
    """Lessons may differ from today's, but not from what any lesson leads to."""
    if saved.freeze is not None and not is_possible(saved.freeze):
        yield "freeze: its lead or hold is one no plan has"
    if not timedelta() <= (saved.completion or timedelta()) <= LONGEST_COMPLETION:
        yield f"completion: {saved.completion} is one no plan has"


def _compared(plan: VmPlan, name: str) -> object:
    if name == "freeze" and plan.freeze is not None:
        return replace(plan.freeze, lead=timedelta(), hold=None)
    value: object = getattr(plan, name)
    return value


def _of_members(before: VmPlan, after: VmPlan) -> Iterator[str]:
    planned = {each.disk_id: each for each in before.members}
    present = {each.disk_id: each for each in after.members}
    for disk in sorted({*planned, *present}):
        if disk not in present:
            yield f"disk {disk.name} is not taken any more"
        elif disk not in planned:
            yield f"disk {disk.name} is not in the plan"
        else:
            yield from _of_member(planned[disk], present[disk])


def _of_member(before: MemberPlan, after: MemberPlan) -> Iterator[str]:
    for change in _changes(_leaves(encode(before)), _leaves(encode(after))):
        yield f"disk {before.disk_name}: {change}"


def _changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for key in sorted({*before, *after}):
        was, now = before.get(key), after.get(key)
        if was != now:
            yield f"{key} was {was}, is {now}"


def _leaves(value: Any, key: str = "") -> dict[str, Any]:
    """Give every single value of nested dicts by its dotted key."""
    if not isinstance(value, dict):
        return {key: value}
    found: dict[str, Any] = {}
    for name, each in value.items():
        found |= _leaves(each, f"{key}.{name}" if key else name)
    return found
