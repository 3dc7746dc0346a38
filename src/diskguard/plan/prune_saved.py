"""A prune plan as a JSON document, the way back, and whether what it would delete may still go."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from diskguard.model.restore_point import Location
from diskguard.plan.prune_plan import Deletion, Fate, PrunePlan
from diskguard.plan.saved_codec import dump_document, load_document

SCHEMA = "diskguard/saved-prune/1"


def dump_prune(plan: PrunePlan) -> dict[str, Any]:
    """Give the plan as values that `json.dumps` takes."""
    return dump_document(plan, SCHEMA)


def load_prune(document: object) -> PrunePlan:
    """Read what `dump_prune` wrote. Raises UsageInvalid, which names the key that is wrong."""
    return load_document(PrunePlan, document, SCHEMA, called="saved prune plan")


def prune_differences(saved: PrunePlan, fresh: PrunePlan) -> tuple[str, ...]:
    """Say what the saved plan would delete that a plan made now would not; none is ().

    What is gone meanwhile is no difference, nor what could go besides: it is not deleted.
    """
    if saved.policy != fresh.policy:
        return (f"the plan is of policy {saved.policy}, not {fresh.policy}",)
    return tuple(_differences(saved, fresh))


def narrowed_to(saved: PrunePlan, fresh: PrunePlan) -> PrunePlan:
    """The fresh plan, with only those deletions that the saved one has too."""
    wanted = {_key(each) for each in saved.deletions}
    chosen = tuple(each for each in fresh.deletions if _key(each) in wanted)
    return replace(fresh, deletions=chosen)


def _differences(saved: PrunePlan, fresh: PrunePlan) -> Iterator[str]:
    verdicts = {(each.point, each.location): each for each in fresh.verdicts}
    deletions = {_key(each): each for each in fresh.deletions}
    for each in saved.deletions:
        where = f"{each.point} in {each.location}"
        verdict = verdicts.get(_key(each))
        if verdict is not None and verdict.fate is not Fate.DELETE:
            yield f"{where}: {verdict.fate}, {verdict.reasons[0]}"
        elif verdict is not None and not _within(deletions[_key(each)], each):
            yield f"{where}: its snapshots are not those of the plan"


def _key(deletion: Deletion) -> tuple[str, Location]:
    return deletion.point, deletion.location


def _within(fresh: Deletion, saved: Deletion) -> bool:
    return {*fresh.members} <= {*saved.members}
