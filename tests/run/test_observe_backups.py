"""A look at Azure Backup: what cannot be seen is said, and hides nothing else."""

from tests.azure.rooms import a_room
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import SUBSCRIPTION

from diskguard.model.azure_backup import VaultKind
from diskguard.run.observe_backups import observe_backups
from diskguard_emulator.estate import ProtectedSpec, VaultSpec
from diskguard_emulator.faults import Fails

NO_SUCH = "33333333-3333-4333-8333-333333333333"


def with_vaults(**facts):
    vaults = tuple(
        VaultSpec(name=name, protects=(ProtectedSpec(name=f"{name}-vm"),)) for name in ("a", "b")
    )
    return a_room(an_estate(a_vm("db01"), vaults=vaults, **facts))


async def test_every_vault_of_every_subscription_is_read():
    async with with_vaults() as room:
        seen = await observe_backups([SUBSCRIPTION], room.azure.inventory)

    assert [item.source.name for item in seen.items] == ["a-vm", "b-vm"]
    assert seen.gaps == ()
    assert seen.knows(SUBSCRIPTION.upper())


async def test_one_vault_that_cannot_be_read_hides_no_other():
    async with with_vaults() as room:
        room.befall(Fails(status=403, code="AuthorizationFailed"), path="/a/backupProtectedItems")
        seen = await observe_backups([SUBSCRIPTION], room.azure.inventory)

    assert [item.source.name for item in seen.items] == ["b-vm"]
    assert [gap.vault.name for gap in seen.gaps if gap.vault] == ["a"]
    assert not seen.knows(SUBSCRIPTION)


async def test_a_service_that_cannot_be_listed_hides_not_the_other_one():
    async with with_vaults(unregistered=("Microsoft.DataProtection",)) as room:
        seen = await observe_backups([SUBSCRIPTION, NO_SUCH], room.azure.inventory)

    gaps = {(gap.subscription, gap.kind): gap.registered for gap in seen.gaps}
    assert gaps == {
        (SUBSCRIPTION, VaultKind.BACKUP): False,
        (NO_SUCH, VaultKind.RECOVERY_SERVICES): True,
        (NO_SUCH, VaultKind.BACKUP): True,
    }
    assert seen.knows(SUBSCRIPTION)
    assert not seen.knows(NO_SUCH)
