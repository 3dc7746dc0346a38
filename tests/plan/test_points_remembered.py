"""What one plan has read of a look, the next need not read again; another look is read anew."""

from dataclasses import replace

from tests.plan.builders import DR_GROUP, NOON, PLACES, a_point, a_vm

from diskguard.model.restore_point import PointState
from diskguard.plan.naming_tags import Places
from diskguard.plan.points import ATTEMPT_LIFETIME, assemble_points

VM = a_vm("db01")


def test_the_same_snapshots_give_the_same_points():
    look = tuple(a_point(VM))

    first, second = (assemble_points(look, PLACES, now=NOON) for _ in range(2))

    assert first == second
    assert len(first.points) == 1


def test_a_later_look_with_other_tags_is_read_anew():
    look = tuple(a_point(VM))
    assemble_points(look, PLACES, now=NOON)
    stripped = tuple(replace(snapshot, tags={}) for snapshot in look)

    later = assemble_points(stripped, PLACES, now=NOON)

    assert later.points == ()
    assert len(later.strangers) == len(look)


def test_time_goes_on_between_two_plans_of_one_look():
    look = tuple(a_point(VM, sealed=False))

    states = [
        assemble_points(look, PLACES, now=now).points[0].state
        for now in (NOON, NOON + 2 * ATTEMPT_LIFETIME)
    ]

    assert states == [PointState.PENDING, PointState.INCOMPLETE]


def test_other_places_and_other_policies_see_the_same_look_their_own_way():
    look = tuple(a_point(VM))

    here = assemble_points(look, PLACES, now=NOON)
    elsewhere = assemble_points(look, Places(primary="rg-x", dr=DR_GROUP), now=NOON)
    others = assemble_points(look, PLACES, now=NOON, policies={"crm"})

    assert (len(here.points), len(elsewhere.points), len(others.points)) == (1, 0, 0)
    assert [stranger.snapshot for stranger in elsewhere.strangers] == sorted(
        look, key=lambda snapshot: snapshot.id
    )
