"""`backup --due-only`, as cron calls it; `plan --due-only`; `--jitter`."""

import json
from datetime import timedelta

import pytest
from tests.cli.conftest import HurriedClock

from diskguard.cli.lock import run_lock
from diskguard.cli.steps.backup import parse_jitter
from diskguard.errors import UsageInvalid

NIGHTLY = 'schedules: [{name: nightly, every: 24h, at: "00:00"}]\n'


@pytest.fixture
def scheduled(write_policy):
    """A policy whose slot of today is due at any time."""
    path = write_policy()
    path.write_text(path.read_text() + NIGHTLY)
    return path


class PatientClock(HurriedClock):
    """A clock that notes for how long somebody wanted to sleep."""

    def __init__(self):
        self.slept = []

    async def sleep_until(self, when):
        self.slept.append(when - self.now())


def test_what_is_due_is_made_under_the_slots_name_and_then_nothing_is_due(cloud, scheduled):
    first = cloud("backup", scheduled, "--due-only", "--no-copy", "-o", "json")
    again = cloud("backup", scheduled, "--due-only", "--no-copy", "-o", "json")

    points = [item["point"] for item in json.loads(first.out)["items"]]
    assert (first.status, again.status) == (0, 0)
    assert len(points) == 2
    assert all(point.endswith("T000000Z") for point in points)
    assert json.loads(again.out)["items"] == []


def test_nothing_due_is_silent_with_q_and_writes_nothing(cloud, emulator, scheduled):
    cloud("backup", scheduled, "--due-only", "--no-copy")
    before = len(emulator.requests())

    told = cloud("backup", scheduled, "--due-only", "-q")

    asked = {request.split()[0] for request in emulator.requests()[before:]}
    assert (told.status, told.out, told.err) == (0, "", "")
    assert asked == {"GET"}


def test_nothing_due_waits_for_no_other_run(cloud, emulator, scheduled, tmp_path):
    with run_lock([tmp_path / "locks"], "erp", run_id="first", since=cloud.around.clock.now()):
        due = cloud("backup", scheduled, "--due-only", "-q")

    cloud("backup", scheduled, "--due-only", "--no-copy")
    with run_lock([tmp_path / "locks"], "erp", run_id="first", since=cloud.around.clock.now()):
        idle = cloud("backup", scheduled, "--due-only", "-q")

    assert due.status == 6
    assert "another run of erp is under way" in due.err
    assert (idle.status, idle.out, idle.err) == (0, "", "")


def test_a_policy_without_schedules_is_never_due_and_that_is_an_error(cloud, write_policy):
    path = write_policy()

    told = [cloud(*words, path, "--due-only") for words in (["backup"], ["plan"])]
    told.append(cloud("backup", path, "--due-only", "--dry-run"))

    assert [each.status for each in told] == [2, 2, 2]
    assert all("the policy has no `schedules`" in each.err for each in told)


def test_a_plan_of_what_is_due_says_what_waits(cloud, scheduled):
    before = cloud("plan", scheduled, "--due-only", "--detailed-exitcode")
    cloud("backup", scheduled, "--due-only", "--no-copy", "--vm", "db01")
    after = cloud("plan", scheduled, "--due-only", "-o", "json")

    document = json.loads(after.out)
    assert before.status == 10
    assert "db01: its first point, for nightly" in before.out
    assert [item["name"] for item in document["items"]] == ["db02"]
    assert [each["reason"][:7] for each in document["skipped"] if "db01" in each["source"]] == [
        "not due"
    ]


def test_with_nothing_due_nothing_is_pending_not_even_copies(cloud, scheduled):
    cloud("backup", scheduled, "--due-only", "--no-copy")

    told = cloud("plan", scheduled, "--due-only", "--detailed-exitcode")

    assert told.status == 0
    assert "Outstanding copies" not in told.out


def test_a_saved_plan_is_not_due_only(cloud, scheduled, tmp_path):
    saved = tmp_path / "saved.plan"
    cloud("plan", scheduled, "--due-only", "--out", saved)

    wrong = cloud("backup", scheduled, "--plan", saved, "--due-only")
    right = cloud("backup", scheduled, "--plan", saved, "--no-copy")

    assert (wrong.status, right.status) == (2, 0)
    assert "not with --vm, --max-vms or --due-only" in wrong.err


def test_jitter_waits_for_a_part_of_what_is_allowed(cloud, scheduled):
    clock = PatientClock()

    told = cloud(
        "backup", scheduled, "--jitter", "2m", "--max-vms", "1", clock=clock, nonce=lambda: "40" * 8
    )

    [slept] = clock.slept
    assert timedelta(seconds=29) < slept < timedelta(seconds=31)
    assert "beginning in 30 s (--jitter)" in told.err


def test_jitter_is_a_duration(cloud, scheduled):
    told = cloud("backup", scheduled, "--jitter", "soon")

    assert told.status == 2
    assert "--jitter soon" in told.err
    assert parse_jitter("90s") == timedelta(seconds=90)
    with pytest.raises(UsageInvalid):
        parse_jitter("90")
