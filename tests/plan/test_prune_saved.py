"""A saved prune plan reads back as it was, and says what must stay by now."""

import json
from dataclasses import replace

import pytest
from tests.plan.builders import a_policy
from tests.plan.prune_kit import daily, name_of, of_db, tagged, together

from diskguard.errors import UsageInvalid
from diskguard.plan.prune_saved import dump_prune, load_prune, narrowed_to, prune_differences

KEEP_ONE = a_policy("retention: {primary: {keep_last: 1}}", dr=None)
POINTS = daily(3)


def a_plan(points=POINTS, **say):
    return of_db(KEEP_ONE, together(points), **say)


def test_a_plan_reads_back_as_it_was():
    assert load_prune(json.loads(json.dumps(dump_prune(a_plan())))) == a_plan()


@pytest.mark.parametrize(
    "document",
    [None, {}, {"schema": "diskguard/saved-plan/1"}, {"schema": "diskguard/saved-prune/1"}],
)
def test_anything_else_is_refused(document):
    with pytest.raises(UsageInvalid, match="not a saved prune plan"):
        load_prune(document)


def test_the_same_estate_makes_no_difference():
    assert prune_differences(a_plan(), a_plan()) == ()


def test_what_is_held_meanwhile_is_a_difference():
    held = [*POINTS[:2], tagged(POINTS[2], hold="2026 audit")]

    [difference] = prune_differences(a_plan(), a_plan(held))

    assert difference.startswith(f"{name_of(POINTS[2])} in primary: keep, held (2026 audit)")


def test_another_snapshot_of_the_same_name_is_a_difference():
    anew = [*POINTS[:2], [replace(POINTS[2][0], unique_id="anew"), POINTS[2][1]]]

    [difference] = prune_differences(a_plan(), a_plan(anew))

    assert "not those of the plan" in difference


def test_a_plan_of_another_policy_is_a_difference():
    other = replace(a_plan(), policy="other")

    assert prune_differences(other, a_plan()) == ("the plan is of policy other, not erp-prod",)


def test_what_is_gone_is_no_difference_and_what_came_besides_is_not_deleted():
    saved, fresh = a_plan(at_most=1), a_plan()

    assert prune_differences(fresh, a_plan(POINTS[:2])) == ()
    assert len(fresh.deletions) == 2
    assert narrowed_to(saved, fresh).deletions == saved.deletions
