"""`diskguard plan` and `backup --dry-run` against the emulated Azure: only reads."""

import json

import pytest
from tests.cli.conftest import WITH_VMS

from diskguard.cli.steps.saved import LARGEST_PLAN, read_saved
from diskguard.errors import UsageInvalid
from diskguard.plan.saved import load_plan
from diskguard_emulator.faults import Fails, Fault

WRITES = ("PUT ", "POST ", "PATCH ", "DELETE ")
NO_SUCH = "33333333-3333-4333-8333-333333333333"


def test_the_plan_says_what_and_why(cloud, write_policy):
    told = cloud("plan", write_policy(names='["db*", "off*"]'))

    rows = [line.split() for line in told.out.splitlines()]
    assert told.status == 0
    assert [row[:4] for row in rows] == [
        ["VM", "RULE", "MODE", "REQUESTED"],
        ["db01", "all", "crash", "crash"],
        ["db02", "all", "crash", "crash"],
        ["off01", "all", "offline-as-is", "crash"],
    ]
    assert "the policy asks for no freeze" in told.out


def test_the_plan_is_a_document(cloud, write_policy):
    told = cloud("plan", write_policy(), "-o", "json")

    document = json.loads(told.out)
    db01, db02 = document["items"]
    assert document["schema"] == "diskguard/backup-plan/1"
    assert (document["result"], document["policy"]) == ("done", "erp")
    assert [disk["role"] for disk in db01["disks"]] == ["os", "data"]
    assert db01["disks"][1]["snapshot"].endswith(f"/{db01['point']}-lun00")
    assert db02["disks"][0]["copy"] == {
        "region": "westus",
        "resource_group": "rg-wus",
        "sku": None,
        "encryption_set": None,
        "enhanced_speed": False,
    }
    assert db01["disks"][1]["tags"]["diskguard-point"] == db01["point"]
    assert db01["disks"][1]["tags"]["diskguard-member"] == "2/2"
    assert (db01["disks"][0]["network_access"], db01["fallback"]) == ("deny", "crash")
    assert [each["reason"] for each in document["skipped"]] == ["no rule selects it"]


@pytest.mark.parametrize(
    "arguments", [["plan"], ["plan", "-o", "tsv"], ["backup", "--dry-run"]], ids=" ".join
)
def test_planning_only_reads(cloud, emulator, write_policy, arguments):
    told = cloud(*arguments, write_policy())

    assert told.status == 0
    assert [line for line in emulator.requests() if line.startswith(WRITES)] == []


def test_a_dry_run_needs_no_lock_and_shows_the_narrowed_plan(cloud, write_policy, tmp_path):
    told = cloud("backup", write_policy(), "--dry-run", "--vm", "DB01", "-o", "tsv")

    assert [line.split("\t")[0] for line in told.out.splitlines()] == ["db01"]
    assert [*(tmp_path / "locks").iterdir()] == []


@pytest.mark.parametrize(("names", "status"), [('["db*"]', 10), ('["nothing-*"]', 5)])
def test_detailed_exit_codes_tell_changes_from_trouble(cloud, write_policy, names, status):
    assert cloud("plan", write_policy(names=names), "--detailed-exitcode").status == status


def test_a_name_the_policy_does_not_protect_is_said_with_its_reason(cloud, write_policy):
    unknown = cloud("backup", write_policy(), "--dry-run", "--vm", "db77")
    skipped = cloud("backup", write_policy(), "--dry-run", "--vm", "off01")

    assert (unknown.status, skipped.status) == (5, 5)
    assert "the policy protects no VM db77" in unknown.err
    assert "off01 is skipped: no rule selects it" in skipped.err


def test_more_vms_than_allowed_are_refused(cloud, emulator, write_policy):
    told = cloud("backup", write_policy(), "--max-vms", "1")

    assert told.status == 1
    assert "error[too-many-vms]: the plan takes 2 VMs and disks, 1 are allowed" in told.err
    assert [line for line in emulator.requests() if line.startswith(WRITES)] == []


def test_who_has_no_rights_is_told_so(cloud, write_policy, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_ID", "nobody")

    told = cloud("plan", write_policy())

    assert (told.status, told.out) == (7, "")
    assert "diskguard: error[access-denied]: " in told.err
    assert "correlation id: " in told.err


def test_a_subscription_that_cannot_be_seen_is_an_error_and_the_others_are_planned(
    cloud, write_policy
):
    both = f'{WITH_VMS}", "{NO_SUCH}'

    told = cloud("plan", write_policy(subscription=both), "-o", "json")

    document = json.loads(told.out)
    assert (told.status, document["result"]) == (3, "partial")
    assert [item["name"] for item in document["items"]] == ["db01", "db02"]
    assert NO_SUCH in document["failures"][0]["message"]
    assert "diskguard: error[" in told.err


def test_a_list_that_fails_is_an_error_and_not_an_empty_list(cloud, emulator, write_policy):
    emulator.strike(
        Fault(effect=Fails(status=400, code="BadRequest", message="no"), path="/disks$", times=99)
    )

    told = cloud("plan", write_policy())

    assert (told.status, told.out) == (1, "")
    assert "error[cloud-refused]" in told.err


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "ftp://x", "nowhere"])
def test_a_cloud_that_must_not_get_a_token_is_refused(cloud, write_policy, endpoint):
    told = cloud("plan", write_policy(), "--cloud", endpoint)

    assert told.status == 1
    assert told.err.startswith("diskguard: error[endpoint-refused]: ")


# -- saved plans ----------------------------------------------------------------------------------


def test_a_saved_plan_is_executed_as_it_is_and_only_once(cloud, write_policy, tmp_path):
    policy, saved = write_policy(), tmp_path / "monday.plan"
    planned = json.loads(cloud("plan", policy, "--out", saved, "-o", "json").out)

    first = cloud("backup", policy, "--plan", saved, "--no-copy", "-o", "json")
    again = cloud("backup", policy, "--plan", saved, "--no-copy")

    made = [item["point"] for item in json.loads(first.out)["items"]]
    assert (first.status, again.status) == (0, 12)
    assert made == [item["point"] for item in planned["items"]]
    assert "error[plan-drifted]" in again.err


def test_a_saved_plan_of_another_policy_is_refused(cloud, write_policy, tmp_path):
    saved = tmp_path / "monday.plan"
    cloud("plan", write_policy(), "--out", saved)

    told = cloud("backup", write_policy(name="crm"), "--plan", saved, "--dry-run")

    assert told.status == 12
    assert "the plan is of policy erp, not crm" in told.err
    assert "hint: Make a new plan" in told.err


@pytest.mark.parametrize("text", ["", "{}", "[1", '{"schema": "diskguard/saved-plan/1"}', "\xff"])
def test_what_is_not_a_saved_plan_is_a_usage_error(cloud, write_policy, tmp_path, text):
    saved = tmp_path / "wrong.plan"
    saved.write_bytes(text.encode("latin-1"))

    told = cloud("backup", write_policy(), "--plan", saved, "--dry-run")

    assert told.status == 2
    assert "not a saved plan" in told.err


def test_a_saved_plan_is_not_narrowed(cloud, write_policy, tmp_path):
    saved = tmp_path / "monday.plan"
    cloud("plan", write_policy(), "--out", saved)

    told = cloud("backup", write_policy(), "--plan", saved, "--vm", "db01")

    assert told.status == 2
    assert "a saved plan is executed whole" in told.err


def test_a_plan_that_cannot_be_saved_is_a_lost_output(cloud, write_policy, tmp_path):
    told = cloud("plan", write_policy(), "--out", tmp_path / "no" / "where.plan")

    assert told.status == 1
    assert "cannot write" in told.err


def test_a_saved_plan_that_cannot_be_read_or_is_huge_is_a_usage_error(tmp_path):
    huge = tmp_path / "huge.plan"
    with huge.open("wb") as stream:
        stream.truncate(LARGEST_PLAN + 1)

    with pytest.raises(UsageInvalid, match="too large"):
        read_saved(huge, load_plan)
    with pytest.raises(UsageInvalid, match="cannot read the plan"):
        read_saved(tmp_path, load_plan)


@pytest.mark.parametrize("arguments", [["plan"], ["backup", "--dry-run"]], ids=" ".join)
def test_copies_that_can_go_nowhere_are_an_error_of_the_plan_with_the_way_out(
    cloud, write_policy, arguments
):
    told = cloud(*arguments, write_policy(dr="rg-nowhere"))

    assert told.status == 3
    assert "diskguard: error[group-missing]: there is no resource group rg-nowhere" in told.err
    assert "hint: Create it: `az group create --subscription" in told.err
