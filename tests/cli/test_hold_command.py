"""`diskguard hold` at the command line, against the emulated Azure."""

import json

import pytest
from tests.cli.conftest import WITH_VMS

from diskguard_emulator.faults import Fails, Fault


@pytest.fixture
def a_point(cloud, write_policy):
    """The one point of db01, in both locations; and its policy."""
    path = write_policy(names='["db01"]')
    assert cloud("backup", path).status == 0
    [item] = json.loads(cloud("list", path, "-o", "json").out)["items"]
    return item["id"], path


def test_a_hold_is_written_on_every_snapshot_and_seen_by_all(cloud, a_point):
    point, path = a_point

    told = cloud("hold", "add", point, "--reason", "case 4711", "--policy", path, "-o", "json")

    [item] = json.loads(told.out)["items"]
    assert (told.status, item["held"], len(item["snapshots_changed"])) == (0, True, 4)
    [listed] = json.loads(cloud("list", path, "-o", "json").out)["items"]
    assert listed["held"] is True
    assert listed["hold"].endswith(" case 4711")
    assert "complete, held" in cloud("list", path).out
    assert "case 4711" in cloud("show", point, "--policy", path).out


def test_what_is_held_is_listed_without_a_policy(cloud, a_point):
    point, path = a_point
    assert "No restore points." in cloud("hold", "list", "--policy", path).out
    cloud("hold", "add", point, "--subscription", WITH_VMS)

    told = cloud("hold", "list", "--subscription", WITH_VMS)

    assert told.status == 0
    assert point in told.out


def test_a_hold_that_is_removed_is_gone_everywhere(cloud, a_point):
    point, path = a_point
    cloud("hold", "add", point, "--policy", path)

    told = cloud("hold", "remove", point, "--policy", path)

    assert (told.status, told.out) == (0, f"{point} is not held: 4 snapshots changed.\n")
    assert "No restore points." in cloud("hold", "list", "--policy", path).out


def test_a_hold_twice_keeps_the_first_one(cloud, a_point):
    point, path = a_point
    cloud("hold", "add", point, "--reason", "first", "--policy", path)

    told = cloud("hold", "add", point, "--reason", "second", "--policy", path)

    assert told.status == 0
    assert "first" in cloud("hold", "list", "--policy", path).out


def test_one_snapshot_that_takes_the_hold_is_enough(cloud, emulator, a_point):
    point, path = a_point
    refuses = Fails(status=409, code="SnapshotImmutable", message="immutable")
    emulator.strike(Fault(effect=refuses, method="PATCH", path="/rg-wus/.*tags", times=99))

    told = cloud("hold", "add", point, "--policy", path)

    assert told.status == 0
    assert "2 snapshots changed, 2 refused" in told.out
    assert "SnapshotImmutable" in told.err
    assert point in cloud("hold", "list", "--policy", path).out


def test_a_hold_that_no_snapshot_takes_is_an_error(cloud, emulator, a_point):
    point, path = a_point
    refuses = Fails(status=409, code="SnapshotImmutable", message="immutable")
    emulator.strike(Fault(effect=refuses, method="PATCH", path="tags", times=99))

    assert cloud("hold", "add", point, "--policy", path).status == 1


def test_a_hold_that_cannot_be_ended_everywhere_stands(cloud, emulator, a_point):
    point, path = a_point
    cloud("hold", "add", point, "--policy", path)
    refuses = Fails(status=409, code="SnapshotImmutable", message="immutable")
    emulator.strike(Fault(effect=refuses, method="PATCH", path="/rg-wus/.*tags", times=99))

    told = cloud("hold", "remove", point, "--policy", path)

    assert told.status == 3
    assert "is held" in told.out
    assert cloud("hold", "remove", point, "--policy", path).status == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("add",),
        ("list", "x"),
        ("remove", "x", "--reason", "y"),
        ("add", "x", "--reason", "z" * 300),
    ],
)
def test_a_hold_badly_asked_for_is_refused(cloud, a_point, arguments):
    point, path = a_point
    said = [point if each == "x" else each for each in arguments]

    assert cloud("hold", *said, "--policy", path).status == 2


def test_a_point_that_does_not_exist_cannot_be_held(cloud, a_point):
    _, path = a_point

    assert cloud("hold", "add", "db77-000000-20261122T120000Z", "--policy", path).status == 5
