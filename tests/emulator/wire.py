"""The wire without an SDK: plain requests to the emulator, and the end of what they start."""

import asyncio
import json
from typing import Any

from tests.support.inprocess import BASE_URL, SUBSCRIPTION, TOKEN, Cloud

from diskguard_emulator.wire import Headers, Request, Response

DISKS = "2025-01-02"
COMPUTE = "2025-04-01"
GROUPS = "2021-04-01"


def in_group(group: str, kind: str, name: str = "") -> str:
    """The path of a Compute resource, or of its list."""
    path = (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Compute/{kind}"
    )
    return f"{path}/{name}" if name else path


def in_subscription(kind: str) -> str:
    """The path of a list of the whole subscription."""
    return f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/{kind}"


def snapshot(name: str, group: str = "rg-diskguard-eus") -> str:
    return in_group(group, "snapshots", name)


def disk(name: str) -> str:
    return in_group("app", "disks", name)


def vm(name: str = "db01") -> str:
    return in_group("app", "virtualMachines", name)


class Wire:
    """Requests of one principal."""

    def __init__(self, cloud: Cloud, token: str = TOKEN) -> None:
        self.cloud = cloud
        self.token = token

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: str | None = None,
        headers: dict[str, str] | None = None,
        query: str = "",
    ) -> Response:
        """The answer; the api-version is that of the path's kind unless told."""
        chosen = version if version is not None else _version(path)
        url = f"{BASE_URL}{path}?api-version={chosen}{query}"
        own = Headers({"Authorization": f"Bearer {self.token}", **(headers or {})})
        content = b"" if body is None else json.dumps(body).encode()
        return await self.cloud.api.answer(Request.of_url(method, url, headers=own, body=content))

    async def follow(self, url: str) -> Response:
        """The answer of an absolute URL, as it was given."""
        own = Headers({"Authorization": f"Bearer {self.token}"})
        return await self.cloud.api.answer(Request.of_url("GET", url, headers=own))

    async def get(self, path: str, **options: Any) -> Response:
        return await self.send("GET", path, **options)

    async def put(self, path: str, body: Any, **options: Any) -> Response:
        return await self.send("PUT", path, body, **options)

    async def patch(self, path: str, body: Any, **options: Any) -> Response:
        return await self.send("PATCH", path, body, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Response:
        return await self.send("POST", path, body, **options)

    async def delete(self, path: str, **options: Any) -> Response:
        return await self.send("DELETE", path, **options)

    async def end_of(self, accepted: Response) -> dict[str, Any]:
        """The final status body of an accepted operation."""
        assert accepted.status in (200, 201, 202), accepted.body
        while True:
            status = await self.follow(accepted.headers["azure-asyncoperation"])
            assert status.status == 200, status.body
            if status.body["status"] != "InProgress":
                return dict(status.body)
            await asyncio.sleep(5)


def _version(path: str) -> str:
    lowered = path.lower()
    if lowered.count("/") < 3:
        return "2022-12-01"
    if "/locks" in lowered:
        return "2020-05-01"
    if "/tags/" in lowered or "microsoft.compute" not in lowered:
        return GROUPS
    vm_side = ("/virtualmachine", "/availabilitysets", "/operations/")
    return COMPUTE if any(part in lowered for part in vm_side) else DISKS
