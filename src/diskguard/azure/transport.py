"""The wire: one session for Resource Manager and for login, its trust, and URLs left as they are."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from diskguard.errors import EndpointRefused

if TYPE_CHECKING:
    import ssl

    import aiohttp
    from azure.core.pipeline.transport import AsyncHttpTransport

# Azure-core waits 300 s for a connection and again for an answer; a request here is small.
_CONNECTING: Final = 10
_READING: Final = 60


@dataclass(frozen=True, slots=True)
class ExactSession:
    """An aiohttp session that sends a URL byte for byte.

    aiohttp itself rewrites needless escapes ("%2F" in a query becomes "/"): a signature over the
    query would no longer fit.
    """

    session: "aiohttp.ClientSession"
    auto_decompress: bool = False

    async def request(self, method: str, url: str, **options: Any) -> Any:
        """Give the session's answer."""
        from yarl import URL

        return await self.session.request(method, URL(url, encoded=True), **options)

    async def __aenter__(self) -> "ExactSession":
        """Entered by the transport before each request; there is nothing to do."""
        return self


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

    connector = aiohttp.TCPConnector(ssl=trust(environment), limit=0)
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
