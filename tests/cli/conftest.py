"""diskguard's command line, run in this process; and an emulated Azure behind HTTPS."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from diskguard.cli.main import run
from diskguard.cli.surroundings import Surroundings
from diskguard.cli.wiring import SystemClock, wired
from diskguard_emulator.estate import Estate
from diskguard_emulator.faults import Fault
from diskguard_emulator.server import Server

T = TypeVar("T")

WITH_VMS = "11111111-1111-4111-8111-111111111111"
POLICY = """\
version: 1
name: {name}
azure: {{subscriptions: ["{subscription}"]}}
locations:
  primary: {{resource_group: {primary}}}
  dr: {{resource_group: {dr}}}
consistency: {{linux: {linux}, on_downgrade: {on_downgrade}}}
rules:
  - name: all
    select: {{include: [{{names: {names}}}]}}
"""


@dataclass(frozen=True)
class Told:
    """What a command said, and its exit code."""

    status: int
    out: str
    err: str


class HurriedClock(SystemClock):
    """Real instants; a sleep of a minute takes a tenth of a second."""

    async def sleep_until(self, when: datetime) -> None:
        await asyncio.sleep(max(0.0, (when - self.now()).total_seconds() / 600))


@dataclass
class Cli:
    """The command line, with what it finds around it."""

    around: Surroundings
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str | Path, **changes: Any) -> Told:
        self.capture.readouterr()
        around = replace(self.around, **changes)
        status = run([str(each) for each in arguments], around=around)
        said = self.capture.readouterr()
        return Told(status, said.out, said.err)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """The command line in an empty world: no policy, no network, a lock folder of its own."""
    locks = tmp_path / "locks"
    locks.mkdir()
    around = replace(
        wired(HurriedClock()),
        environment={},
        lock_folders=(locks,),
        usual_policies=(tmp_path / "diskguard.yaml",),
    )
    return Cli(around, capsys)


@pytest.fixture
def write_policy(tmp_path: Path) -> Callable[..., Path]:
    """Write a policy for the emulated subscription; keywords change it."""

    def write(**changes: str) -> Path:
        facts = {
            "name": "erp",
            "subscription": WITH_VMS,
            "primary": "rg-eus",
            "dr": "rg-wus",
            "linux": "crash",
            "on_downgrade": "warn",
            "names": '["db*"]',
        }
        path = tmp_path / f"{changes.get('name', 'erp')}.yaml"
        path.write_text(POLICY.format(**{**facts, **changes}), encoding="utf-8")
        return path

    return write


class Emulator:
    """An emulator in a thread of its own, reached over HTTPS only (but for its faults)."""

    def __init__(self, estate: Estate, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._do(_make(estate, folder))
        self.environment = self._do(self._server.start()).environment

    def strike(self, fault: Fault) -> None:
        """From now on requests fare as the fault says."""
        self._server.api.faults.add(fault)

    def requests(self) -> list[str]:
        """METHOD and path of every request so far."""
        return [f"{entry.method} {entry.path}" for entry in self._server.api.log]

    def close(self) -> None:
        """End it."""
        self._do(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=20)


async def _make(estate: Estate, folder: Path) -> Server:
    return Server(estate, folder)


def an_estate(**changes: Any) -> Estate:
    """Two crash-consistent VMs, one that is deallocated, and somebody who may only read."""
    facts: dict[str, Any] = {
        "latencies": "quick",
        "principals": [
            {"name": "reader", "client_id": "reader", "actions": ["*/read"]},
            {"name": "nobody", "client_id": "nobody", "actions": []},
        ],
        "subscriptions": [
            {
                "id": WITH_VMS,
                "groups": {"rg-eus": "eastus", "rg-wus": "westus"},
                "vms": [
                    {"name": "db01", "disks": [{"lun": 0}]},
                    {"name": "db02"},
                    {"name": "off01", "power": "deallocated"},
                ],
            }
        ],
    }
    return Estate.model_validate({**facts, **changes})


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulated Azure; azure-identity reads how to log in from the environment."""
    emulator = Emulator(an_estate(), tmp_path / "emulator")
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    yield emulator
    emulator.close()


@pytest.fixture
def cloud(cli: Cli, emulator: Emulator) -> Cli:
    """The command line with the emulated Azure around it."""
    cli.around = replace(cli.around, environment=emulator.environment)
    return cli
