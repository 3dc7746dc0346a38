"""The door to Azure: who we are, over which wire, to which cloud."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from diskguard.azure.clients import USER_AGENT, Clients
from diskguard.azure.cloud import METADATA_PATH, Cloud, choose_cloud, judge_metadata
from diskguard.azure.failures import azure_failures, refusal_of
from diskguard.azure.pacing import Pacer
from diskguard.errors import EndpointRefused
from diskguard.model.events import Event
from diskguard.ports import Clock, Compute, Guest, Inventory

if TYPE_CHECKING:
    import ssl

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.pipeline.transport import AsyncHttpTransport

# Azure-core waits 300 s for a connection and again for an answer; a request here is small.
_CONNECTING: Final = 10
_READING: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class AzurePorts:
    """The three doors to Azure a run acts through."""

    inventory: Inventory
    compute: Compute
    guest: Guest


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
            wire = await stack.enter_async_context(_open_transport(environment))
        known = cloud if isinstance(cloud, Cloud) else await find_cloud(cloud, environment, wire)
        login = credential
        if login is None:
            login = await stack.enter_async_context(_open_credential(known, wire))
        pacer = Pacer(clock=clock, notice=notice)
        clients = Clients(cloud=known, credential=login, transport=wire, pacer=pacer)
        compute = AzureCompute(clients)
        yield AzurePorts(
            inventory=AzureInventory(clients, compute), compute=compute, guest=AzureGuest(clients)
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
    response = await client.send_request(HttpRequest("GET", f"{endpoint}{METADATA_PATH}"))
    if response.status_code != 200:
        raise EndpointRefused(
            f"{endpoint} does not say who it is (HTTP {response.status_code})",
            hint="Is it a Resource Manager endpoint?",
            correlation_id=refusal_of(response).correlation_id,
        )
    return response.json()


@asynccontextmanager
async def _open_transport(
    environment: Mapping[str, str],
) -> "AsyncIterator[AsyncHttpTransport[Any, Any]]":
    """One session for Resource Manager and for login.

    Azure-core's own would honour neither variable for both: aiohttp reads SSL_CERT_FILE once, when
    imported, and REQUESTS_CA_BUNDLE never. No limit on connections: the budget is the limit, and a
    window's requests must not queue for one.
    """
    import aiohttp
    from azure.core.pipeline.transport import AioHttpTransport

    connector = aiohttp.TCPConnector(ssl=trust(environment), limit=0)
    session = aiohttp.ClientSession(
        connector=connector,
        trust_env=True,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )
    async with session:
        yield AioHttpTransport(
            session=session,
            session_owner=False,
            connection_timeout=_CONNECTING,
            read_timeout=_READING,
        )


def trust(environment: Mapping[str, str]) -> "ssl.SSLContext":
    """The system's authorities, and those of SSL_CERT_FILE and REQUESTS_CA_BUNDLE on top.

    Raises EndpointRefused for a file that cannot be read.
    """
    import ssl

    context = ssl.create_default_context()
    system = ssl.get_default_verify_paths().openssl_cafile  # create_default_context skips it where
    if Path(system).is_file():  # SSL_CERT_FILE is set
        context.load_verify_locations(cafile=system)
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        place = environment.get(variable)
        if place:
            _load(context, variable, place)
    return context


def _load(context: "ssl.SSLContext", variable: str, place: str) -> None:
    folder = Path(place).is_dir()
    try:
        context.load_verify_locations(
            capath=place if folder else None, cafile=None if folder else place
        )
    except OSError as error:  # ssl.SSLError is one
        raise EndpointRefused(
            f"{variable} names no certificates: {place}",
            hint="Name a PEM file or a folder of them.",
        ) from error


@asynccontextmanager
async def _open_credential(
    cloud: Cloud, transport: "AsyncHttpTransport[Any, Any]"
) -> "AsyncIterator[AsyncTokenCredential]":
    from azure.identity.aio import DefaultAzureCredential

    authority = {"authority": cloud.authority} if cloud.authority else {}
    async with DefaultAzureCredential(transport=transport, **authority) as credential:
        yield credential
