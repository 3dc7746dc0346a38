"""Subscriptions: themselves, their locations, their providers."""

from diskguard_emulator.call import Call
from diskguard_emulator.refusals import Refusal
from diskguard_emulator.wire import JsonObject, Response
from diskguard_emulator.world import Subscription

PROVIDERS = (
    "Microsoft.Compute",
    "Microsoft.Resources",
    "Microsoft.Network",
    "Microsoft.Authorization",
    "Microsoft.RecoveryServices",
    "Microsoft.DataProtection",
)


def _shown(subscription: Subscription) -> JsonObject:
    """Recorded: listLocations-2020.json, first call."""
    return {
        "id": f"/subscriptions/{subscription.id}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription.id,
        "tenantId": subscription.tenant,
        "displayName": subscription.name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


async def list_all(call: Call) -> Response:
    """Every subscription of the world."""
    found = [_shown(each) for each in call.world.subscriptions.values()]
    return Response(status=200, body={"value": found})


async def list_tenants(call: Call) -> Response:
    """The tenants of those subscriptions."""
    tenants = sorted({each.tenant for each in call.world.subscriptions.values()})
    found = [{"id": f"/tenants/{tenant}", "tenantId": tenant} for tenant in tenants]
    return Response(status=200, body={"value": found})


async def get(call: Call) -> Response:
    """One subscription."""
    return Response(status=200, body=_shown(call.subscription))


async def locations(call: Call) -> Response:
    """The regions with their pairs, whole, without pages (listLocations-2020.json)."""
    return Response(status=200, body={"value": call.subscription.locations})


def _provider(call: Call) -> JsonObject:
    namespace = next((name for name in PROVIDERS if name.lower() == call.names[1].lower()), None)
    if namespace is None:
        raise Refusal(
            404,
            "InvalidResourceNamespace",
            f"The resource namespace '{call.names[1]}' is invalid.",
        )
    state = "NotRegistered" if namespace in call.subscription.unregistered else "Registered"
    return {
        "id": f"/subscriptions/{call.subscription.id}/providers/{namespace}",
        "namespace": namespace,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": state,
        "resourceTypes": [],
    }


async def get_provider(call: Call) -> Response:
    """A provider's registration; its resource types are not emulated and the list is empty."""
    return Response(status=200, body=_provider(call))


async def register_provider(call: Call) -> Response:
    """Register it, at once."""
    call.subscription.unregistered.discard(_provider(call)["namespace"])
    return Response(status=200, body=_provider(call))
