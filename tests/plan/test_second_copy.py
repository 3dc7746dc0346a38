"""Whether a disk's data is anywhere else: one rule, for plans and for coverage."""

from datetime import timedelta

import pytest
from tests.plan.builders import NOON, a_disk, a_point, a_policy, a_vm, an_estate

from diskguard.plan.backup import plan_backup
from diskguard.plan.second_copy import NO_SECOND_COPY, why_no_second_copy


def snapshots(*skus):
    """One earlier snapshot a day, oldest first."""
    vm = a_vm("db01", data_disks=0)
    return [
        snapshot
        for number, sku in enumerate(skus)
        for snapshot in a_point(vm, slot=NOON + timedelta(days=number), sku=sku)
    ]


@pytest.mark.parametrize(
    ("disk_sku", "copied", "snapshot_sku", "earlier", "alone"),
    [
        ("Premium_LRS", False, None, (), True),
        ("Premium_LRS", True, None, (), False),
        ("Premium_ZRS", False, None, (), False),
        ("PremiumV2_LRS", False, "Standard_LRS", (), True),
        ("Premium_LRS", False, "Standard_ZRS", (), False),
        ("Premium_LRS", False, None, ("Standard_ZRS",), False),
        ("Premium_LRS", False, None, ("Standard_ZRS", "Standard_LRS"), True),
        ("Premium_LRS", False, "Standard_ZRS", ("Standard_LRS",), False),
        ("Premium_LRS", False, None, ("",), True),
    ],
)
def test_data_is_alone_where_everything_is_in_one_datacenter(
    disk_sku, copied, snapshot_sku, earlier, alone
):
    why = why_no_second_copy(
        a_disk("db01-os", sku=disk_sku),
        copied=copied,
        snapshot_sku=snapshot_sku,
        existing=snapshots(*earlier),
    )

    assert (why is not None) == alone


def test_the_reason_names_what_the_snapshots_are_stored_as():
    why = why_no_second_copy(a_disk("d"), copied=False, snapshot_sku="Standard_LRS")

    assert why is not None
    assert "so are its snapshots (Standard_LRS)" in why


@pytest.mark.parametrize(("sku", "warned"), [(None, 1), ("Standard_LRS", 1), ("Standard_ZRS", 0)])
def test_a_plan_does_not_warn_where_snapshots_are_in_three_zones(sku, warned):
    policy = a_policy(dr=None)
    primary = policy.locations.primary.model_copy(update={"sku": sku})
    locations = policy.locations.model_copy(update={"primary": primary})
    changed = policy.model_copy(update={"locations": locations})

    plan = plan_backup(changed, an_estate(a_vm("db01", data_disks=0)), now=NOON)

    assert [each.code for each in plan.warnings].count(NO_SECOND_COPY) == warned
