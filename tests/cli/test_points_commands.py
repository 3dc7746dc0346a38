"""`diskguard list`, `show` and `thaw` against the emulated Azure."""

import json

import pytest
from tests.cli.conftest import WITH_VMS

from diskguard_emulator.faults import Fault, OperationFails

NO_SUCH = "33333333-3333-4333-8333-333333333333"


def ids(told):
    """The points that a command printed as TSV."""
    return [line.split("\t")[0] for line in told.out.splitlines()]


@pytest.fixture
def backed_up(cloud, write_policy):
    """One point of each database; give the ids by VM."""
    told = cloud("backup", write_policy(), "--no-copy", "-o", "json")
    return {item["source"]: item["point"] for item in json.loads(told.out)["items"]}


def test_the_list_has_every_point(cloud, write_policy, backed_up):
    told = cloud("list", write_policy(), "-o", "tsv")

    assert told.status == 0
    assert sorted(ids(told)) == sorted(backed_up.values())


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--vm", "DB01"], ["db01"]),
        (["--vm", "db01", "--vm", "db02"], ["db01", "db02"]),
        (["--vm", "db77"], []),
        (["--state", "complete"], ["db01", "db02"]),
        (["--state", "pending", "--state", "incomplete"], []),
        (["--location", "primary"], ["db01", "db02"]),
        (["--location", "dr"], []),
        (["--location", "dr", "--state", "missing"], ["db01", "db02"]),
        (["--since", "1h"], ["db01", "db02"]),
        (["--until", "1h"], []),
        (["--since", "2001-01-01", "--until", "2002-01-01T00:00Z"], []),
    ],
    ids=" ".join,
)
def test_filters_choose(cloud, write_policy, backed_up, filters, expected):
    told = cloud("list", write_policy(), "-o", "tsv", *filters)

    assert sorted(ids(told)) == sorted(backed_up[name] for name in expected)


def test_a_vm_can_be_named_by_its_id(cloud, write_policy, backed_up):
    vm = json.loads(cloud("list", write_policy(), "-o", "json").out)["items"][0]["vm"]

    told = cloud("list", write_policy(), "-o", "tsv", "--vm", vm["id"].upper())

    assert ids(told) == [backed_up[vm["name"]]]


@pytest.mark.parametrize("time", ["yesterday", "7", "2026-13-01", ""])
def test_a_time_nobody_understands_is_a_usage_error(cloud, emulator, write_policy, time):
    told = cloud("list", write_policy(), "--since", time)

    assert told.status == 2
    assert "error[usage-invalid]: not a time" in told.err
    assert emulator.requests() == []


def test_points_are_found_without_a_policy(cloud, backed_up):
    whole = cloud("list", "--subscription", WITH_VMS, "-o", "tsv")
    group = cloud("list", "--subscription", WITH_VMS, "--resource-group", "rg-wus", "-o", "tsv")

    assert sorted(ids(whole)) == sorted(backed_up.values())
    assert ids(group) == []


def test_what_lies_in_a_group_nobody_looked_at_is_not_said_to_be_lost(cloud, backed_up):
    group = ["--subscription", WITH_VMS, "--resource-group", "rg-eus"]

    listed = cloud("list", *group)
    shown = cloud("show", backed_up["db01"], *group)
    everywhere = cloud("list", "--subscription", WITH_VMS)

    remark = "looked only in rg-eus: missing is what does not lie there"
    assert listed.out.splitlines()[-1] == remark
    assert shown.out.splitlines()[-1] == remark
    assert remark not in everywhere.out


def test_another_policys_points_are_not_listed(cloud, write_policy, backed_up):
    assert ids(cloud("list", write_policy(name="crm"), "-o", "tsv")) == []


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["--resource-group", "rg-eus"], "--resource-group needs --subscription"),
        (["--subscription", WITH_VMS, "--policy", "x.yaml"], "exclude each other"),
    ],
)
def test_places_that_contradict_are_a_usage_error(cloud, arguments, wrong):
    told = cloud("list", *arguments)

    assert told.status == 2
    assert wrong in told.err


def test_a_subscription_that_cannot_be_read_is_an_error_beside_the_list(
    cloud, write_policy, backed_up
):
    told = cloud("list", "--subscription", WITH_VMS, "--subscription", NO_SUCH, "-o", "tsv")

    assert told.status == 3
    assert sorted(ids(told)) == sorted(backed_up.values())
    assert NO_SUCH in told.err


def test_show_reads_like_a_report(cloud, write_policy, backed_up):
    told = cloud("show", backed_up["db01"].upper(), "--policy", write_policy())

    assert told.status == 0
    assert told.out.startswith(f"Restore point {backed_up['db01']}\n  state    complete")
    assert "reached  crash: as after a power cut" in told.out
    assert "db01-os" in told.out


def test_show_as_json_is_one_point(cloud, backed_up):
    told = cloud("show", backed_up["db01"], "--subscription", WITH_VMS, "-o", "json")

    document = json.loads(told.out)
    assert document["schema"] == "diskguard/restore-points/1"
    assert [item["id"] for item in document["items"]] == [backed_up["db01"]]


def test_a_point_that_is_not_there_is_5_with_what_is_near(cloud, write_policy, backed_up):
    point = backed_up["db01"]
    other = "8" if point[-2] == "9" else "9"
    near = cloud("show", f"{point[:-2]}{other}Z", "--policy", write_policy())
    far = cloud("show", "nothing-like-it", "--policy", write_policy())

    document = json.loads(cloud("show", "x", "--policy", write_policy(), "-o", "json").out)
    assert (near.status, far.status) == (5, 5)
    assert document["schema"] == "diskguard/restore-points/1"
    assert f"hint: Is it {backed_up['db01']}?" in near.err
    assert "hint: `diskguard list` shows" in far.err


def test_a_point_that_may_lie_where_nobody_could_look_is_not_said_to_be_missing(cloud):
    told = cloud("show", "db01-x", "--subscription", WITH_VMS, "--subscription", NO_SUCH)

    assert told.status != 5
    assert "error[point-not-found]" not in told.err


# -- thaw -----------------------------------------------------------------------------------------


def test_a_guest_that_does_not_answer_leaves_the_last_resort(cloud, emulator, write_policy):
    emulator.strike(Fault(effect=OperationFails(), method="POST", path="/runCommand$", times=9))

    told = cloud("thaw", "DB01", "--policy", write_policy())

    assert told.status in (1, 8)
    assert "az vm stop --skip-shutdown --ids /subscriptions/" in told.err


def test_a_vm_of_no_name_is_5_and_a_wrong_id_2(cloud, write_policy):
    assert cloud("thaw", "db77", "--policy", write_policy()).status == 5
    assert cloud("thaw", "/subscriptions/x/nonsense", "--policy", write_policy()).status == 2


def test_a_vm_in_another_group_is_not_thawed(cloud):
    told = cloud("thaw", "db01", "--subscription", WITH_VMS, "--resource-group", "rg-eus")

    assert told.status == 5


def test_an_id_needs_no_policy_and_no_looking_for(cloud, emulator):
    vm = f"/subscriptions/{WITH_VMS}/resourceGroups/app/providers/Microsoft.Compute/virtualMachines/db01"
    emulator.strike(Fault(effect=OperationFails(), method="POST", path="/runCommand$", times=9))

    told = cloud("thaw", vm, "--cloud", emulator.environment["DISKGUARD_CLOUD"])

    assert "az vm stop --skip-shutdown" in told.err
    assert [line for line in emulator.requests() if line.endswith("/virtualMachines")] == []
