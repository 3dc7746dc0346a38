"""`diskguard prune` at the command line, against the emulated Azure."""

import json

import pytest
from filelock import FileLock

from diskguard.cli.steps.prune import Choices
from diskguard.errors import UsageInvalid

RETENTION = "copy: {to: []}\nretention: {primary: {keep_last: 1}}\n"


@pytest.fixture
def two_points(cloud, write_policy):
    """Two points of db01 and two of db02; the policy keeps one of each."""
    path = write_policy()
    path.write_text(path.read_text() + RETENTION)
    while points_of(cloud, path) < 4:  # a point is named by the second its run began
        assert cloud("backup", path).status in (0, 1)
    return path


def points_of(cloud, path):
    return len(json.loads(cloud("list", path, "-o", "json").out)["items"])


def test_prune_shows_verdicts_and_deletes_nothing(cloud, emulator, two_points):
    asked = len(emulator.requests())

    told = cloud("prune", two_points, "--max-delete", "99")

    assert told.status == 0
    assert "keep_last: 1 newer" in told.out
    assert "4 judged, each location by itself: 2 kept, 2 to delete." in told.out
    assert all(line.startswith("GET ") for line in emulator.requests()[asked:])


def test_yes_deletes_and_says_what_came_of_it(cloud, two_points):
    told = cloud("prune", two_points, "--yes", "--max-delete", "99", "-o", "json")

    document = json.loads(told.out)
    assert (told.status, document["schema"]) == (0, "diskguard/prune/1")
    results = [item["result"] for item in document["items"]]
    assert (results.count("done"), results.count(None)) == (2, 2)
    assert document["totals"]["delete"] == 2
    listed = json.loads(cloud("list", two_points, "-o", "json").out)
    assert len(listed["items"]) == 2


def test_a_saved_plan_deletes_what_it_says(cloud, two_points, tmp_path):
    plan = tmp_path / "monday.prune"
    assert cloud("prune", two_points, "--max-delete", "1", "--out", plan).status == 0

    told = cloud("prune", two_points, "--plan", plan, "-o", "json")

    document = json.loads(told.out)
    assert told.status == 0
    assert [item["result"] for item in document["items"]].count("done") == 1


def test_a_saved_plan_may_be_executed_again(cloud, two_points, tmp_path):
    plan = tmp_path / "monday.prune"
    cloud("prune", two_points, "--max-delete", "1", "--out", plan)
    cloud("prune", two_points, "--plan", plan)

    told = cloud("prune", two_points, "--plan", plan)

    assert told.status == 0
    assert "0 deleted (0 snapshots)." in told.out


def test_a_saved_plan_that_would_delete_what_must_stay_is_refused(cloud, two_points, tmp_path):
    plan = tmp_path / "monday.prune"
    cloud("prune", two_points, "--max-delete", "99", "--out", plan)
    two_points.write_text(two_points.read_text().replace("keep_last: 1", "keep_last: 2"))

    told = cloud("prune", two_points, "--plan", plan)

    assert told.status == 12
    assert "error[plan-drifted]" in told.err
    assert len(json.loads(cloud("list", two_points, "-o", "json").out)["items"]) == 4


def test_a_plan_of_something_else_is_refused(cloud, two_points, tmp_path):
    other = tmp_path / "other.plan"
    other.write_text("{}")

    assert cloud("prune", two_points, "--plan", other).status == 2
    other.write_text("no json")
    assert cloud("prune", two_points, "--plan", other).status == 2


def test_a_policy_without_points_has_nothing_to_prune(cloud, write_policy):
    told = cloud("prune", write_policy())

    assert (told.status, told.out) == (0, "No restore points.\n")


@pytest.mark.parametrize(
    "choices",
    [
        {"saved": "x", "yes": True},
        {"saved": "x", "max_delete": 1},
        {"out": "x", "yes": True},
        {"out": "x", "saved": "x"},
    ],
)
def test_choices_that_exclude_each_other_are_refused(choices):
    with pytest.raises(UsageInvalid):
        Choices(**choices).checked()


def test_prune_takes_the_lock(cloud, two_points, tmp_path):
    with FileLock(tmp_path / "locks" / "diskguard-erp.lock"):
        assert cloud("prune", two_points, "--yes").status == 6
        assert cloud("prune", two_points).status == 0


def test_q_is_silent_on_success(cloud, two_points):
    told = cloud("prune", two_points, "--yes", "-q")

    assert (told.status, told.out, told.err) == (0, "", "")


def test_a_reader_may_look_and_not_delete(cloud, two_points, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_ID", "reader")

    assert cloud("prune", two_points).status == 0
    told = cloud("prune", two_points, "--yes")
    assert told.status == 7
    assert "error[access-denied]" in told.err
