"""The wire: one session for Resource Manager and for login, its trust, and URLs left as they are."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakSet

from diskguard.errors import EndpointRefused

_FAREWELL: Final = 2.0
"""Seconds, at most, for requests that were cancelled to end their connections: TLS waits for the
other side. https://docs.aiohttp.org/en/stable/client_advanced.html#graceful-shutdown"""
_GLANCE: Final = 0.01

if TYPE_CHECKING:
    import socket
    import ssl

    import aiohttp
    from azure.core.pipeline.transport import AsyncHttpTransport


@dataclass(frozen=True, slots=True)
class ExactSession:
    """An aiohttp session that sends what it is told, as it is told, once.

    aiohttp itself rewrites needless escapes in a URL ("%2F" in a query becomes "/"): a signature
    over the query would no longer fit. And it sends a PUT again when a kept connection breaks; a
    body that can be read only once keeps it from that.
    """

    session: "aiohttp.ClientSession"
    auto_decompress: bool = False

    async def request(self, method: str, url: str, **options: Any) -> Any:
        """Give the session's answer."""
        from yarl import URL

        if method == "PUT":
            options["data"] = _once(options["data"])
        return await self.session.request(method, URL(url, encoded=True), **options)

    async def __aenter__(self) -> "ExactSession":
        """Entered by the transport before each request; there is nothing to do."""
        return self


class Sockets:
    """Every socket a connector has opened, and when the last of them is closed.

    aiohttp waits for those it knows of; of a request that was cancelled it knows none any more.
    """

    def __init__(self) -> None:
        self._opened: WeakSet[socket.socket] = WeakSet()

    def open(self, address: tuple[Any, ...]) -> "socket.socket":
        """Give a new socket for that address."""
        import socket

        family, kind, protocol, *_ = address
        opened = socket.socket(family, kind, protocol)
        self._opened.add(opened)
        return opened

    async def ended(self) -> None:
        """Return when all are closed, or after two seconds."""
        for _ in range(int(_FAREWELL / _GLANCE)):
            if all(each.fileno() < 0 for each in self._opened):
                return
            await asyncio.sleep(_GLANCE)


async def _once(body: str | bytes) -> AsyncIterator[bytes]:
    yield body.encode() if isinstance(body, str) else body


@asynccontextmanager
async def open_transport(
    environment: Mapping[str, str],
) -> "AsyncIterator[AsyncHttpTransport[Any, Any]]":
    """One session for Resource Manager and for login.

    Azure-core's own would honour neither variable for both: aiohttp reads SSL_CERT_FILE once, when
    imported, and REQUESTS_CA_BUNDLE never. No limit on connections: the budget is the limit, and a
    window's requests must not queue for one.
    """
    import aiohttp
    from azure.core.pipeline.transport import AioHttpTransport

    sockets = Sockets()
    connector = aiohttp.TCPConnector(ssl=trust(environment), limit=0, socket_factory=sockets.open)
    session = aiohttp.ClientSession(
        connector=connector,
        trust_env=True,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )
    async with session:
        yield AioHttpTransport(
            session=cast("aiohttp.ClientSession", ExactSession(session)),
            session_owner=False,
            connection_timeout=10,  # of logins; azure-core would wait 300 s for each
            read_timeout=60,
        )
    await sockets.ended()


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
