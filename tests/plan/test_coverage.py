"""Who is protected, twice, elsewhere or not at all; and whose data is nowhere else."""

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies
from tests.plan.builders import (
    SUBSCRIPTION,
    a_disk,
    a_policy,
    a_vm,
    an_estate,
    an_id,
    disks_of,
)

from diskguard.model.azure_backup import BackupGap, BackupItem, BackupLook, VaultKind
from diskguard.model.estate import Attachment
from diskguard.model.ids import ResourceId
from diskguard.plan.backup import plan_backup
from diskguard.plan.coverage import Cover, survey_coverage
from diskguard.plan.second_copy import NO_SECOND_COPY

OTHER = "99999999-2222-3333-4444-555555555555"
UNCOVERED, PROTECTED = Cover.UNCOVERED, Cover.PROTECTED


def a_rule(include="{names: [db-*]}", exclude="", name="all"):
    excluded = f", exclude: [{exclude}]" if exclude else ""
    return (
        f"rules: [{{name: {name}, select: {{include: [{include}]{excluded}, expect_at_least: 0}}}}]"
    )


def a_backup(source, state="Protected", kind=VaultKind.RECOVERY_SERVICES, **facts):
    vault = ResourceId.of(SUBSCRIPTION, "rg-backup", kind, "vault")
    return BackupItem(source=source.id, vault=vault, state=state, **facts)


def a_disk_backup(disk, state="ProtectionConfigured"):
    return a_backup(disk, state, VaultKind.BACKUP)


def survey(*vms, policies=None, loose=(), backups=(), gaps=(), **facts):
    disks = (*(disk for vm in vms for disk in disks_of(vm, **facts)), *loose)
    estate = an_estate(*vms, disks=disks)
    looked = BackupLook(items=tuple(backups), gaps=tuple(gaps))
    return survey_coverage(policies or [a_policy(rules=a_rule())], estate, looked)


def covered(name, *vms, **facts):
    (found,) = [each for each in survey(*vms, **facts).items if each.source.name == name]
    return found


# -- by policies ----------------------------------------------------------------------------------


def test_what_a_policy_takes_is_protected_and_what_none_takes_is_not():
    found = survey(a_vm("db-1"), a_vm("web-1"), loose=(a_disk("archive", state="Unattached"),))

    assert {each.source.name: each.cover for each in found.items} == {
        "db-1": PROTECTED,
        "web-1": UNCOVERED,
        "archive": UNCOVERED,
    }


def test_what_is_excluded_is_left_out_on_purpose():
    policy = a_policy(rules=a_rule("{names: ['*']}", "{tags: {diskguard: skip}}"))

    db = covered("db-1", a_vm("db-1", tags={"diskguard": "skip"}), policies=[policy])

    assert db.cover is Cover.EXCLUDED
    assert not db.lacking
    assert {disk.cover for disk in db.disks} == {Cover.EXCLUDED}
    assert db.reasons == ("rule all excludes it: tag diskguard=skip",)


def test_an_excluded_disk_is_no_gap_in_its_vm():
    policy = a_policy("consistency: {disks: {exclude_luns: [0]}}", rules=a_rule())

    db = covered("db-1", a_vm("db-1"), policies=[policy])

    assert db.cover is PROTECTED
    assert [disk.cover for disk in db.disks] == [PROTECTED, Cover.EXCLUDED]
    assert db.disks[1].reason == "it is at LUN 0, which is excluded"


def test_a_vm_or_disk_all_of_which_is_excluded_is_left_out_on_purpose():
    policy = a_policy(
        "consistency: {disks: {exclude_names: ['*']}}",
        rules=a_rule("{names: [db-*]}, {disks: ['*']}"),
    )
    archive = a_disk("archive", state="Unattached")

    found = survey(a_vm("db-1"), loose=(archive,), policies=[policy])

    assert [each.cover for each in found.items] == [Cover.EXCLUDED, Cover.EXCLUDED]


def test_a_disk_nobody_can_take_makes_its_vm_partly_protected():
    vm = a_vm("db-1", data_disks=0)
    vm = replace(vm, attachments=(*vm.attachments, Attachment(name="vhd", lun=1, disk=None)))

    db = covered("db-1", vm)

    assert db.cover is Cover.PARTLY
    assert db.lacking
    assert db.disks[1].reason == "it is unmanaged (a VHD in a storage account)"
    assert not db.disks[1].seen


def test_a_vm_none_of_whose_disks_can_be_taken_is_uncovered_though_a_rule_selects_it():
    vm = replace(a_vm("db-1"), attachments=(Attachment(name="vhd", lun=None, disk=None),))

    assert covered("db-1", vm).cover is UNCOVERED


def test_an_ephemeral_disk_has_nothing_to_lose():
    vm = a_vm("db-1", data_disks=1)
    local = Attachment(name="local", lun=None, disk=None, ephemeral=True)
    vm = replace(vm, attachments=(local, vm.attachments[1]))

    db = covered("db-1", vm)

    assert db.cover is PROTECTED
    assert db.disks[0].reason == "it is ephemeral: nothing in it lasts"


def test_a_disk_of_something_unseen_says_whose_it_is():
    owner = an_id("virtualMachineScaleSets", "uniform/virtualMachines/0")
    disk = a_disk("uniform_0_os", managed_by=owner)

    item = covered("uniform_0_os", loose=(disk,))

    assert (item.cover, item.is_vm) == (UNCOVERED, False)
    assert "it belongs to" in item.reasons[0]


def test_a_disk_without_data_is_no_gap():
    item = covered("new", loose=(a_disk("new", state="ReadyToUpload"),))

    assert item.cover is Cover.EXCLUDED
    assert item.reasons == ("it has no data yet",)


def test_two_policies_that_take_one_vm_are_both_named():
    policies = [
        a_policy(rules=a_rule(name="first")),
        a_policy(rules=a_rule("{names: ['*']}", name="second")).model_copy(update={"name": "crm"}),
    ]

    db = covered("db-1", a_vm("db-1"), policies=policies)

    assert [str(claim) for claim in db.claims] == ["erp-prod (rule first)", "crm (rule second)"]
    assert db.cover is PROTECTED
    assert not db.twice


def test_a_policy_protects_nothing_in_a_subscription_it_does_not_name():
    text = str(a_vm("db-1").id).replace(SUBSCRIPTION, OTHER)
    vm = replace(a_vm("db-1"), id=ResourceId.parse(text))

    db = covered("db-1", vm)

    assert db.cover is UNCOVERED
    assert db.reasons == ("no policy names its subscription",)


def test_a_rule_that_takes_too_few_is_named():
    policy = a_policy(rules="rules: [{name: x, select: {include: [{names: [zz]}]}}]")

    ((name, shortage),) = survey(a_vm("db-1"), policies=[policy]).shortages

    assert (name, shortage.rule, shortage.found) == ("erp-prod", "x", 0)


# -- by Azure Backup ------------------------------------------------------------------------------


def test_what_azure_backup_protects_is_not_uncovered():
    web = a_vm("web-1")

    item = covered("web-1", web, backups=[a_backup(web)])

    assert item.cover is Cover.AZURE_BACKUP
    assert not item.lacking


@pytest.mark.parametrize("state", ["ProtectionStopped", "BackupsSuspended", "Invalid", "unknown"])
def test_a_backup_that_is_made_no_more_covers_nothing_but_is_shown(state):
    web = a_vm("web-1")

    item = covered("web-1", web, backups=[a_backup(web, state)])

    assert item.cover is UNCOVERED
    assert [each.state for each in item.backups] == [state]


@pytest.mark.parametrize(
    ("state", "twice"), [("Protected", True), ("IRPending", True), ("ProtectionStopped", False)]
)
def test_a_policy_and_azure_backup_together_are_paid_twice(state, twice):
    db = a_vm("db-1")

    assert covered("db-1", db, backups=[a_backup(db, state)]).twice is twice


def test_a_disk_the_policy_leaves_out_and_azure_backup_takes_is_paid_once():
    policy = a_policy("consistency: {disks: {exclude_luns: [0]}}", rules=a_rule())
    vm = a_vm("db-1")
    data = disks_of(vm)[1]

    item = covered("db-1", vm, policies=[policy], backups=[a_disk_backup(data)])

    assert [disk.cover for disk in item.disks] == [PROTECTED, Cover.AZURE_BACKUP]
    assert not item.twice
    assert item.cover is PROTECTED


def test_backups_of_single_disks_leave_the_others_uncovered():
    vm = a_vm("web-1", data_disks=2)

    item = covered("web-1", vm, backups=[a_disk_backup(disks_of(vm)[1])])

    assert item.cover is Cover.PARTLY
    assert [disk.cover for disk in item.disks] == [UNCOVERED, Cover.AZURE_BACKUP, UNCOVERED]


def test_what_azure_backup_leaves_out_of_a_vm_is_left_out_on_purpose():
    vm = a_vm("web-1", data_disks=2)

    item = covered("web-1", vm, backups=[a_backup(vm, without_luns=(1,))])

    assert item.cover is Cover.AZURE_BACKUP
    assert [disk.cover for disk in item.disks][2] is Cover.EXCLUDED


def test_where_azure_backup_could_not_be_read_an_uncovered_vm_says_so():
    gap = BackupGap(subscription=SUBSCRIPTION.upper(), kind=VaultKind.BACKUP, reason="forbidden")
    unregistered = replace(gap, registered=False)

    unknown = covered("web-1", a_vm("web-1"), gaps=[gap])
    known = covered("web-1", a_vm("web-1"), gaps=[unregistered])

    assert unknown.reasons[-1] == "whether Azure Backup has it is not known"
    assert known.reasons == ("no rule selects it",)


# -- second copies --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "dr", "sku", "alone"),
    [
        ("db-1", "region: westus", "Premium_LRS", False),
        ("db-1", None, "Premium_LRS", True),
        ("db-1", "region: eastus", "Premium_LRS", True),
        ("db-1", None, "Premium_ZRS", False),
        ("web-1", "region: westus", "Premium_LRS", True),
        ("web-1", None, "StandardSSD_ZRS", False),
    ],
)
def test_data_is_alone_without_a_copy_elsewhere(name, dr, sku, alone):
    policy = a_policy(rules=a_rule(), dr=dr)

    item = covered(name, a_vm(name), policies=[policy], sku=sku)

    assert [disk.alone is not None for disk in item.disks] == [alone, alone]


def test_one_policy_with_a_copy_is_enough():
    policies = [a_policy(rules=a_rule(), dr=None), a_policy(rules=a_rule())]

    assert {disk.alone for disk in covered("db-1", a_vm("db-1"), policies=policies).disks} == {None}


def test_a_vault_is_a_second_copy_and_snapshots_beside_the_disk_are_none():
    vm = a_vm("web-1", data_disks=0)

    vaulted = covered("web-1", vm, backups=[a_backup(vm)])
    beside = covered("web-1", vm, backups=[a_disk_backup(disks_of(vm)[0])])

    assert vaulted.disks[0].alone is None
    assert beside.disks[0].alone is not None


@settings(max_examples=60, deadline=None)
@given(
    names=strategies.lists(strategies.sampled_from(["db-1", "db-2", "web-1"]), unique=True),
    dr=strategies.sampled_from([None, "region: westus", "region: eastus"]),
    sku=strategies.sampled_from(["Premium_LRS", "Premium_ZRS", "PremiumV2_LRS"]),
)
def test_coverage_never_disagrees_with_the_plan(names, dr, sku):
    vms = [a_vm(name) for name in names]
    disks = tuple(disk for vm in vms for disk in disks_of(vm, sku=sku))
    policy, estate = a_policy(rules=a_rule(), dr=dr), an_estate(*vms, disks=disks)

    found = survey_coverage([policy], estate, BackupLook()).items
    plan = plan_backup(policy, estate, now=estate.observed_at)

    assert {each.source for each in found} == {vm.id for vm in vms}
    assert {each.source for each in found if each.claims} == {vm.source for vm in plan.vms}
    warned = [each.source for each in plan.warnings if each.code == NO_SECOND_COPY]
    alone = [str(each.source) for each in found if each.claims for disk in each.disks if disk.alone]
    assert sorted(alone) == sorted(warned)
