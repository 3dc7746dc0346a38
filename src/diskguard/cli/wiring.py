"""Where everything meets: the only reader of the clock and of the environment."""

import gc
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from diskguard.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from diskguard.ports import Clock, Observer, Ports

USUAL_POLICIES: Final = (Path("diskguard.yaml"), Path("/etc/diskguard/policy.yaml"))


class SystemClock:
    """This machine's clock, and the running loop's sleep."""

    def now(self) -> datetime:
        """Give the present instant."""
        return datetime.now(UTC)

    def loop_time(self, when: datetime) -> float:
        """Give the loop's time at that instant."""
        import asyncio

        return asyncio.get_running_loop().time() + (when - self.now()).total_seconds()

    async def sleep_until(self, when: datetime) -> None:
        """Return at that instant, or at once if it has passed."""
        import asyncio

        await asyncio.sleep(max(0.0, (when - self.now()).total_seconds()))


def new_nonce() -> str:
    """Give 16 hex digits nobody can guess."""
    return os.urandom(8).hex()


def start_quickly() -> None:
    """Imports are not slowed by looking for garbage, nor for pydantic plugins of others.

    Each is about 20 ms of `validate`; and no plugin that happens to be installed takes part. So what
    would look for them (pydantic 2.14: it imports importlib.metadata, 25 ms) is not loaded either.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    loader = ModuleType("pydantic.plugin._loader")
    loader.__dict__["get_plugins"] = tuple
    sys.modules.setdefault(loader.__name__, loader)
    gc.set_threshold(50_000)


def wired(clock: "Clock | None" = None) -> Surroundings:
    """Give the real world, with its own clock unless another is given."""
    environment: Mapping[str, str] = os.environ
    clock = clock or SystemClock()

    @asynccontextmanager
    async def open_ports(cloud: str, observer: "Observer") -> AsyncIterator["Ports"]:
        from diskguard.azure.client import open_azure
        from diskguard.ports import Ports

        async with open_azure(
            cloud, clock=clock, notice=observer.notice, environment=environment
        ) as azure:
            yield Ports(
                inventory=azure.inventory,
                compute=azure.compute,
                guest=azure.guest,
                observer=observer,
                clock=clock,
                nonce=new_nonce,
                traffic=azure.traffic,
            )

    return Surroundings(
        environment=environment,
        clock=clock,
        nonce=new_nonce,
        open_ports=open_ports,
        lock_folders=lock_folders(environment, user=os.geteuid()),
        usual_policies=USUAL_POLICIES,
    )


def lock_folders(environment: Mapping[str, str], *, user: int) -> tuple[Path, ...]:
    """Say where the lock may lie, best first; a folder the user names is the only one.

    Root takes the machine's folder; anybody else their own, because a file in a folder everybody
    writes to can be taken hostage.
    """
    named = environment.get("DISKGUARD_LOCK_DIR")
    if named:
        return (Path(named),)
    machine, own = Path("/run/lock"), Path(f"/run/user/{user}")
    if user == 0:
        return (machine,)
    runtime = environment.get("XDG_RUNTIME_DIR")
    return (Path(runtime),) if runtime else (own, machine)
