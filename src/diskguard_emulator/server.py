"""The HTTPS door on 127.0.0.1: certificates of its own, known hosts only, tokens of this start only."""

import asyncio
import ssl
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import trustme
from aiohttp import web

from diskguard_emulator.api import Api
from diskguard_emulator.clock import RealClock
from diskguard_emulator.dump import dump
from diskguard_emulator.estate import Estate
from diskguard_emulator.login import Login
from diskguard_emulator.refusals import Refusal, not_emulated
from diskguard_emulator.seed import build_world
from diskguard_emulator.wire import ConnectionLost, Headers, Request, Response

ADDRESS: Final = "127.0.0.1"
_BODY_LIMIT: Final = 4 << 20
ENV_FILE: Final = "emulator.env"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Where the emulator listens and how to reach it."""

    url: str
    environment: dict[str, str]


class Server:
    """One emulator over HTTPS; `start` once, then `stop`."""

    def __init__(self, estate: Estate, folder: Path) -> None:
        clock = RealClock()
        self._folder = folder
        self.api = Api(build_world(estate, clock, folder / "guests"))
        self._login = Login(self.api, estate, clock)
        self._runner: web.AppRunner | None = None
        self._hosts: frozenset[str] = frozenset()

    async def start(self, port: int = 0) -> Started:
        """Listen, and write the certificate of the authority and `emulator.env` (mode 0600)."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        authority = trustme.CA(organization_name="diskguard emulator")
        bundle = self._folder / "ca.pem"
        authority.cert_pem.write_to_path(str(bundle))
        application = web.Application(client_max_size=_BODY_LIMIT)
        application.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, ADDRESS, port, ssl_context=_context(authority))
        await site.start()
        bound = self._runner.addresses[0][1]
        self._hosts = frozenset({f"{ADDRESS}:{bound}", f"localhost:{bound}"})
        url = f"https://{ADDRESS}:{bound}"
        started = Started(url=url, environment=self._environment(url, bundle))
        write_environment(self._folder / ENV_FILE, started.environment)
        return started

    def _environment(self, url: str, bundle: Path) -> dict[str, str]:
        return {
            "DISKGUARD_CLOUD": url,
            "SSL_CERT_FILE": str(bundle.resolve()),
            "REQUESTS_CA_BUNDLE": str(bundle.resolve()),
            "IDENTITY_ENDPOINT": f"{url}/msi/token",
            "IDENTITY_HEADER": self._login.secret,
            "AZURE_AUTHORITY_HOST": url,
        }

    async def stop(self) -> None:
        """Listen no more, end the world and its guests, take back `emulator.env`."""
        (self._folder / ENV_FILE).unlink(missing_ok=True)
        if self._runner is not None:
            await self._runner.cleanup()
        await self.api.world.close()

    # ------------------------------------------------------------------ requests

    async def _handle(self, incoming: web.Request) -> web.Response:
        try:
            answer = await self._answer(incoming)
        except Refusal as refusal:
            answer = refusal.response()
        except ConnectionLost:
            if incoming.transport is not None:
                incoming.transport.abort()
            return web.Response()
        headers = dict(answer.headers)
        headers.setdefault("Content-Type", "application/json; charset=utf-8")
        return web.Response(status=answer.status, body=answer.payload(), headers=headers)

    async def _answer(self, incoming: web.Request) -> Response:
        host = incoming.headers.get("Host", "")
        if host.lower() not in self._hosts:
            raise Refusal(421, "EmulatorUnknownHost", f"The emulator is not the host '{host}'.")
        path, _, query = incoming.raw_path.partition("?")
        request = Request(
            method=incoming.method,
            base=f"https://{host}",
            path=unquote(path),
            raw_query=query,
            headers=Headers(dict(incoming.headers)),
            body=await incoming.read(),
        )
        if self._login.serves(request.path):
            return self._login.answer(request)
        if request.path.startswith("/emulator/"):
            return self._inspect(request)
        return await self.api.answer(request)

    def _inspect(self, request: Request) -> Response:
        """The request log and the state, for whoever has a token; not part of Azure."""
        self.api.principal_of(request)
        match (request.method, request.path):
            case ("GET", "/emulator/log"):
                entries = [_plain(asdict(entry)) for entry in self.api.log]
                return Response(status=200, body={"value": entries})
            case ("GET", "/emulator/state"):
                return Response(status=200, body=dump(self.api.world))
            case _:
                raise not_emulated(f"{request.method} {request.path}")


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str | int) else str(value) for name, value in entry.items()
    }


def _context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(ADDRESS, "localhost").configure_cert(context)
    return context


def write_environment(path: Path, environment: dict[str, str]) -> None:
    """Write `NAME=value` lines, readable by the owner only, whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
    fresh.replace(path)


async def serve(estate: Estate, folder: Path, port: int, until: asyncio.Event) -> None:
    """Serve until told to end."""
    server = Server(estate, folder)
    try:
        await server.start(port)
        await until.wait()
    finally:
        await server.stop()
