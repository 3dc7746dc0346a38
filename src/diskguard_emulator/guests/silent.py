"""A guest without an agent: nothing sent to it is ever answered."""

from pathlib import Path

from diskguard_emulator.clock import Clock
from diskguard_emulator.guests.port import GuestFacts, ScriptOutcome


class NoContent:
    """The content of a disk nobody looks into."""

    async def drop(self) -> None:
        return


class SilentGuest:
    """A VM whose agent never reports, and whose disks hold nothing worth keeping."""

    @property
    def agent_answers(self) -> bool:
        return False

    async def run_script(self, script: str) -> ScriptOutcome:
        raise AssertionError(f"the core asked a silent guest to run {len(script)} characters")

    async def clone_disk(self, lun: int | None) -> NoContent:
        _ = lun
        return NoContent()

    async def start(self) -> None:
        return

    async def power_off(self) -> None:
        return

    async def close(self) -> None:
        return


def make_guest(facts: GuestFacts, clock: Clock, folder: Path) -> SilentGuest:
    """A silent guest; it needs to know nothing."""
    _ = facts, clock, folder
    return SilentGuest()
