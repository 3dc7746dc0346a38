"""The door to Azure: who we are, over which wire, to which cloud."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diskguard.azure.clients import USER_AGENT, Clients
from diskguard.azure.cloud import METADATA_PATH, Cloud, choose_cloud, judge_metadata
from diskguard.azure.failures import azure_failures, refusal_of
from diskguard.azure.pacing import Pacer
from diskguard.azure.transport import open_transport
from diskguard.errors import EndpointRefused
from diskguard.model.events import Event
from diskguard.model.report import Traffic
from diskguard.ports import Clock, Compute, Guest, Inventory

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.pipeline.transport import AsyncHttpTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class AzurePorts:
    """The three doors to Azure a run acts through, and what has gone through them."""

    inventory: Inventory
    compute: Compute
    guest: Guest
    traffic: Callable[[], Traffic]


@asynccontextmanager
async def open_azure(
    cloud: str | Cloud,
    *,
    clock: Clock,
    notice: Callable[[Event], None],
    environment: Mapping[str, str],
    transport: "AsyncHttpTransport[Any, Any] | None" = None,
    credential: "AsyncTokenCredential | None" = None,
) -> AsyncIterator[AzurePorts]:
    """Open the doors to a cloud; they close with the context.

    `cloud` is public, usgov, china or an https endpoint, which is asked who it is. `environment`
    gives SSL_CERT_FILE, REQUESTS_CA_BUNDLE and AZURE_AUTHORITY_HOST. An injected transport or
    credential stays open. Raises EndpointRefused, CloudUnreachable.
    """
    from diskguard.azure.compute import AzureCompute
    from diskguard.azure.inventory import AzureInventory
    from diskguard.azure.run_command import AzureGuest

    async with AsyncExitStack() as stack:
        wire = transport
        if wire is None:
            wire = await stack.enter_async_context(open_transport(environment))
        known = cloud if isinstance(cloud, Cloud) else await find_cloud(cloud, environment, wire)
        login = credential
        if login is None:
            login = await stack.enter_async_context(_open_credential(known, wire))
        pacer = Pacer(clock=clock, notice=notice)
        clients = Clients(cloud=known, credential=login, transport=wire, pacer=pacer)
        compute = AzureCompute(clients)
        yield AzurePorts(
            inventory=AzureInventory(clients, compute),
            compute=compute,
            guest=AzureGuest(clients),
            traffic=pacer.traffic,
        )


async def find_cloud(
    text: str, environment: Mapping[str, str], transport: "AsyncHttpTransport[Any, Any]"
) -> Cloud:
    """Give the cloud of that name or endpoint; an endpoint is asked, without a token, who it is.

    Raises EndpointRefused, CloudUnreachable.
    """
    authority_host = environment.get("AZURE_AUTHORITY_HOST") or None
    chosen = choose_cloud(text, authority_host=authority_host)
    if isinstance(chosen, Cloud):
        return chosen
    with azure_failures(f"asking {chosen} who it is"):
        document = await _read_metadata(chosen, transport)
    return judge_metadata(chosen, document, authority_host=authority_host)


async def _read_metadata(endpoint: str, transport: "AsyncHttpTransport[Any, Any]") -> Any:
    from azure.core import AsyncPipelineClient
    from azure.core.pipeline import policies
    from azure.core.rest import AsyncHttpResponse, HttpRequest

    agent = policies.UserAgentPolicy(USER_AGENT)
    client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncPipelineClient(
        endpoint, policies=[agent, policies.HttpLoggingPolicy()], transport=transport
    )
    request = HttpRequest("GET", f"{endpoint}{METADATA_PATH}")
    response = await client.send_request(request, connection_timeout=10, read_timeout=20)
    if response.status_code != 200:
        raise EndpointRefused(
            f"{endpoint} does not say who it is (HTTP {response.status_code})",
            hint="Is it a Resource Manager endpoint?",
            correlation_id=refusal_of(response).correlation_id,
        )
    return response.json()


@asynccontextmanager
async def _open_credential(
    cloud: Cloud, transport: "AsyncHttpTransport[Any, Any]"
) -> "AsyncIterator[AsyncTokenCredential]":
    from azure.identity.aio import DefaultAzureCredential

    authority = {"authority": cloud.authority} if cloud.authority else {}
    async with DefaultAzureCredential(transport=transport, **authority) as credential:
        yield credential
