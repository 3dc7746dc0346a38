"""The emulator's in-process door for the real Azure SDK: a transport, a credential, a cloud in a box."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.core.rest._http_response_impl_async import AsyncHttpResponseImpl
from azure.core.utils import CaseInsensitiveDict
from azure.mgmt.compute.aio import ComputeManagementClient

from diskguard_emulator.access import Principal
from diskguard_emulator.api import OWNER, Api
from diskguard_emulator.clock import LoopOrEpochClock
from diskguard_emulator.estate import SUBSCRIPTION, Estate
from diskguard_emulator.seed import build_world
from diskguard_emulator.wire import ConnectionLost, Headers, Request, Response
from diskguard_emulator.world import World

BASE_URL: Final = "https://management.emulator.test"
TOKEN: Final = "test-token"  # noqa: S105 - lives in this process only
_NEVER: Final = 1 << 32


class ProcessIsDead(ServiceRequestError):
    """The power was cut: nothing this client sends is heard any more."""


class Fuse:
    """Cuts the power at request `at` (from 1): before Azure hears it, or after Azure did it.

    From then on nothing is heard and nothing answers. Wait for `blown`, cancel the run, `bury` it.
    """

    def __init__(self, at: int, *, after: bool) -> None:
        self.blown = asyncio.Event()
        self.seen = 0
        self._buried = asyncio.Event()
        self._at = at
        self._after = after

    async def before(self) -> None:
        """Called before a request goes out."""
        self.seen += 1
        if self.seen > self._at:
            raise ProcessIsDead("the process is dead")
        if self.seen == self._at and not self._after:
            await self._cut()

    async def after(self, number: int) -> None:
        """Called when request `number` has been answered."""
        if number == self._at and self._after:
            await self._cut()

    def bury(self) -> None:
        """Let the dead process end: what still hangs fails."""
        self._buried.set()

    async def _cut(self) -> None:
        self.blown.set()
        await self._buried.wait()
        raise ProcessIsDead("the process is dead")


class InProcessTransport(AsyncHttpTransport[HttpRequest, AsyncHttpResponse]):
    """azure-core's transport over `Api.answer`; waiting is asyncio's, so virtual in virtual time."""

    def __init__(self, api: Api, fuse: Fuse | None = None) -> None:
        self.api = api
        self.fuse = fuse

    async def send(self, request: HttpRequest, **kwargs: Any) -> AsyncHttpResponse:
        """The answer. Raises ServiceResponseError for a lost connection or a read timeout."""
        number = await self._leave()
        patience = kwargs.get("read_timeout") or kwargs.get("connection_timeout") or _NEVER
        try:
            async with asyncio.timeout(patience):
                answer = await self.api.answer(_translated(request))
        except ConnectionLost as lost:
            raise ServiceResponseError("Connection reset by peer") from lost
        except TimeoutError as late:
            raise ServiceResponseError(f"Read timed out after {patience} s") from late
        if self.fuse is not None:
            await self.fuse.after(number)
        return _Answer(request, answer)

    async def _leave(self) -> int:
        if self.fuse is None:
            return 0
        await self.fuse.before()
        return self.fuse.seen

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close; a closed transport may be used again."""

    async def sleep(self, duration: float) -> None:
        """Wait on the loop."""
        await asyncio.sleep(duration)

    async def __aenter__(self) -> "InProcessTransport":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        return


def _translated(request: HttpRequest) -> Request:
    content = request.content
    body = content.encode() if isinstance(content, str) else content or b""
    headers = Headers(dict(request.headers))
    return Request.of_url(request.method, request.url, headers=headers, body=bytes(body))


class _Closed:
    async def close(self) -> None:
        return


class _Answer(AsyncHttpResponseImpl):
    """An answer that is read already; its headers are case-insensitive, or pollers would miss them."""

    def __init__(self, request: HttpRequest, answer: Response) -> None:
        payload = answer.payload()
        super().__init__(
            request=request,
            internal_response=_Closed(),
            status_code=answer.status,
            headers=CaseInsensitiveDict(dict(answer.headers)),
            reason=str(answer.status),
            content_type=answer.headers.get("Content-Type"),
            stream_download_generator=None,
            block_size=4096,
        )
        self._content = payload


class TestCredential:
    """A token credential whose token never expires."""

    __test__ = False

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token

    async def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        """The token, for whatever scope."""
        return AccessToken(self.token, _NEVER)

    async def get_token_info(
        self, *scopes: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        """The token, for whatever scope."""
        return AccessTokenInfo(self.token, _NEVER)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> "TestCredential":
        return self

    async def __aexit__(self, *_: object) -> None:
        return


class Cloud:
    """A world with its in-process door, and clients of the real SDK that use it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.api = Api(world)
        self.api.admit(TOKEN, OWNER)

    @property
    def subscription(self) -> str:
        """The first subscription's id."""
        return next(iter(self.world.subscriptions.values())).id

    def transport(self, fuse: Fuse | None = None) -> InProcessTransport:
        """A door of one client; with a fuse the client dies when it blows."""
        return InProcessTransport(self.api, fuse)

    def log_in(self, principal: Principal) -> TestCredential:
        """A credential of another principal."""
        self.api.admit(f"token-of-{principal.name}", principal)
        return TestCredential(f"token-of-{principal.name}")

    def compute(
        self, credential: TestCredential | None = None, **options: Any
    ) -> ComputeManagementClient:
        """The SDK's own client, unchanged, in this world."""
        return ComputeManagementClient(
            credential or TestCredential(),
            self.subscription,
            base_url=BASE_URL,
            credential_scopes=[f"{BASE_URL}/.default"],
            transport=options.pop("transport", None) or self.transport(),
            polling_interval=options.pop("polling_interval", 1),
            **options,
        )

    async def close(self) -> None:
        """End the world. Raises what went wrong in its background work."""
        await self.world.close()
        if self.world.bugs:
            raise BaseExceptionGroup("bugs in the emulator", self.world.bugs)


def a_cloud(estate: Estate | None = None, folder: Path = Path("unused")) -> Cloud:
    """A cloud with this estate; guests that need files keep them below `folder`."""
    return Cloud(build_world(estate or Estate(), LoopOrEpochClock(), folder))


@asynccontextmanager
async def running_cloud(
    estate: Estate | None = None, folder: Path = Path("unused")
) -> AsyncIterator[Cloud]:
    """A cloud that is closed at the end, whatever happened."""
    cloud = a_cloud(estate, folder)
    try:
        yield cloud
    finally:
        await cloud.close()


__all__ = ["BASE_URL", "SUBSCRIPTION", "TOKEN", "Cloud", "Fuse", "TestCredential", "a_cloud"]
