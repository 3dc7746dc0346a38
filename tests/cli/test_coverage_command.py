"""`diskguard coverage` against the emulated Azure: several policies, and Azure Backup beside them."""

import json
from dataclasses import replace

import pytest
from tests.cli.conftest import WITH_VMS, Emulator, an_estate

from diskguard_emulator.faults import Fails, Fault

NO_SUCH = "33333333-3333-4333-8333-333333333333"
WRITES = ("PUT ", "POST ", "PATCH ", "DELETE ")
BOTH = ["Microsoft.RecoveryServices", "Microsoft.DataProtection"]


def estate_with(**facts):
    estate = an_estate()
    home = estate.subscriptions[0].model_dump()
    return an_estate(subscriptions=[{**home, **facts}])


@pytest.fixture
def emulate(cli, tmp_path, monkeypatch):
    """The command line with an emulated Azure of this estate around it."""
    started = []

    def start(**facts):
        emulator = Emulator(estate_with(**facts), tmp_path / "emulator")
        started.append(emulator)
        for name, value in emulator.environment.items():
            monkeypatch.setenv(name, value)
        cli.around = replace(cli.around, environment=emulator.environment)
        return cli, emulator

    yield start
    for emulator in started:
        emulator.close()


def covers(told):
    return {item["name"]: item["cover"] for item in json.loads(told.out)["items"]}


def states(told):
    return {each["service"]: each["state"] for each in json.loads(told.out)["azure_backup"]}


def test_what_no_policy_protects_is_shown_and_only_reads_are_sent(cloud, emulator, write_policy):
    told = cloud("coverage", write_policy())

    lines = told.out.splitlines()
    assert told.status == 0
    assert lines[0].split() == [
        *["NAME", "KIND", "GROUP", "REGION", "COVER", "POLICY", "AZURE", "BACKUP", "WHY"]
    ]
    assert lines[1].split()[:5] == ["off01", "vm", "app", "eastus", "uncovered"]
    assert lines[-1] == "3 VMs and disks without a VM: 2 protected, 1 uncovered"
    assert "db01" not in told.out
    assert [line for line in emulator.requests() if line.startswith(WRITES)] == []


@pytest.mark.parametrize(("names", "status"), [('["db*"]', 9), ('["*"]', 0)])
def test_a_gap_fails_a_pipeline_that_asks_for_it(cloud, write_policy, names, status):
    told = cloud("coverage", write_policy(names=names), "--fail-uncovered")

    assert told.status == status
    assert ("error[uncovered]" in told.err) is (status == 9)


def test_the_document_has_every_vm_with_its_disks(cloud, write_policy):
    told = cloud("coverage", write_policy(), "-o", "json")

    document = json.loads(told.out)
    db01 = document["items"][0]
    assert document["schema"] == "diskguard/coverage/1"
    assert document["counts"]["protected"] == 2
    assert db01["policies"] == [{"policy": "erp", "rule": "all"}]
    assert [disk["second_copy"] for disk in db01["disks"]] == [True, True]
    assert [disk["second_copy"] for disk in document["items"][2]["disks"]] == [False]
    assert states(told) == dict.fromkeys(states(told), "read")


def test_a_vm_that_two_policies_take_names_both(cloud, write_policy):
    told = cloud("coverage", write_policy(), write_policy(name="crm", names='["db01"]'))

    heading = told.out.splitlines().index("Taken by more than one policy")
    assert told.out.splitlines()[heading + 1] == "  db01: erp (rule all), crm (rule all)"


def test_a_folder_of_policies_is_read_and_a_wrong_one_stops_it(cloud, write_policy, tmp_path):
    folder = tmp_path / "policies"
    folder.mkdir()
    for name in ("erp", "crm"):
        write_policy(name=name, names=f'["{"db*" if name == "erp" else "off*"}"]').rename(
            folder / f"{name}.yaml"
        )

    both = cloud("coverage", folder, "-o", "json")
    (folder / "bad.yaml").write_text("version: 1\nrules: []\nazure: {}\n", encoding="utf-8")
    wrong = cloud("coverage", folder)

    assert set(covers(both).values()) == {"protected"}
    assert (wrong.status, wrong.out) == (4, "")
    assert "bad.yaml:" in wrong.err


def test_policies_of_one_name_are_pointed_out(cloud, write_policy, tmp_path):
    first = write_policy()
    second = tmp_path / "second.yaml"
    second.write_text(first.read_text(encoding="utf-8"), encoding="utf-8")

    told = cloud("coverage", first, second)

    assert "2 policies are named erp" in told.out


def test_azure_backup_counts_and_what_is_paid_twice_is_named(emulate, write_policy):
    vault = {"name": "rsv", "protects": [{"name": "db01"}, {"name": "off01"}]}
    disks = {"name": "bv", "protects": [{"name": "db02-os", "state": "ProtectionStopped"}]}
    cli, _ = emulate(vaults=[vault], backup_vaults=[disks])

    told = cli("coverage", write_policy(), "--fail-uncovered")
    document = cli("coverage", write_policy(), "-o", "json")

    lines = told.out.splitlines()
    twice = lines.index("Paid twice: a policy and Azure Backup")
    assert told.status == 0
    assert lines[twice + 1] == "  db01: erp (rule all), and rsv (Protected)"
    assert lines[twice + 2] == ""
    assert covers(document) == {"db01": "protected", "db02": "protected", "off01": "azure-backup"}
    assert [each["active"] for each in json.loads(document.out)["items"][1]["azure_backup"]] == [
        False
    ]


def test_a_provider_that_is_not_registered_is_said(emulate, write_policy):
    cli, _ = emulate(unregistered=BOTH)

    told = cli("coverage", write_policy())
    document = cli("coverage", write_policy(), "-o", "json")

    assert told.status == 0
    assert told.out.count("the provider is not registered, so there are none") == 2
    assert set(states(document).values()) == {"not-registered"}
    assert "is not known" not in told.out


def test_what_may_not_be_read_is_said_and_not_taken_for_nothing(emulate, write_policy):
    cli, emulator = emulate(vaults=[{"name": "rsv", "protects": [{"name": "off01"}]}])
    refused = Fails(status=403, code="AuthorizationFailed", message="no")
    emulator.strike(Fault(effect=refused, path="/backupProtectedItems", times=9))

    told = cli("coverage", write_policy())
    document = cli("coverage", write_policy(), "-o", "json")

    assert told.status == 0
    assert "vault rsv not seen, so what they protect is not known" in told.out
    assert "whether Azure Backup has it is not known" in told.out
    assert states(document)["Microsoft.RecoveryServices/vaults"] == "unknown"
    assert states(document)["Microsoft.DataProtection/backupVaults"] == "read"


def test_a_subscription_no_policy_names_can_be_looked_at_and_one_unseen_is_partial(
    cloud, write_policy
):
    more = ["--subscription", WITH_VMS.upper(), "--subscription", NO_SUCH]

    told = cloud("coverage", write_policy(), *more, "-o", "json")

    document = json.loads(told.out)
    assert told.status == 3
    assert len(document["subscriptions"]) == 2
    assert NO_SUCH in told.err
    assert {
        each["state"] for each in document["azure_backup"] if each["subscription"] == NO_SUCH
    } == {"unknown"}


def test_where_no_policy_is_found_nothing_is_claimed(cloud, tmp_path):
    missing = cloud("coverage", tmp_path / "none.yaml")
    (tmp_path / "empty").mkdir()
    empty = cloud("coverage", tmp_path / "empty")

    assert (missing.status, empty.status) == (2, 5)


def test_policies_of_different_clouds_need_one_named(cli, write_policy, tmp_path):
    other = tmp_path / "gov.yaml"
    text = write_policy(name="gov").read_text(encoding="utf-8")
    other.write_text(text.replace("azure: {", "azure: {cloud: usgov, "), encoding="utf-8")

    told = cli("coverage", write_policy(), other)

    assert told.status == 2
    assert "different clouds: public, usgov" in told.err
