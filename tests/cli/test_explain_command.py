"""`diskguard explain` against the emulated Azure: who is in, who is out, and why."""

import json

import pytest
from tests.cli.conftest import WITH_VMS

NO_SUCH = "33333333-3333-4333-8333-333333333333"
WRITES = ("PUT ", "POST ", "PATCH ", "DELETE ")


def items_of(told):
    return {item["name"]: item for item in json.loads(told.out)["items"]}


def test_every_vm_has_a_row_with_its_reason(cloud, emulator, write_policy):
    told = cloud("explain", write_policy(), "-o", "tsv")

    rows = [line.split("\t") for line in told.out.splitlines()]
    assert told.status == 0
    assert rows == [
        ["db01", "vm", "all", "crash", "2", "0", "name db*"],
        ["db02", "vm", "all", "crash", "1", "0", "name db*"],
        ["off01", "vm", "", "", "0", "0", "no rule selects it"],
    ]
    assert [line for line in emulator.requests() if line.startswith(WRITES)] == []


def test_the_document_names_entries_and_keys(cloud, write_policy):
    told = cloud("explain", write_policy(), "-o", "json")

    document, items = json.loads(told.out), items_of(told)
    assert document["schema"] == "diskguard/explanation/1"
    assert items["db01"]["rules"] == [
        {
            "rule": "all",
            "ruling": "takes",
            "entry": "rules[0].select.include[0]",
            "keys": [
                {"key": "names", "fits": True, "asked": "name db*", "found": "its name is db01"}
            ],
            "near": None,
        }
    ]
    assert items["off01"]["rules"][0]["ruling"] == "does-not-fit"


def test_settings_come_with_who_said_so(cloud, write_policy):
    told = cloud("explain", write_policy(), "-o", "json")

    (rule,) = json.loads(told.out)["rules"]
    settings = {each["key"]: each for each in rule["settings"]}
    assert settings["consistency.linux"] == {
        "key": "consistency.linux",
        "value": "crash",
        "source": "policy",
        "path": "consistency.linux",
    }
    assert settings["consistency.freeze_limit"] == {
        "key": "consistency.freeze_limit",
        "value": "10s",
        "source": "default",
        "path": None,
    }


def test_one_vm_is_explained_at_length(cloud, write_policy):
    policy = write_policy(linux="fsfreeze", names='["DB02", "db0?"]')

    told = cloud("explain", policy, "--vm", "DB01")

    lines = told.out.splitlines()
    assert told.status == 0
    assert lines[0] == "db01 (vm, eastus): taken by rule all"
    assert "  db01-data0 (LUN 0): taken" in lines
    assert any(line.startswith("  all selects it: rules[0].select.include[0]: ") for line in lines)
    assert "  nothing learned yet: no sealed point is there" in lines
    assert "  lead: 30 s: what a first freeze gets" in lines
    assert any(
        line.split() == ["consistency.linux", "fsfreeze", "consistency.linux"] for line in lines
    )
    assert any(line.split() == ["consistency.freeze_limit", "10s", "default"] for line in lines)


def test_what_is_out_is_explained_at_length_too(cloud, write_policy):
    told = cloud("explain", write_policy(names='["off-01", "db01"]'), "--vm", "off01")

    assert told.out.splitlines()[0] == "off01 (vm, eastus): not taken"
    assert "all almost fits: rules[0].select.include[0]: " in told.out


def test_a_name_that_is_nowhere_is_5_with_what_is_near(cloud, write_policy):
    near = cloud("explain", write_policy(), "--vm", "db07")
    far = cloud("explain", write_policy(), "--vm", "zzz")

    assert (near.status, far.status) == (5, 5)
    assert "hint: Is it db0" in near.err
    assert "`diskguard explain` without --vm" in far.err


def test_a_rule_that_takes_too_few_is_shown_and_ends_in_5(cloud, write_policy):
    told = cloud("explain", write_policy(names='["DB-*"]'))

    assert told.status == 5
    assert "rule all selects 0, and expects at least 1" in told.out
    assert "near rule all: its name is db01, asked is name DB-*" in told.out
    assert told.err.startswith("diskguard: error[nothing-matched]: rule all selects 0")


def test_a_subscription_that_cannot_be_seen_is_an_error_beside_the_rest(cloud, write_policy):
    both = f'{WITH_VMS}", "{NO_SUCH}'

    told = cloud("explain", write_policy(subscription=both), "-o", "json")

    assert told.status == 3
    assert set(items_of(told)) == {"db01", "db02", "off01"}
    assert NO_SUCH in told.err


@pytest.mark.parametrize("output", ["yaml", "jsonl"])
def test_other_machines_are_served_too(cloud, write_policy, output):
    told = cloud("explain", write_policy(), "-o", output)

    assert told.status == 0
    assert "rules[0].select.include[0]" in told.out
