"""`diskguard status` against the emulated Azure: ages, --check, --region-lost."""

import json

import pytest
from tests.cli.conftest import WITH_VMS, Emulator, an_estate

from diskguard_emulator.faults import Fails, Fault

NO_SUCH = "33333333-3333-4333-8333-333333333333"
PROMISES = """
objectives: {rpo: {primary: 2h, dr: 6h}}
"""
COMPUTE = f"/subscriptions/{WITH_VMS}/providers/Microsoft.Compute"


@pytest.fixture
def policy(write_policy):
    """A policy with an RPO for each location."""
    path = write_policy()
    path.write_text(path.read_text() + PROMISES)
    return path


@pytest.fixture
def backed_up(cloud, policy):
    """Both databases have a point, in both regions."""
    assert cloud("backup", policy).status == 0
    return policy


def states(told):
    return {
        (item["source"]["name"], item["location"]): item["state"]
        for item in json.loads(told.out)["items"]
    }


def test_what_was_never_backed_up_is_late_and_ends_in_9(cloud, policy):
    told = cloud("status", policy, "-o", "json")

    assert told.status == 9
    assert json.loads(told.out)["schema"] == "diskguard/status/1"
    assert states(told) == {
        (vm, location): "never" for vm in ("db01", "db02") for location in ("primary", "dr")
    }


def test_after_a_backup_all_is_well_and_the_document_says_how_well(cloud, backed_up):
    told = cloud("status", backed_up, "-o", "json")

    document = json.loads(told.out)
    assert told.status == 0
    assert set(states(told).values()) == {"ok"}
    assert {item["region"] for item in document["items"]} == {"eastus", "westus"}
    assert all(item["consistency"]["achieved"] == "crash" for item in document["items"])
    assert document["points"]["dr"]["complete"] == 2
    assert document["last_run"]["points"] == 2
    assert {disk["snapshots"] for disk in document["disks"]} == {1}


def test_a_person_sees_a_table_and_what_lies_below_it(cloud, backed_up):
    told = cloud("status", backed_up)

    assert told.out.splitlines()[0].split() == [
        *("SOURCE", "RULE", "LOCATION", "NEWEST", "POINT", "AGE", "RPO", "CONSISTENCY", "STATE")
    ]
    assert "db01-data0 has 1 of 500" in told.out
    assert "estimate" in told.out


def test_it_asks_for_lists_only(cloud, emulator, backed_up):
    before = len(emulator.requests())

    cloud("status", backed_up)

    asked = set(emulator.requests()[before:])
    groups = (f"/subscriptions/{WITH_VMS}/resourceGroups/{name}" for name in ("rg-eus", "rg-wus"))
    assert asked == {
        f"GET {COMPUTE}/virtualMachines",
        f"GET {COMPUTE}/virtualMachineScaleSets",
        f"GET {COMPUTE}/disks",
        *(f"GET {group}/providers/Microsoft.Compute/snapshots" for group in groups),
    }


@pytest.mark.timeout(300)
@pytest.mark.parametrize("vms", [1000, pytest.param(10_000, marks=pytest.mark.long)])
def test_thousands_of_vms_are_seen_by_lists_only(cli, write_policy, tmp_path, monkeypatch, vms):
    machines = [{"name": f"db{number:05}", "power": "deallocated"} for number in range(vms)]
    home = {"id": WITH_VMS, "groups": {"rg-eus": "eastus", "rg-wus": "westus"}, "vms": machines}
    emulator = Emulator(an_estate(subscriptions=[home], page_size=vms // 10), tmp_path / "many")
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)

    try:
        told = cli("status", write_policy(), "-o", "tsv", environment=emulator.environment)
        requests = emulator.requests()
    finally:
        emulator.close()

    assert told.status == 9
    assert len(told.out.splitlines()) == 2 * vms
    assert {line.rsplit("/", 1)[-1] for line in requests if "token" not in line} <= {
        *("virtualMachines", "virtualMachineScaleSets", "disks", "snapshots", "endpoints")
    }
    assert len(requests) < 60


def test_a_rule_that_takes_too_little_ends_in_5_with_what_came_near(cloud, write_policy):
    told = cloud("status", write_policy(names='["db01x"]'))

    assert told.status == 5
    assert "rule all selects 0, and expects at least 1" in told.err
    assert "Nothing is protected." in told.out


def test_a_subscription_that_cannot_be_read_ends_in_3(cloud, backed_up):
    text = backed_up.read_text().replace(f'["{WITH_VMS}"]', f'["{WITH_VMS}", "{NO_SUCH}"]')
    backed_up.write_text(text)

    told = cloud("status", backed_up, "-o", "json")

    assert told.status == 3
    assert NO_SUCH in told.err
    assert set(states(told).values()) == {"ok"}


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["--warn-at", "50"], "--warn-at needs --check"),
        (["--check", "--region-lost", "eastus"], "exclude each other"),
    ],
)
def test_options_that_contradict_are_a_usage_error(cloud, emulator, policy, arguments, wrong):
    told = cloud("status", policy, *arguments)

    assert (told.status, emulator.requests()) == (2, [])
    assert wrong in told.err


# -- --check --------------------------------------------------------------------------------------


def one_line(told):
    (line,) = told.out.splitlines()
    return line


def test_check_is_one_line_with_performance_data(cloud, backed_up):
    told = cloud("status", backed_up, "--check")

    text, _, measures = one_line(told).partition(" | ")
    assert told.status == 0
    assert text == "DISKGUARD OK - erp: 2 sources within what was promised"
    assert "'late'=0;;0;0;4" in measures
    assert told.err == ""


def test_check_is_critical_for_a_broken_rpo(cloud, policy):
    told = cloud("status", policy, "--check")

    assert told.status == 2
    assert one_line(told).startswith("DISKGUARD CRITICAL - erp: db01 in primary has no restorable")


def test_check_is_critical_where_a_rule_takes_too_little(cloud, write_policy):
    told = cloud("status", write_policy(names='["db01x"]'), "--check")

    assert told.status == 2
    assert "rule all takes 0, and expects 1" in one_line(told)


def test_check_warns_from_a_share_of_the_rpo_on(cloud, backed_up):
    text = backed_up.read_text().replace("primary: 2h", "primary: 1h")
    backed_up.write_text(text)

    told = cloud("status", backed_up, "--check", "--warn-at", "1")

    assert told.status in (0, 1)  # a minute of 100 may have passed on a slow machine
    assert "'all primary age'=" in one_line(told)
    assert ";36;3600;0;" in one_line(told)


@pytest.mark.parametrize("output", ["json", "jsonl", "tsv"])
def test_check_writes_its_line_whatever_o_says(cloud, backed_up, output):
    assert one_line(cloud("status", backed_up, "--check", "-o", output)).startswith("DISKGUARD OK")


def test_check_is_unknown_where_azure_cannot_be_read(cloud, emulator, backed_up):
    emulator.strike(
        Fault(
            effect=Fails(status=403, code="AuthorizationFailed"),
            method="GET",
            path="/virtualMachines$",
            times=99,
        )
    )

    told = cloud("status", backed_up, "--check")

    assert told.status == 3
    assert one_line(told).startswith("DISKGUARD UNKNOWN - access-denied: ")


def test_check_is_unknown_where_part_of_it_cannot_be_read_and_the_rest_is_well(cloud, backed_up):
    text = backed_up.read_text().replace(f'["{WITH_VMS}"]', f'["{WITH_VMS}", "{NO_SUCH}"]')
    backed_up.write_text(text)

    told = cloud("status", backed_up, "--check")

    assert told.status == 3
    assert f"subscription {NO_SUCH} could not be read" in one_line(told)


def test_check_is_unknown_for_a_broken_policy_and_for_none(cloud, policy, tmp_path):
    policy.write_text("version: 1\nname: [x\n")

    broken = cloud("status", policy, "--check")
    missing = cloud("status", tmp_path / "nowhere.yaml", "--check")

    assert (broken.status, missing.status) == (3, 3)
    assert one_line(broken).startswith("DISKGUARD UNKNOWN - policy-invalid: ")
    assert one_line(missing).startswith("DISKGUARD UNKNOWN - usage-invalid: there is no policy")


def test_check_never_takes_a_bug_for_a_verdict(cloud, policy):
    def explode(cloud, observer):
        raise RuntimeError("sig=verysecret")

    told = cloud("status", policy, "--check", open_ports=explode)

    assert told.status == 3
    assert one_line(told) == "DISKGUARD UNKNOWN - a bug in diskguard, see stderr"
    assert "Traceback" in told.err
    assert "verysecret" not in told.err


# -- --region-lost --------------------------------------------------------------------------------


def test_a_lost_region_leaves_what_was_copied(cloud, backed_up):
    told = cloud("status", backed_up, "--region-lost", "East US", "-o", "json")

    document = json.loads(told.out)
    assert told.status == 0
    assert (document["schema"], document["region"]) == ("diskguard/lost-region/1", "eastus")
    assert {
        item["source"]["name"]: (item["state"], item["region"]) for item in document["items"]
    } == {
        "db01": ("restorable", "westus"),
        "db02": ("restorable", "westus"),
    }


def test_what_has_no_copy_would_be_lost(cloud, policy):
    assert cloud("backup", policy, "--no-copy", "--vm", "db01").status == 0

    told = cloud("status", policy, "--region-lost", "eastus")

    assert told.status == 9
    assert "0 of 2 of its VMs and disks could be restored" in told.out
    assert told.out.count("lost") == 2


def test_it_needs_only_what_lives_outside(cloud, emulator, backed_up):
    for path in ("/virtualMachines$", "/rg-eus/.*"):
        emulator.strike(
            Fault(
                effect=Fails(status=403, code="AuthorizationFailed"),
                method="GET",
                path=path,
                times=99,
            )
        )

    told = cloud("status", backed_up, "--region-lost", "eastus")

    assert told.status == 0
    assert "2 of 2 of its VMs and disks could be restored" in told.out
    assert "VMs could not be listed" in told.out


def test_losing_the_other_region_loses_copies_and_no_vm(cloud, backed_up):
    told = cloud("status", backed_up, "--region-lost", "westus")

    assert told.status == 0
    assert told.out.splitlines()[0] == "Nothing that the policy protects lies in westus."
    assert "2 points of other regions would lose the copy that lies in westus" in told.out


def test_a_region_nobody_is_in_is_5_with_those_there_are(cloud, backed_up):
    told = cloud("status", backed_up, "--region-lost", "esatus")

    assert told.status == 5
    assert "hint: What it protects lies in eastus." in told.err


def test_copies_that_cannot_be_read_are_said_and_end_in_3(cloud, backed_up):
    text = backed_up.read_text().replace(f'["{WITH_VMS}"]', f'["{WITH_VMS}", "{NO_SUCH}"]')
    backed_up.write_text(text)

    told = cloud("status", backed_up, "--region-lost", "eastus")

    assert told.status == 3
    assert NO_SUCH in told.err


def test_without_another_region_all_is_lost(cloud, write_policy):
    path = write_policy()
    text = path.read_text().replace("  dr: {resource_group: rg-wus}\n", "")
    path.write_text(text)

    told = cloud("status", path, "--region-lost", "eastus")

    assert told.status == 9
    assert "0 of 2" in told.out
