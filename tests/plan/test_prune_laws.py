"""Whatever the history, no promise of docs/prune.md is broken."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings, strategies as st
from tests.plan.builders import NOON, a_policy, an_estate, copies_of
from tests.plan.prune_kit import DB, deleted, graded, name_of, point_at, prune, tagged

from diskguard.model.restore_point import Grade, Location, PointState
from diskguard.plan.points import assemble_for
from diskguard.plan.prune_plan import Fate

KINDS = st.fixed_dictionaries(
    {
        "copied": st.sampled_from(["no", "whole", "half", "skipped"]),
        "grade": st.sampled_from([Grade.CRASH, Grade.FILESYSTEM]),
        "held": st.sampled_from([False, False, False, True]),
        "immutable": st.sampled_from([False, False, False, True]),
        "whole": st.sampled_from([True, True, True, False]),
    }
)
HISTORIES = st.lists(KINDS, min_size=1, max_size=25)
KEEPS = st.fixed_dictionaries({"keep_last": st.integers(1, 6), "min_keep": st.integers(1, 4)})


def as_told(age, kind):
    point = graded(point_at(age), kind["grade"])
    copies = (
        []
        if kind["copied"] in ("no", "skipped")
        else copies_of(point, percent=100.0 if kind["copied"] == "whole" else 50.0)
    )
    if kind["copied"] == "skipped":
        point = tagged(point, **{"copy-skipped": "backlog"})
    if kind["held"]:
        point = tagged(point, hold="2026 audit")
    if kind["immutable"]:
        point = [replace(each, immutable_until=NOON + timedelta(days=2)) for each in point]
    return [*(point if kind["whole"] else point[:1]), *copies]


@settings(max_examples=150, deadline=None)
@given(history=HISTORIES, keep=KEEPS, at_most=st.sampled_from([None, 0, 3, 1000]))
def test_no_promise_is_broken(history, keep, at_most):
    points = [as_told(age + 1, kind) for age, kind in enumerate(history)]
    said = ", ".join(f"{name}: {number}" for name, number in keep.items())
    policy = a_policy(f"retention: {{primary: {{{said}}}, dr: {{{said}}}}}")
    estate = an_estate(DB, snapshots=[each for point in points for each in point])

    plan = prune(policy, estate, at_most=at_most)

    gone = {location: deleted(plan, location) for location in Location}
    for point, kind in zip(points, history, strict=True):
        name = name_of(point)
        assert not kind["held"] or not any(name in each for each in gone.values())
        assert not kind["immutable"] or name not in gone[Location.PRIMARY]
        assert kind["copied"] != "half" or name not in gone[Location.PRIMARY]
        assert kind["whole"] or name not in gone[Location.PRIMARY]
    found = assemble_for(policy, estate, now=NOON).points
    for location in Location:
        complete = [
            each
            for each in found
            if (part := each.part(location)) and part.state is PointState.COMPLETE
        ]
        kept = [each for each in complete if each.id not in gone[location]]
        newest = sorted(complete, key=lambda each: each.slot, reverse=True)[: keep["min_keep"]]
        assert all(each in kept for each in newest)
        good = [
            each
            for each in complete
            if each.seal and each.seal.consistency.achieved is Grade.FILESYSTEM
        ]
        assert not good or max(good, key=lambda each: each.slot) in kept
    judged = [each for each in plan.verdicts if each.fate is not Fate.UNJUDGED]
    share = max(2, len(judged) // 4) if at_most is None else at_most
    assert len(plan.deletions) <= share
    assert all(each.reasons for each in plan.verdicts)


@settings(max_examples=60, deadline=None)
@given(history=HISTORIES, keep=KEEPS)
def test_a_prune_after_a_prune_has_nothing_left_to_do(history, keep):
    """Nothing that was kept for a reason loses it by what went."""
    points = [as_told(age + 1, kind) for age, kind in enumerate(history)]
    said = ", ".join(f"{name}: {number}" for name, number in keep.items())
    policy = a_policy(f"retention: {{primary: {{{said}}}, dr: {{{said}}}}}")
    every = [each for point in points for each in point]

    first = prune(policy, an_estate(DB, snapshots=every))
    gone = {doomed.id for deletion in first.deletions for doomed in deletion.members}
    rest = [each for each in every if each.id not in gone]
    second = prune(policy, an_estate(DB, snapshots=rest))

    assert second.deletions == ()
