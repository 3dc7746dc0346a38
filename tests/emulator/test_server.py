"""The HTTPS door and the command line, in processes of their own, over real sockets."""

import json
import os
import ssl
import stat
import subprocess
import sys
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import SUBSCRIPTION

from diskguard_emulator.estate import Estate, load_estate
from diskguard_emulator.faults import Fault, Hangs, Resets
from diskguard_emulator.main import main
from diskguard_emulator.server import ENV_FILE, Server

pytestmark = pytest.mark.real_time

CLIENT = Path(__file__).with_name("https_client.py")
ESTATE = """
latencies: quick
principals:
  - {name: reader, client_id: reader-id, actions: ["*/read"]}
subscriptions:
  - vms:
      - {name: db01, disks: [{lun: 0}]}
"""


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "diskguard_emulator.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def environment_of(folder: Path) -> dict[str, str]:
    lines = (folder / ENV_FILE).read_text().splitlines()
    return dict(line.split("=", maxsplit=1) for line in lines)


# ---------------------------------------------------------------------- as a user starts it


@pytest.fixture(scope="module")
def background(tmp_path_factory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("emulator")
    estate = folder / "estate.yaml"
    estate.write_text(ESTATE.replace("principals:", "#").replace("  - {name: reader", "#"))
    started = run(
        "start", "--background", "--estate", str(estate), "--state-dir", str(folder / "state")
    )
    assert started.returncode == 0, started.stderr
    yield folder / "state"
    run("stop", "--state-dir", str(folder / "state"))


@pytest.mark.parametrize("way", ["default", "secret"])
def test_the_real_login_and_sdk_work_with_those_variables_only(background, way):
    own = environment_of(background) | {"VM_GROUP": "app", "PATH": os.environ["PATH"]}
    finished = subprocess.run(
        [sys.executable, str(CLIENT), way],
        env=own,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == {"vms": ["db01"], "snapshot": "Succeeded"}


def test_the_environment_is_for_its_owner_only_and_whole(background):
    path = background / ENV_FILE

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(environment_of(background)) == {
        "DISKGUARD_CLOUD",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "AZURE_AUTHORITY_HOST",
    }


def test_env_prints_exports_and_a_second_start_is_refused(background):
    folder = str(background)
    shown = CliRunner().invoke(main, ["env", "--state-dir", folder])
    second = CliRunner().invoke(main, ["start", "--background", "--state-dir", folder])
    foreground = CliRunner().invoke(main, ["start", "--state-dir", folder])

    assert "export DISKGUARD_CLOUD=https://127.0.0.1:" in shown.output
    assert second.exit_code == foreground.exit_code == 1
    assert "runs already" in second.output


def test_start_and_stop_leave_no_environment_behind(tmp_path):
    started = run("start", "--background", "--state-dir", str(tmp_path))
    environment = environment_of(tmp_path)
    stopped = run("stop", "--state-dir", str(tmp_path))
    again = run("stop", "--state-dir", str(tmp_path))
    shown = run("env", "--state-dir", str(tmp_path))

    assert (started.returncode, stopped.returncode, again.returncode) == (0, 0, 0)
    assert environment["DISKGUARD_CLOUD"].startswith("https://127.0.0.1:")
    assert "none is running" in again.stderr
    assert shown.returncode == 1
    assert not (tmp_path / ENV_FILE).exists()


def test_a_bad_estate_is_one_clear_error(tmp_path):
    bad = tmp_path / "estate.yaml"
    bad.write_text("subscriptions: [{vms: [{name: a, colour: red}]}]")
    refused = run("start", "--estate", str(bad), "--state-dir", str(tmp_path))

    assert refused.returncode == 1
    assert "colour" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_start_in_the_background_that_fails_says_why(tmp_path):
    failed = run("start", "--background", "--port", "99999", "--state-dir", str(tmp_path))

    assert failed.returncode == 1
    assert "did not start" in failed.stderr


def test_the_example_estate_is_valid():
    estate = load_estate(Path(__file__).parents[2] / "examples" / "estate.yaml")

    assert [vm.name for vm in estate.subscriptions[0].vms] == ["db01", "app01", "web01", "batch01"]
    assert estate.subscriptions[0].pairs == {"eastus": ("westus",), "westus": ("eastus",)}


# ---------------------------------------------------------------------- as the wire sees it


@pytest.fixture
async def server(tmp_path) -> AsyncIterator[tuple[Server, dict[str, str]]]:
    estate = load_estate(_written(tmp_path))
    server = Server(estate, tmp_path / "state")
    started = await server.start()
    yield server, started.environment
    await server.stop()


def _written(folder: Path) -> Path:
    path = folder / "estate.yaml"
    path.write_text(ESTATE)
    return path


@pytest.fixture
async def session(server) -> AsyncIterator[aiohttp.ClientSession]:
    _, environment = server
    trusted = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
    connector = aiohttp.TCPConnector(ssl=trusted)
    base = environment["DISKGUARD_CLOUD"]
    async with aiohttp.ClientSession(base, connector=connector) as session:
        yield session


async def token(session, environment, **more):
    query = {"api-version": "2019-08-01", "resource": "https://x", **more}
    header = {"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]}
    async with session.get("/msi/token", params=query, headers=header) as answer:
        return (await answer.json())["access_token"]


VMS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines"
VERSION = {"api-version": "2026-04-01"}


async def test_a_foreign_host_or_no_token_gets_nothing(session):
    async with session.get(VMS, params=VERSION, headers={"Host": "evil.test"}) as foreign:
        assert foreign.status == 421
    async with session.get(VMS, params=VERSION) as stranger:
        assert stranger.status == 401


async def test_a_managed_identity_token_opens_the_door(session, server):
    _, environment = server
    own = {"Authorization": f"Bearer {await token(session, environment)}"}
    async with session.get(VMS, params=VERSION, headers=own) as answer:
        assert answer.status == 200
        assert [vm["name"] for vm in (await answer.json())["value"]] == ["db01"]
    async with session.get("/emulator/log", headers=own) as answer:
        assert [entry["path"] for entry in (await answer.json())["value"]][-1] == VMS
    async with session.get("/emulator/state", headers=own) as answer:
        assert "power" in await answer.json()
    async with session.get("/emulator/else", headers=own) as answer:
        assert answer.status == 501


async def test_a_declared_principal_has_its_own_rights(session, server):
    _, environment = server
    login = await token(session, environment, client_id="reader-id")
    own = {"Authorization": f"Bearer {login}"}
    one = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/app/providers/Microsoft.Compute"
    path = f"{one}/virtualMachines/db01/start"
    async with session.get(VMS, params=VERSION, headers=own) as answer:
        assert answer.status == 200
    async with session.post(path, params=VERSION, headers=own) as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/msi/token", {"api-version": "2019-08-01"}, 401),
        ("/msi/token", {"api-version": "2017-09-01"}, 501),
        ("/metadata/endpoints", {"api-version": "2022-09-01"}, 200),
        ("/metadata/endpoints", {"api-version": "2015-01-01"}, 501),
        ("/metadata/other", {}, 501),
        ("/common/discovery/instance", {}, 200),
        ("/tenant/v2.0/.well-known/openid-configuration", {}, 200),
    ],
)
async def test_the_login_documents_are_open_and_strict(session, path, params, status):
    async with session.get(path, params=params) as answer:
        assert answer.status == status


@pytest.mark.parametrize(
    ("client", "right_secret", "status"),
    [("reader-id", True, 200), ("reader-id", False, 401), ("unknown", True, 401)],
)
async def test_a_client_secret_login_needs_a_known_client_and_this_starts_secret(
    session, server, client, right_secret, status
):
    secret = server[1]["IDENTITY_HEADER"] if right_secret else "wrong"
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    async with session.post("/tenant/oauth2/v2.0/token", data=form) as answer:
        assert answer.status == status
        assert ("access_token" in await answer.json()) is (status == 200)


async def test_a_token_is_for_the_audience_of_the_scope(session, server):
    form = {"grant_type": "client_credentials", "client_id": "reader-id", "client_info": "1"}
    form |= {"client_secret": server[1]["IDENTITY_HEADER"], "scope": "https://x/.default"}
    async with session.post("/tenant/oauth2/v2.0/token", data=form) as answer:
        claims = (await answer.json())["access_token"].split(".")[1]

    assert json.loads(urlsafe_b64decode(claims + "=="))["aud"] == "https://x"


async def test_faults_break_real_connections(session, server):
    running, environment = server
    own = {"Authorization": f"Bearer {await token(session, environment)}"}
    running.api.faults.add(Fault(effect=Resets(), times=9))  # aiohttp itself tries a GET again
    with pytest.raises(aiohttp.ClientConnectionError):
        await session.get(VMS, params=VERSION, headers=own)
    running.api.faults.clear()
    running.api.faults.add(Fault(effect=Hangs()))
    impatient = aiohttp.ClientTimeout(total=0.3)
    with pytest.raises(TimeoutError):
        await session.get(VMS, params=VERSION, headers=own, timeout=impatient)


async def test_the_managed_identity_may_be_somebody_in_particular(tmp_path):
    estate = load_estate(_written(tmp_path)).model_copy(update={"managed_identity": "reader"})
    server = Server(estate, tmp_path / "state")
    started = await server.start()
    trusted = ssl.create_default_context(cafile=started.environment["SSL_CERT_FILE"])
    connector = aiohttp.TCPConnector(ssl=trusted)
    async with aiohttp.ClientSession(started.url, connector=connector) as session:
        await token(session, started.environment)
    await server.stop()

    assert [each.name for each in server.api.principals.values()] == ["reader"]


async def test_a_server_that_never_started_stops_quietly(tmp_path):
    server = Server(an_estate(a_vm()), tmp_path)
    await server.stop()

    assert not (tmp_path / ENV_FILE).exists()


def test_an_empty_estate_file_is_an_empty_subscription(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("")

    assert load_estate(path) == Estate()
