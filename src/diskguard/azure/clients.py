"""The SDK's clients, wired our way."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import diskguard
from diskguard.azure.cloud import Cloud
from diskguard.azure.gate import Gate
from diskguard.azure.pacing import Pacer

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.pipeline.transport import AsyncHttpTransport
    from azure.mgmt.compute.aio import ComputeManagementClient
    from azure.mgmt.resource.resources.aio import ResourceManagementClient

USER_AGENT: Final = f"diskguard/{diskguard.__version__}"


@dataclass(slots=True, kw_only=True)
class Clients:
    """The SDK's clients, one of each kind per subscription, all over one wire and one budget."""

    cloud: Cloud
    credential: "AsyncTokenCredential"
    transport: "AsyncHttpTransport[Any, Any]"
    pacer: Pacer
    _compute: "dict[str, ComputeManagementClient]" = field(default_factory=dict)
    _resources: "dict[str, ResourceManagementClient]" = field(default_factory=dict)

    def compute(self, subscription: str) -> "ComputeManagementClient":
        """Speaks of VMs, disks and snapshots."""
        from azure.mgmt.compute.aio import ComputeManagementClient

        key = subscription.lower()
        if key not in self._compute:
            self._compute[key] = ComputeManagementClient(
                self.credential, subscription, self.cloud.endpoint, **self._wiring()
            )
        return self._compute[key]

    def resources(self, subscription: str) -> "ResourceManagementClient":
        """Speaks of groups, tags and regions."""
        from azure.mgmt.resource.resources.aio import ResourceManagementClient

        key = subscription.lower()
        if key not in self._resources:
            self._resources[key] = ResourceManagementClient(
                self.credential, subscription, self.cloud.endpoint, **self._wiring()
            )
        return self._resources[key]

    def _wiring(self) -> dict[str, Any]:
        return {
            "credential_scopes": [self.cloud.scope],
            "transport": self.transport,
            "policies": self._policies(),
        }

    def _policies(self) -> list[Any]:
        """What a request passes, outermost first.

        Left out on purpose: retries (the gate's), redirects (a token goes nowhere else), the
        registration of resource providers (unasked, unbounded), and every logger of whole requests.
        """
        from azure.core.pipeline import policies
        from azure.mgmt.core.policies import (
            ARMHttpLoggingPolicy,
            AsyncARMChallengeAuthenticationPolicy,
        )

        return [
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy(USER_AGENT),
            policies.ProxyPolicy(),
            policies.CustomHookPolicy(),
            Gate(self.pacer, self.cloud.endpoint),
            policies.ContentDecodePolicy(),
            AsyncARMChallengeAuthenticationPolicy(self.credential, self.cloud.scope),
            ARMHttpLoggingPolicy(),
        ]
