"""A saved plan reads back as it was; what changed since is listed."""

import copy
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st
from tests.plan.builders import (
    NOON,
    a_disk,
    a_point,
    a_policy,
    a_vm,
    an_estate,
    disks_of,
)

from diskguard.errors import UsageInvalid
from diskguard.model.estate import Attachment, PowerState
from diskguard.model.report import Failure
from diskguard.plan.backup import plan_backup
from diskguard.plan.backup_plan import RefusedSource
from diskguard.plan.saved import differences, dump_plan, load_plan

DB = a_vm("db01")
NOW = NOON + timedelta(days=1, milliseconds=7)


def a_plan(*vms, policy=None, **estate):
    return plan_backup(policy or a_policy(), an_estate(*(vms or (DB,)), **estate), now=NOW)


def document(plan=None):
    return json.loads(json.dumps(dump_plan(plan or a_plan())))


# -- to JSON and back ----------------------------------------------------------------------------


def test_a_plan_reads_back_as_it_was():
    plan = replace(
        a_plan(
            DB,
            a_vm("web01", power=PowerState.STOPPED),
            a_vm("old01", attachments=(Attachment(name="vhd", lun=None, disk=None),)),
            policy=a_policy("consistency: {mounts: [/, /data]}\ntags: {owner: ünï}"),
            snapshots=a_point(DB),
        ),
        refused=(
            RefusedSource(
                source=DB.id, failure=Failure(code="x", message="y", exit_status=8, hint="z")
            ),
        ),
    )

    assert load_plan(document(plan)) == plan


@given(
    st.integers(0, 5),
    st.sampled_from(PowerState),
    st.timedeltas(timedelta(), timedelta(days=400)),
    st.sampled_from([None, "region: westus", "region: eastus"]),
)
def test_any_plan_reads_back_as_it_was(disks, power, since, dr):
    vm = a_vm("db01", data_disks=disks, power=power)
    plan = plan_backup(a_policy(dr=dr), an_estate(vm), now=NOON + since)

    assert load_plan(document(plan)) == plan


def changed(path, value):
    found = document()
    place = found
    for step in path[:-1]:
        place = place[step]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return found


VM = ("plan", "vms", 0)


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        (("plan",), None, "plan"),
        (("plan",), [], "plan"),
        (("plan", "policy"), 7, "plan.policy"),
        (("plan", "vms"), {}, "plan.vms"),
        (("plan", "made_at"), "yesterday", "plan.made_at"),
        (("plan", "made_at"), "2026-11-22T12:00:00", "plan.made_at"),
        (("plan", "made_at"), 12, "plan.made_at"),
        ((*VM, "point"), KeyError, "plan.vms[0].point"),
        ((*VM, "surprise"), 1, "plan.vms[0].surprise"),
        ((*VM, "mode"), "thaw", "plan.vms[0].mode"),
        ((*VM, "vm"), "db01", "plan.vms[0].vm"),
        ((*VM, "deallocate"), 1, "plan.vms[0].deallocate"),
        ((*VM, "freeze", "limit"), "10s", "plan.vms[0].freeze.limit"),
        ((*VM, "freeze", "limit"), True, "plan.vms[0].freeze.limit"),
        ((*VM, "freeze", "limit"), 1e300, "plan.vms[0].freeze.limit"),
        ((*VM, "members", 1, "number"), "2", "plan.vms[0].members[1].number"),
        ((*VM, "members", 1, "wish", "tags"), [], "plan.vms[0].members[1].wish.tags"),
        ((*VM, "members", 1, "wish", "tags", "a"), 1, "plan.vms[0].members[1].wish.tags.a"),
    ],
)
def test_a_wrong_value_is_named_by_its_key(path, value, key):
    with pytest.raises(UsageInvalid) as error:
        load_plan(changed(path, value))

    assert f"{key}:" in str(error.value)


@pytest.mark.parametrize("wrong", [None, [], {}, {"schema": "diskguard/restore-points/1"}, "plan"])
def test_another_document_is_no_plan(wrong):
    with pytest.raises(UsageInvalid, match="not a saved plan"):
        load_plan(wrong)


def test_what_may_be_left_out_has_its_default():
    found = copy.deepcopy(document())
    del found["plan"]["warnings"]

    assert load_plan(found) == a_plan()


# -- does it still fit? --------------------------------------------------------------------------


def drift(*vms, saved=None, policy=None, **estate):
    return differences(
        saved or a_plan(), policy or a_policy(), an_estate(*(vms or (DB,)), **estate)
    )


def test_an_unchanged_estate_has_no_differences():
    assert drift() == ()
    assert drift(saved=load_plan(document())) == ()


def test_points_made_since_are_no_difference_though_they_teach():
    assert drift(snapshots=a_point(DB)) == ()


def only(*, names):
    return a_policy(rules=f"rules: [{{name: all, select: {{include: [{{names: {names}}}]}}}}]")


GROWN = tuple(replace(disk, size_bytes=disk.size_bytes * 2) for disk in disks_of(DB))
ANEW = tuple(replace(disk, unique_id="new") for disk in disks_of(DB))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (lambda: drift(DB, a_vm("db02")), "db02: is not in the plan"),
        (lambda: drift(a_vm("db02")), "db01: is not there any more"),
        (lambda: drift(DB, a_vm("web"), policy=only(names=["web"])), "db01: no rule selects it"),
        (lambda: drift(policy=only(names=["web"])), "selects 0, and expects at least 1"),
        (lambda: drift(replace(DB, power=PowerState.STOPPED)), "mode was freeze, is offline-as-is"),
        (lambda: drift(a_vm("db01", data_disks=2)), "disk db01-1 is not in the plan"),
        (lambda: drift(a_vm("db01", data_disks=0)), "disk db01-0 is not taken any more"),
        (lambda: drift(disks=GROWN), "disk db01-os: size_bytes was"),
        (lambda: drift(disks=ANEW), "disk db01-os: disk_unique_id was uid-db01-os, is new"),
        (lambda: drift(policy=a_policy(dr=None)), "copy.region was westus, is None"),
        (
            lambda: drift(policy=a_policy("consistency: {freeze_limit: 20s}")),
            "db01: freeze.limit was 10.0, is 20.0",
        ),
        (lambda: drift(policy=a_policy("tags: {a: b}")), "wish.tags.a was None, is b"),
        (lambda: drift(groups=()), "there is no resource group"),
        (lambda: drift(saved=replace(a_plan(), policy="other")), "is of policy other"),
        (
            lambda: drift(snapshots=a_point(DB, slot=NOW.replace(microsecond=0))),
            "is there already",
        ),
    ],
)
def test_what_changed_since_is_listed(found, words):
    assert any(words in difference for difference in found())


def test_a_plan_changed_by_hand_comes_to_light():
    plan = a_plan()
    forged = replace(plan.vms[0].members[0], disk_unique_id="forged")
    vm = replace(plan.vms[0], members=(forged, *plan.vms[0].members[1:]))

    assert drift(saved=replace(plan, vms=(vm,)))


def with_freeze(plan, **changes):
    vm = plan.vms[0]
    return replace(plan, vms=(replace(vm, freeze=replace(vm.freeze, **changes)),))


@pytest.mark.parametrize(
    "changes",
    [
        {"lead": timedelta()},
        {"lead": timedelta(hours=1)},
        {"hold": timedelta(seconds=-1)},
        {"hold": timedelta(seconds=9)},
    ],
    ids=str,
)
def test_a_lead_or_hold_no_plan_would_have_comes_to_light(changes):
    assert drift(saved=with_freeze(a_plan(), lead=timedelta(seconds=8))) == ()
    assert any("no plan has" in each for each in drift(saved=with_freeze(a_plan(), **changes)))


@pytest.mark.parametrize("completion", [timedelta(days=10), timedelta(seconds=-1)])
def test_a_wait_no_plan_would_have_comes_to_light(completion):
    plan = a_plan()
    vm = replace(plan.vms[0], completion=completion)

    assert any("no plan has" in each for each in drift(saved=replace(plan, vms=(vm,))))


def test_a_loose_disk_that_found_a_vm_is_a_difference():
    disk = a_disk("archive-1", state="Unattached")
    plan = plan_backup(a_policy(), an_estate(disks=(disk,)), now=NOW)

    assert drift(DB, saved=plan, disks=(*disks_of(DB), replace(disk, managed_by=DB.id)))
