"""A guest of the tests' own: what a script does is told by the test."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.support.inprocess import Cloud

from diskguard_emulator.guests.port import GuestStopped, ScriptOutcome
from diskguard_emulator.guests.silent import SilentGuest
from diskguard_emulator.resources import Vm

Act = Callable[[str], Awaitable[ScriptOutcome]]


class ScriptedGuest(SilentGuest):
    """An agent that answers with what `act` makes of a script."""

    def __init__(self, act: Act) -> None:
        self.act = act
        self.scripts: list[str] = []

    @property
    def agent_answers(self) -> bool:
        return True

    async def run_script(self, script: str) -> ScriptOutcome:
        self.scripts.append(script)
        return await self.act(script)


def wrote(
    stdout: bytes = b"", stderr: bytes = b"", exit_code: int = 0, seconds: float = 1.0
) -> Act:
    """A script that takes so long and writes this."""

    async def act(_: str) -> ScriptOutcome:
        await asyncio.sleep(seconds)
        return ScriptOutcome(stdout=stdout, stderr=stderr, exit_code=exit_code)

    return act


async def dies(_: str) -> ScriptOutcome:
    """The guest stops while the script runs."""
    raise GuestStopped


def give_guest(cloud: Cloud, act: Act, vm_id: str) -> ScriptedGuest:
    """From now on this VM has a guest that acts so."""
    found = cloud.world.find(vm_id)
    assert isinstance(found, Vm)
    guest = ScriptedGuest(act)
    found.guest = guest
    return guest
