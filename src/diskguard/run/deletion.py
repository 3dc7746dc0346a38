"""The one door to a deletion, for every verb: what is deleted was looked at a moment before.

A house rule (tests/house/test_one_door_to_deletion.py) keeps everybody else from it.
"""

from diskguard.errors import NotTheSame, StillHeld
from diskguard.model.estate import Snapshot
from diskguard.plan.naming_tags import ParsedMember, Places, hold_of, nonce_of, parse_member
from diskguard.plan.prune_plan import Doomed
from diskguard.ports import Compute


async def delete_guarded(doomed: Doomed, compute: Compute) -> None:
    """Make the snapshot gone, and read that it is; one that is gone already is fine.

    Read by GET right before. Raises StillHeld for one that bears a hold, NotTheSame for one that is
    not ours, not of this attempt, another of the same name, or sealed where it must not be; then it
    is as it was. Raises SnapshotInUse for one that is locked, immutable, exported or copied.
    """
    snapshot = await compute.find_snapshot(doomed.id)
    if snapshot is None and not doomed.just_made:
        return
    if snapshot is not None:
        check_may_go(snapshot, doomed)
    await compute.delete_snapshot(doomed.id)


def check_may_go(snapshot: Snapshot, doomed: Doomed) -> None:
    """Hold what a fresh read shows against what is to be deleted. Raises StillHeld, NotTheSame."""
    hold = hold_of(snapshot)
    if hold is not None:
        raise StillHeld(
            f"{snapshot.name} is held ({hold}); it was not deleted",
            hint="`diskguard hold remove` ends a hold.",
        )
    reason = _why_not_the_same(snapshot, doomed)
    if reason is not None:
        raise NotTheSame(f"{snapshot.id} was not deleted: {reason}")


def _why_not_the_same(snapshot: Snapshot, doomed: Doomed) -> str | None:
    parsed = parse_member(snapshot, Places())
    if not isinstance(parsed, ParsedMember):
        return f"it is not ours: {parsed.reason}"
    known = (doomed.unique_id, doomed.nonce)
    objections = {
        "it is another snapshot of the same name": known[0] not in (None, snapshot.unique_id),
        "it is of another attempt": known[1] not in (None, nonce_of(snapshot)),
        "it has been sealed meanwhile": not doomed.sealed
        and (parsed.seal is not None or parsed.seal_trouble is not None),
        "it has not failed": doomed.failed_only and not snapshot.failed,
    }
    return next((reason for reason, holds in objections.items() if holds), None)
