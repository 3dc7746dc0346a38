"""diskguard itself is killed or stopped, as a real process, while a real guest is armed or frozen."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.guest_linux.test_kill_table import Observer, judge, observed
from tests.support.systemd_container import needs_a_linux_guest, only_freeze_test_here

from diskguard_emulator.estate import Estate
from diskguard_emulator.guests.linux import LinuxGuest
from diskguard_emulator.resources import Vm
from diskguard_emulator.server import Server

pytestmark = [
    pytest.mark.root,
    pytest.mark.real_time,
    pytest.mark.xdist_group("freeze"),
    needs_a_linux_guest,
]

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
POLICY = f"""
version: 1
name: killed
azure: {{subscriptions: ["{SUBSCRIPTION}"]}}
locations: {{primary: {{resource_group: rg-eus}}}}
consistency: {{freeze_limit: 3s}}
rules: [{{name: all, select: {{include: [{{names: ["*"]}}]}}}}]
"""
PROGRAM = (sys.executable, "-c", "from diskguard.cli.main import main; main()")
LEAD_AND_LIMIT = 45  # seconds: a first lead of 30 s, the limit, and room for a busy machine


@dataclass(frozen=True)
class Case:
    """Which signal meets diskguard when; named after the VM it backs up."""

    vm: str
    signal: signal.Signals
    when: Callable[[list[Observer]], bool]


def armed(observers: list[Observer]) -> bool:
    """The guest has promised a freeze: diskguard said so."""
    return True


def frozen(observers: list[Observer]) -> bool:
    """No write comes through."""
    return all(observer.waits for observer in observers)


CASES = (
    Case("armed-and-killed", signal.SIGKILL, armed),
    Case("frozen-and-killed", signal.SIGKILL, frozen),
    Case("frozen-and-stopped", signal.SIGSTOP, frozen),
)


def an_estate() -> Estate:
    vm = {"guest": "linux", "guest_options": {"writer": False}}
    vms = [{"name": case.vm, **vm} for case in CASES]
    home = {"id": SUBSCRIPTION, "groups": {"rg-eus": "eastus"}, "vms": vms}
    return Estate.model_validate({"latencies": "quick", "subscriptions": [home]})


@asynccontextmanager
async def a_cloud(folder: Path) -> AsyncIterator[tuple[dict[str, LinuxGuest], dict[str, str]]]:
    """Booted guests by name, and the environment in which diskguard finds their Azure."""
    server = Server(an_estate(), folder / "emulator")
    guests = {
        vm.name: vm.guest for vm in server.api.world.every(Vm) if isinstance(vm.guest, LinuxGuest)
    }
    try:
        environment = (await server.start()).environment
        for guest in guests.values():
            await guest.boot()
        yield guests, {**os.environ, **environment}
    finally:
        await server.stop()


async def verdict_on(
    case: Case, guest: LinuxGuest, folder: Path, environment: dict[str, str]
) -> str | None:
    """Why the promise was broken, or None."""
    locks = folder / case.vm
    locks.mkdir()
    command = (*PROGRAM, "backup", str(folder / "policy.yaml"), "--vm", case.vm)
    with observed(guest) as observers:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**environment, "DISKGUARD_LOCK_DIR": str(locks)},
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            await until_armed(process)
            async with asyncio.timeout(LEAD_AND_LIMIT):
                while not case.when(observers):  # noqa: ASYNC110 - the kernel tells nobody
                    await asyncio.sleep(0.01)
            process.send_signal(case.signal)
            await until_it_has_frozen_and_thawed(observers)
            return judge(case.vm, observers, at_least=0.5)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def until_armed(process: asyncio.subprocess.Process) -> None:
    """diskguard says when the window opens; then nobody needs it any more."""
    assert process.stderr is not None
    said = b""
    while b": window (" not in (line := await process.stderr.readline()):
        said += line
        assert line, said.decode()


async def until_it_has_frozen_and_thawed(observers: list[Observer]) -> None:
    async with asyncio.timeout(LEAD_AND_LIMIT):
        while min(observer.silence for observer in observers) < 0.5 or frozen(observers):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
    await asyncio.sleep(1)  # a freeze that completes late would be seen now


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_nothing_stays_frozen_when_diskguard_itself_dies(tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY)
    with only_freeze_test_here():
        async with a_cloud(tmp_path) as (guests, environment), asyncio.TaskGroup() as group:
            verdicts = [
                group.create_task(verdict_on(case, guests[case.vm], tmp_path, environment))
                for case in CASES
            ]

    assert [verdict.result() for verdict in verdicts] == [None] * len(CASES)
