"""Every policy of examples/ backs up an estate that fits it, in virtual time."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.estates import a_data_disk, a_loose_disk, a_vm
from tests.support.inprocess import running_cloud
from tests.support.runs import Stage

from diskguard.model.report import Result
from diskguard.model.restore_point import PointState
from diskguard.policy.load import load_policy
from diskguard_emulator.estate import Estate, NamedSpec, SubscriptionSpec

EXAMPLES = Path(__file__).parents[2] / "examples"
POLICIES = sorted(set(EXAMPLES.glob("*.yaml")) - set(EXAMPLES.glob("estate*.yaml")))
GROUPS = {
    "rg-erp-prod": "eastus",
    "rg-diskguard-eus": "eastus",
    "rg-diskguard-wus": "westus",
    "rg-keys-wus": "westus",
}
KEYS = (
    NamedSpec(name="des-eus", group="rg-erp-prod"),
    NamedSpec(name="des-wus", group="rg-keys-wus", region="westus"),
)


def a_shop() -> Estate:
    """Three databases, a VM whose disk has a customer key, and a disk without a VM."""
    home: dict[str, Any] = {"group": "rg-erp-prod", "guest": "virtual"}
    databases = [a_vm(f"db-0{n}", tags={"backup": "true"}, **home) for n in (1, 2, 3)]
    report = a_vm("report-01", disks=(a_data_disk(0, encryption_set="des-eus"),), **home)
    home_of_all = SubscriptionSpec(
        vms=(*databases, report),
        disks=(a_loose_disk("archive-1", group="rg-erp-prod"),),
        groups=GROUPS,
        encryption_sets=KEYS,
    )
    return Estate(subscriptions=(home_of_all,))


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
async def test_an_example_gives_what_it_asks_for_in_every_location_it_names(path):
    policy = load_policy(path)
    async with running_cloud(a_shop(), Path("unused")) as cloud:
        stage = Stage(cloud=cloud, policy=policy)

        report = await stage.back_up()

        assert report.exit_status == 0, report
        assert {vm.result for vm in report.vms} == {Result.DONE}
        points = await stage.points()
        assert len(points) == len(report.vms) >= 3
        for point in points:
            assert point.seal is not None
            assert not point.seal.consistency.downgraded
            assert [part.state for part in point.parts] == [PointState.COMPLETE] * places(policy)


def places(policy: Any) -> int:
    return 1 if policy.locations.dr is None else 2
