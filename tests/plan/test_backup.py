"""A backup plan says per VM what will be done, and why; trouble stays with its VM."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st
from tests.plan.builders import (
    DR_GROUP,
    EAST,
    GIB,
    NONCE,
    NOON,
    PLACES,
    PRIMARY_GROUP,
    SUBSCRIPTION,
    WEST,
    a_disk,
    a_point,
    a_policy,
    a_snapshot,
    a_vm,
    an_estate,
    an_id,
    disks_of,
    identities_of,
)

from diskguard.errors import NothingMatched
from diskguard.model.estate import Attachment, EncryptionSet, OsType, PowerState
from diskguard.model.ids import Region
from diskguard.model.restore_point import Grade
from diskguard.plan.backup import Mode, plan_backup, wish_for_attempt
from diskguard.plan.naming_tags import ParsedMember, nonce_of, parse_member

NOW = NOON + timedelta(days=1, microseconds=500)
DES = an_id("diskEncryptionSets", "des-east", "rg-keys")
DES_WEST = an_id("diskEncryptionSets", "des-west", "rg-keys")


def plan_of(*vms, policy=None, **estate):
    return plan_backup(policy or a_policy(), an_estate(*vms, **estate), now=NOW)


def the_vm(plan):
    assert plan.refused == ()
    (vm,) = plan.vms
    return vm


def codes(plan):
    return [warning.code for warning in plan.warnings]


def the_refusal(plan):
    assert plan.vms == ()
    (refused,) = plan.refused
    return refused.failure


# -- members, names, tags ------------------------------------------------------------------------


def test_every_disk_becomes_a_member_the_os_disk_first():
    vm = the_vm(plan_of(a_vm("db01", data_disks=2)))

    assert [(each.number, each.role, each.lun) for each in vm.members] == [
        (1, "os", None),
        (2, "data", 0),
        (3, "data", 1),
    ]
    assert [each.wish.id.name for each in vm.members] == [
        f"{vm.point}-os",
        f"{vm.point}-lun00",
        f"{vm.point}-lun01",
    ]


def test_a_point_is_named_by_the_second_the_run_began():
    vm = the_vm(plan_of(a_vm("db01")))

    assert vm.slot == NOON + timedelta(days=1)
    assert vm.point.endswith("-20261123T120000Z")


def test_a_wish_says_where_how_and_with_which_tags():
    policy = a_policy("tags: {owner: erp}\nprotection: {network_access: allow}")
    estate = {"disks": disks_of(a_vm("db01", data_disks=0), encryption_set=DES)}
    wish = the_vm(plan_of(a_vm("db01", data_disks=0), policy=policy, **estate)).members[0].wish

    assert wish.id.group == PRIMARY_GROUP
    assert (wish.region, wish.network_access, wish.encryption_set) == (EAST, "allow", DES)
    assert wish.tags["owner"] == "erp"
    assert not wish.copy


def test_a_snapshot_made_as_wished_is_ours():
    member = the_vm(plan_of(a_vm("db01"))).members[1]
    wish = wish_for_attempt(member, nonce=NONCE, requested_at=NOW)
    made = a_snapshot(
        identities_of(a_vm("db01"))[1], id=wish.id, tags=wish.tags, source_id=wish.source
    )

    assert isinstance(parse_member(made, PLACES), ParsedMember)
    assert nonce_of(made) == NONCE
    assert NONCE not in member.wish.tags.values()


def test_a_disk_without_a_vm_is_a_point_of_its_own():
    policy = a_policy(rules='rules: [{name: loose, select: {include: [{disks: ["archive-*"]}]}}]')
    vm = the_vm(plan_of(policy=policy, disks=(a_disk("archive-1", state="Unattached"),)))

    assert (vm.vm, vm.name, vm.mode, vm.requested) == (None, "archive-1", Mode.CRASH, Grade.CRASH)
    assert vm.members[0].wish.id.name == f"{vm.point}-disk"
    assert vm.region == EAST


def test_what_the_policy_leaves_out_is_said():
    policy = a_policy("consistency: {disks: {exclude_luns: [0]}}")
    vm = the_vm(plan_of(a_vm("db01"), policy=policy))

    assert [each.what for each in vm.left_out] == ["db01-0"]
    assert len(vm.members) == 1


# -- modes ---------------------------------------------------------------------------------------


def windows(**changes):
    return a_vm("win01", os_type=OsType.WINDOWS, **changes)


def in_state(power):
    return a_vm("db01", power=power)


OFFLINE, CRASH = "consistency: {linux: offline}", "consistency: {linux: crash}"


@pytest.mark.parametrize(
    ("vm", "sections", "mode", "requested"),
    [
        (a_vm("db01"), "", Mode.FREEZE, Grade.FILESYSTEM),
        (a_vm("db01"), CRASH, Mode.CRASH, Grade.CRASH),
        (a_vm("db01"), OFFLINE, Mode.OFFLINE_STOP, Grade.OFFLINE),
        (in_state(PowerState.STOPPED), "", Mode.OFFLINE_AS_IS, Grade.OFFLINE),
        (in_state(PowerState.DEALLOCATED), OFFLINE, Mode.OFFLINE_AS_IS, Grade.OFFLINE),
        (in_state(PowerState.STOPPED), CRASH, Mode.OFFLINE_AS_IS, Grade.CRASH),
        (in_state(PowerState.CHANGING), "", Mode.FREEZE, Grade.FILESYSTEM),
        (in_state(PowerState.CHANGING), OFFLINE, Mode.CRASH, Grade.OFFLINE),
        (in_state(PowerState.UNKNOWN), OFFLINE, Mode.CRASH, Grade.OFFLINE),
        (windows(), "", Mode.CRASH, Grade.APPLICATION),
        (windows(), "consistency: {windows: crash}", Mode.CRASH, Grade.CRASH),
        (windows(), "consistency: {windows: offline}", Mode.OFFLINE_STOP, Grade.OFFLINE),
    ],
)
def test_the_mode_follows_from_the_wish_and_from_what_the_vm_does(vm, sections, mode, requested):
    planned = the_vm(plan_of(vm, policy=a_policy(sections)))

    assert (planned.mode, planned.requested) == (mode, requested)
    assert planned.mode_reason
    assert (planned.freeze is not None) == (mode is Mode.FREEZE)


def test_vss_is_said_to_come_later():
    assert "later version" in the_vm(plan_of(windows())).mode_reason


def test_a_vm_with_a_shared_disk_is_never_frozen_for_proof():
    vm = a_vm("db01")
    disks = (*disks_of(vm)[:1], replace(disks_of(vm)[1], shared_by=2))
    plan = plan_of(vm, disks=disks)

    assert the_vm(plan).mode is Mode.CRASH
    assert "shared" in the_vm(plan).mode_reason
    assert codes(plan) == ["shared-disk"]


def test_what_cannot_be_reached_is_refused_where_the_policy_allows_no_fallback():
    failure = the_refusal(plan_of(windows(), policy=a_policy("consistency: {fallback: none}")))

    assert "no fallback" in failure.message


def test_the_policy_s_wishes_are_carried_along():
    sections = (
        "consistency: {fallback: none, on_downgrade: fail, deallocate: true, freeze_limit: 5s}"
    )
    vm = the_vm(plan_of(a_vm("db01"), policy=a_policy(sections)))

    assert (vm.fallback_to_crash, vm.downgrade_fails, vm.deallocate) == (False, True, True)
    assert vm.freeze is not None
    assert vm.freeze.limit == timedelta(seconds=5)


def test_the_budget_learns_from_the_vm_s_own_sealed_points():
    vms = a_vm("db01"), a_vm("db02")
    plan = plan_of(*vms, snapshots=a_point(a_vm("db01")))
    budgets = [vm.freeze for vm in plan.vms]

    assert [(each.lead, each.hold) for each in budgets if each is not None] == [
        (timedelta(seconds=12), timedelta(seconds=3)),
        (timedelta(seconds=30), None),
    ]


# -- copies --------------------------------------------------------------------------------------


def copy_of(plan):
    return the_vm(plan).members[0].copy


@pytest.mark.parametrize(
    ("dr", "region"),
    [
        ("region: paired", "westus"),
        ("region: westus", "westus"),
        ("region: paired, region_map: {eastus: northeurope}", "northeurope"),
        ("region: westus, region_map: {eastus: northeurope}", "northeurope"),
        ("region: westus, region_map: {westus: northeurope}", "westus"),
    ],
)
def test_a_copy_goes_to_the_mapped_the_named_or_the_paired_region(dr, region):
    groups = tuple(
        replace(group, region=Region(region)) if group.name == DR_GROUP else group
        for group in an_estate().groups
    )
    plan = plan_of(a_vm("db01"), policy=a_policy("copy: {speed: enhanced}", dr=dr), groups=groups)
    copy = copy_of(plan)

    assert plan.failures == ()
    assert copy is not None
    assert (copy.region, copy.group, copy.enhanced_speed) == (region, DR_GROUP, True)


NO_PAIR = {SUBSCRIPTION: {EAST: None}}
ITSELF = {SUBSCRIPTION.upper(): {EAST: EAST}}
HERE, THERE = an_estate().groups


@pytest.mark.parametrize(
    ("dr", "estate", "code"),
    [
        ("region: paired", {"pairs": NO_PAIR}, "no-paired-region"),
        ("region: paired", {"pairs": ITSELF}, "no-paired-region"),
        ("region: paired", {"pairs": {}}, "no-paired-region"),
        ("region: eastus", {}, "copy-stays-in-region"),
        ("region: westus", {"groups": (HERE,)}, "group-missing"),
        ("region: westus", {"groups": (HERE, replace(THERE, region=EAST))}, "group-elsewhere"),
    ],
)
def test_a_copy_that_can_go_nowhere_fails_the_plan_with_the_way_out_and_not_the_point(
    dr, estate, code
):
    plan = plan_of(a_vm("db01"), a_vm("db02"), policy=a_policy(dr=dr), **estate)

    (failure,) = plan.failures
    assert failure.code == code
    assert failure.hint
    assert [member.copy for vm in plan.vms for member in vm.members] == [None] * 4


def test_primary_and_dr_in_one_group_are_refused():
    policy = a_policy()
    dr = policy.locations.dr
    assert dr is not None
    same = dr.model_copy(update={"resource_group": PRIMARY_GROUP.upper()})
    locations = policy.locations.model_copy(update={"dr": same})
    plan = plan_of(a_vm("db01"), policy=policy.model_copy(update={"locations": locations}))

    assert [failure.code for failure in plan.failures] == ["groups-are-one"]


def map_entry(region="westus", to=DES_WEST, source="*"):
    return f'region: westus, disk_encryption_sets: [{{from: "{source}", region: "{region}", to: "{to}"}}]'


def encrypted(dr, *sets):
    vm = a_vm("db01", data_disks=0)
    disks = disks_of(vm, encryption_set=DES)
    return plan_of(vm, policy=a_policy(dr=dr), disks=disks, encryption_sets=sets)


@pytest.mark.parametrize("dr", [map_entry(), map_entry(region="*"), map_entry(source=DES)])
def test_a_copy_gets_the_encryption_set_of_its_own_region(dr):
    copy = copy_of(encrypted(dr, EncryptionSet(id=DES_WEST, region=WEST)))

    assert copy is not None
    assert copy.encryption_set == DES_WEST


@pytest.mark.parametrize(
    ("dr", "sets", "code"),
    [
        ("region: westus", (), "encryption-set-missing"),
        (map_entry(region="northeurope"), (), "encryption-set-missing"),
        (map_entry(source=DES_WEST), (), "encryption-set-missing"),
        (map_entry(), (), "encryption-set-missing"),
        (map_entry(), (EncryptionSet(id=DES_WEST, region=EAST),), "encryption-set-elsewhere"),
    ],
)
def test_an_encryption_set_that_does_not_fit_is_found_before_copying(dr, sets, code):
    assert [failure.code for failure in encrypted(dr, *sets).failures] == [code]


def test_a_policy_without_dr_copies_nothing():
    assert copy_of(plan_of(a_vm("db01"), policy=a_policy(dr=None))) is None


# -- skipped and refused -------------------------------------------------------------------------


def test_a_vm_an_offline_backup_stopped_is_recovery_s_business():
    plan = plan_of(a_vm("db01", tags={"Diskguard-Stopped": "db01-123456-20261122T120000Z"}))

    assert plan.vms == ()
    assert "stopped it" in plan.skipped[0].reason


def test_what_no_rule_takes_is_skipped_with_the_reason():
    policy = a_policy(rules='rules: [{name: db, select: {include: [{names: ["db*"]}]}}]')
    plan = plan_of(a_vm("db01"), a_vm("web01"), policy=policy)

    assert [skipped.source.name for skipped in plan.skipped] == ["web01"]
    assert plan.skipped[0].reason


def test_nothing_matched_is_an_error():
    with pytest.raises(NothingMatched):
        plan_of()


@pytest.mark.parametrize(("sealed", "age", "made"), [(True, 0, 0), (False, 0, 0), (False, 3, 1)])
def test_one_slot_is_never_made_twice_while_its_run_may_live(sealed, age, made):
    slot = NOW.replace(microsecond=0)
    there = a_point(a_vm("db01"), slot=slot, sealed=sealed, taken_at=slot - timedelta(hours=age))
    plan = plan_of(a_vm("db01"), snapshots=there)

    assert len(plan.vms) == made
    assert len(plan.skipped) == 1 - made


def test_a_stranger_under_the_name_we_need_refuses_the_vm():
    slot = NOW.replace(microsecond=0)
    stranger = replace(a_point(a_vm("db01"), slot=slot)[0], tags={})
    failure = the_refusal(plan_of(a_vm("db01"), snapshots=[stranger]))

    assert failure.code == "name-taken"
    assert stranger.id.text in failure.message


def test_without_the_primary_group_a_vm_is_refused_with_the_way_out():
    failure = the_refusal(plan_of(a_vm("db01"), groups=(THERE,)))

    assert failure.code == "resource-missing"
    assert "az group create" in (failure.hint or "")


def snapshots_of_the_os_disk(count, *, apart=timedelta(hours=1), **changes):
    identity = identities_of(a_vm("db01"))[0]
    return [
        a_snapshot(
            replace(identity, disk_id=identity.disk_id),
            id=an_id("snapshots", f"s{number}"),
            taken_at=NOW - apart * number,
            **changes,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(("count", "refused"), [(499, False), (500, True)])
def test_the_five_hundred_first_snapshot_is_not_asked_for(count, refused):
    plan = plan_of(a_vm("db01"), snapshots=snapshots_of_the_os_disk(count))

    assert [each.failure.code for each in plan.refused] == ["snapshot-limit-reached"] * refused
    assert [each.failure.exit_status for each in plan.refused] == [8] * refused


@pytest.mark.parametrize(("count", "warned"), [(449, False), (450, True)])
def test_a_disk_near_its_limit_is_warned_of(count, warned):
    plan = plan_of(a_vm("db01"), snapshots=snapshots_of_the_os_disk(count))

    assert codes(plan) == ["snapshot-limit-near"] * warned


@pytest.mark.parametrize(("count", "refused"), [(6, 0), (7, 1)])
def test_the_eighth_snapshot_in_five_minutes_is_not_asked_for(count, refused):
    recent = snapshots_of_the_os_disk(count, apart=timedelta(seconds=40))

    assert len(plan_of(a_vm("db01"), snapshots=recent).refused) == refused


@pytest.mark.parametrize(
    ("sku", "pending", "refused"),
    [("PremiumV2_LRS", 2, 0), ("PremiumV2_LRS", 3, 1), ("Premium_LRS", 3, 0)],
)
def test_the_fourth_background_copy_is_not_asked_for(sku, pending, refused):
    vm = a_vm("db01", data_disks=0)
    there = snapshots_of_the_os_disk(pending, percent=10.0)
    plan = plan_of(vm, disks=disks_of(vm, sku=sku), snapshots=there)

    assert len(plan.refused) == refused


# -- warnings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sku", "dr", "warned"),
    [
        ("Premium_LRS", None, True),
        ("Premium_LRS", "region: westus", False),
        ("Premium_ZRS", None, False),
        ("Premium_LRS", "region: eastus", True),
    ],
)
def test_every_disk_without_a_second_copy_anywhere_is_named(sku, dr, warned):
    vm = a_vm("db01")
    plan = plan_of(vm, policy=a_policy(dr=dr), disks=disks_of(vm, sku=sku))

    assert codes(plan) == ["no-second-copy"] * (2 if warned else 0)


@pytest.mark.parametrize(
    ("before", "size", "warned"),
    [(4096, 4097, True), (4096, 4096, False), (5000, 6000, False), (None, 6000, False)],
)
def test_a_disk_that_crossed_four_tebibytes_starts_a_new_chain(before, size, warned):
    vm = a_vm("db01", data_disks=0)
    there = snapshots_of_the_os_disk(1, size_bytes=before * GIB) if before else []
    plan = plan_of(vm, disks=disks_of(vm, size_bytes=size * GIB), snapshots=there)

    assert codes(plan) == ["new-chain"] * warned


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"azure_disk_encryption": True}, "azure-disk-encryption"),
        ({"security_type": "ConfidentialVM_DiskEncryptedWithPlatformKey"}, "confidential"),
    ],
)
def test_disks_azure_treats_specially_are_named(changes, code):
    vm = a_vm("db01", data_disks=0)

    assert codes(plan_of(vm, disks=disks_of(vm, **changes))) == [code]


def test_notes_tell_what_is_nobody_s_mistake():
    vm = a_vm("db01", data_disks=0, security_type="TrustedLaunch")
    planned = the_vm(plan_of(vm, disks=disks_of(vm, sku="UltraSSD_LRS")))

    assert len(planned.notes) == 2
    assert planned.members[0].background_copied


def unmanaged(name):
    return a_vm(name, attachments=(Attachment(name="vhd", lun=None, disk=None),))


@pytest.mark.parametrize(("word", "failures", "warnings"), [("fail", 1, 0), ("warn", 0, 1)])
def test_unsupported_disks_fail_the_run_or_not_and_nothing_else_is_lost(word, failures, warnings):
    plan = plan_of(a_vm("db01"), unmanaged("old01"), policy=a_policy(f"on_unsupported: {word}"))

    assert [vm.name for vm in plan.vms] == ["db01"]
    assert (len(plan.failures), len(plan.warnings)) == (failures, warnings)
    [said] = [each.message for each in (*plan.failures, *plan.warnings)]
    assert said == "disk vhd of old01: it is unmanaged (a VHD in a storage account)"


def test_a_vm_goes_on_without_a_disk_that_cannot_be_taken_and_its_plan_says_so():
    whole = a_vm("db01")
    vhd = Attachment(name="vhd", lun=5, disk=None)
    plan = plan_of(replace(whole, attachments=(*whole.attachments, vhd)))

    assert [each.what for each in the_vm(plan).left_out] == ["vhd"]
    assert len(the_vm(plan).members) == 2


# -- laws ----------------------------------------------------------------------------------------


@given(
    st.lists(st.sampled_from(["db01", "db02", "web01"]), min_size=1, unique=True),
    st.sampled_from(PowerState),
    st.sampled_from(OsType),
    st.sampled_from([None, "region: westus", "region: eastus"]),
    st.booleans(),
)
def test_every_selected_source_is_planned_skipped_or_refused_exactly_once(
    names, power, os_type, dr, grouped
):
    vms = [a_vm(name, power=power, os_type=os_type) for name in names]
    groups = an_estate().groups if grouped else ()
    plan = plan_of(*vms, policy=a_policy(dr=dr), groups=groups)
    outcomes = [each.source for each in (*plan.vms, *plan.skipped, *plan.refused)]

    assert sorted(outcomes) == sorted(vm.id for vm in vms)
    assert plan == plan_of(*reversed(vms), policy=a_policy(dr=dr), groups=groups)


def test_no_two_wishes_of_a_plan_bear_one_name():
    plan = plan_of(*(a_vm(f"vm{number}", data_disks=3) for number in range(20)))
    names = [member.wish.id for vm in plan.vms for member in vm.members]

    assert len(set(names)) == len(names) == 80
