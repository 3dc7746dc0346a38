"""The door to Azure: over real TLS, with the real credential, against the emulator's server."""

import asyncio
import socket
import ssl
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest
from tests.azure.rooms import LoopClock, a_wish
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import SUBSCRIPTION, TOKEN, TestCredential, running_cloud

from diskguard.azure.client import find_cloud, open_azure
from diskguard.azure.cloud import BUILT_IN
from diskguard.azure.run_command import AzureGuest
from diskguard.azure.transport import Sockets, open_transport, trust
from diskguard.errors import EndpointRefused
from diskguard_emulator.api import Api
from diskguard_emulator.server import Server

A_LOOK = f"""
import asyncio, logging, os, sys
from datetime import UTC, datetime
from diskguard.azure.client import open_azure
from diskguard.errors import DiskguardError

class Clock:
    def now(self):
        return datetime.now(UTC)

async def look():
    here = dict(clock=Clock(), notice=print, environment=os.environ)
    async with open_azure(os.environ["DISKGUARD_CLOUD"], **here) as azure:
        print(*[vm.name for vm in await azure.inventory.list_vms("{SUBSCRIPTION}")])

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
try:
    asyncio.run(look())
except DiskguardError as error:
    print(error.code, error.hint)
"""


@dataclass(frozen=True)
class Running:
    """A server, where it listens and what its users need."""

    api: Api
    url: str
    environment: dict[str, str]


@pytest.fixture
async def server(tmp_path: Path):
    server = Server(an_estate(a_vm("db01", 0), latencies="quick"), tmp_path)
    started = await server.start()
    server.api.admit(TOKEN)
    yield Running(server.api, started.url, started.environment)
    await server.stop()


async def looked(environment: dict[str, str]) -> tuple[str, str]:
    """What another process of ours sees, and logs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", A_LOOK, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return out.decode().strip(), err.decode()


@pytest.mark.real_time
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
async def test_either_variable_makes_resource_manager_and_login_trusted(server, variable):
    environment = dict(server.environment)
    for other in {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"} - {variable}:
        del environment[other]

    seen, log = await looked(environment)

    assert seen == "db01"
    assert "azure.identity" in log
    assert not [token for token in server.api.principals if token in log]
    assert server.environment["IDENTITY_HEADER"] not in log


@pytest.mark.real_time
async def test_an_endpoint_is_asked_who_it_is_and_believed(server):
    async with open_azure(
        f"{server.url}/",
        clock=LoopClock(),
        notice=print,
        environment=server.environment,
        credential=TestCredential(),
    ) as azure:
        vms = await azure.inventory.list_vms(SUBSCRIPTION)
        requested = await azure.compute.request_snapshot(a_wish())
        state = await azure.compute.read_operation(requested)

    assert [vm.name for vm in vms] == ["db01"]
    assert state.error_code is None
    assert server.api.log.of("GET", "/DiskOperations/")[0].query in requested.operation


@pytest.mark.real_time
async def test_a_url_goes_over_the_wire_byte_for_byte(server):
    query = "c=a%2Fb%7E+%20%22==&s=-_.~%2B"

    async with open_transport(server.environment) as transport:
        await transport.send(HttpRequest("GET", f"{server.url}/subscriptions?{query}"))

    assert [entry.query for entry in server.api.log] == [query]


@pytest.mark.real_time
async def test_a_put_is_not_sent_again_when_its_connection_breaks(tmp_path: Path):
    heard: list[bytes] = []
    async with a_server_that_hangs_up_on_puts(heard, tmp_path) as url:
        environment = {"SSL_CERT_FILE": str(tmp_path / "ca.pem")}
        async with open_transport(environment) as transport:
            await transport.send(HttpRequest("GET", url))
            with pytest.raises(AzureError):
                await transport.send(HttpRequest("PUT", url, json={"a": 1}))

    assert [line.split()[0] for line in heard] == [b"GET", b"PUT"]
    assert b'{"a": 1}' in heard[1]
    assert b"chunked" not in heard[1]


@asynccontextmanager
async def a_server_that_hangs_up_on_puts(heard: list[bytes], folder: Path):
    """It keeps connections, but breaks one as soon as it has heard a PUT; gives its URL."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await reader.read(1 << 16)) and not request.startswith(b"PUT"):
            heard.append(request)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        while request and not request.endswith(b"}"):
            request += await reader.read(1 << 16)
        if request:
            heard.append(request)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.mark.real_time
async def test_an_endpoint_nobody_vouches_for_is_not_talked_to(server):
    environment = dict(server.environment)
    del environment["SSL_CERT_FILE"], environment["REQUESTS_CA_BUNDLE"]

    seen, _ = await looked(environment)

    assert seen.startswith("cloud-unreachable Name the certificate authority")


@pytest.mark.real_time
async def test_an_endpoint_that_does_not_say_who_it_is_is_refused(server):
    async with open_transport(server.environment) as transport:
        with pytest.raises(EndpointRefused, match="does not say who it is"):
            await find_cloud(f"{server.url}/elsewhere", server.environment, transport)


@pytest.mark.real_time
async def test_an_authority_outside_azure_and_the_environment_is_refused(server):
    async with open_transport(server.environment) as transport:
        with pytest.raises(EndpointRefused, match="none of Azure's"):
            await find_cloud(server.url, {}, transport)


@pytest.mark.real_time
async def test_a_login_that_fails_is_one_line_with_a_way_out(server):
    environment = dict(server.environment)
    environment |= {
        "IDENTITY_HEADER": "stale",
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
    }

    seen, _ = await looked(environment)

    assert seen.startswith("login-failed Log in with")


async def test_a_built_in_cloud_is_not_asked_anything():
    async with running_cloud(an_estate()) as cloud:
        found = await find_cloud("usgov", {}, cloud.transport())

    assert found == BUILT_IN["usgov"]
    assert len(cloud.api.log) == 0


async def test_a_real_transport_and_credential_are_opened_and_closed_with_the_doors():
    async with open_azure("public", clock=LoopClock(), notice=print, environment={}) as azure:
        assert isinstance(azure.guest, AzureGuest)


def test_authorities_of_both_variables_come_on_top_of_the_systems(tmp_path: Path):
    mine, theirs = trustme.CA(), trustme.CA()
    mine.cert_pem.write_to_path(str(tmp_path / "mine.pem"))
    theirs.cert_pem.write_to_path(str(tmp_path / "theirs.pem"))
    plain = len(trust({}).get_ca_certs())

    both = trust(
        {
            "SSL_CERT_FILE": str(tmp_path / "mine.pem"),
            "REQUESTS_CA_BUNDLE": str(tmp_path / "theirs.pem"),
        }
    )

    assert len(both.get_ca_certs()) == plain + 2
    assert both.verify_mode == ssl.CERT_REQUIRED


def test_a_folder_of_certificates_will_do(tmp_path: Path):
    assert trust({"REQUESTS_CA_BUNDLE": str(tmp_path)}).check_hostname


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_variable_that_names_no_certificates_is_refused(tmp_path: Path, content):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)

    with pytest.raises(EndpointRefused, match="SSL_CERT_FILE names no certificates"):
        trust({"SSL_CERT_FILE": str(file)})


async def test_a_transport_ends_when_its_last_socket_is_closed():
    sockets = Sockets()
    opened = sockets.open((socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ()))
    leaving = asyncio.ensure_future(sockets.ended())

    await asyncio.sleep(0.5)
    waited = not leaving.done()
    opened.close()
    await leaving

    assert waited
