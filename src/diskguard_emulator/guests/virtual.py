"""A guest in virtual time: the helper it is sent runs in this process, over file systems in memory.

Only for worlds in process: received code runs unconfined here, so a world in real time is refused.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final, cast

from diskguard_emulator.clock import Clock, RealClock
from diskguard_emulator.guests.machine_clock import MachineClock
from diskguard_emulator.guests.port import GuestFacts, GuestStopped, ScriptOutcome
from diskguard_emulator.guests.script import ScriptNotUnderstood, SentScript, read_script
from diskguard_emulator.guests.shipped import ShippedHelper, load_helper
from diskguard_emulator.guests.told import Told
from diskguard_emulator.guests.tree import plant_tree
from diskguard_emulator.guests.troubles import Happening, Incident, Troubles, read_troubles
from diskguard_emulator.guests.virtual_disks import Standstill, VirtualDisks, VirtualImage
from diskguard_emulator.guests.virtual_kernel import RUN, VirtualKernel, VirtualMachine
from diskguard_emulator.guests.virtual_processes import Killed, Leg, Process, ProcessTable

STRANGER: Final = "stranger"
HOLDER, WATCHDOG = "hold", "watch"


class VirtualGuest:
    """One VM's inside, with everything a test may want to know of it or do to it."""

    def __init__(self, facts: GuestFacts, clock: Clock) -> None:
        self.facts = facts
        self.troubles = read_troubles(facts.options.get("troubles", {}))
        self.clock = MachineClock(clock)
        self.images: list[VirtualImage] = []
        self.verbs: list[str] = []
        self._windows = 0
        tree = plant_tree(facts)
        self._table = ProcessTable(self.clock)
        self._disks = VirtualDisks(
            clock=self.clock,
            devices=tree.devices,
            mounts=tree.mounts,
            raw_writes=lambda: self.troubles.raw_writes,
            on_first_freeze=self._window_begins,
            running=facts.running,
        )
        self._machine = VirtualMachine(
            tree=tree,
            clock=self.clock,
            disks=self._disks,
            table=self._table,
            troubles=self.troubles,
            leg=self._no_helper_yet,
        )

    # The emulator's port.

    @property
    def agent_answers(self) -> bool:
        return self._disks.running and not self.troubles.no_agent

    async def run_script(self, script: str) -> ScriptOutcome:
        """Raises ScriptNotUnderstood for a script that is not diskguard's; GuestStopped."""
        sent = read_script(script)
        late = self.troubles.starts_late.total_seconds()
        await self.clock.sleep_until(self.clock.boot() + late)
        self._machine.troubles = self.troubles
        self.verbs.append(sent.verb)
        if sent.verb == "collect" and self.troubles.report_lost:
            self._lose_reports()
        try:
            line = await self._answer(sent)
        except Killed as killed:
            raise GuestStopped(f"{self.facts.vm_name} stopped while a script ran") from killed
        self._raise_bugs()
        return ScriptOutcome(stdout=line.encode(), stderr=b"", exit_code=0)

    async def clone_disk(self, lun: int | None) -> VirtualImage:
        image = self._disks.image(lun)
        self.images.append(image)
        return image

    async def start(self) -> None:
        self._disks.count()
        self._disks.running = True

    async def power_off(self) -> None:
        self._shut_down()

    async def close(self) -> None:
        self._table.end_all()
        self._raise_bugs()

    # What a test may ask.

    @property
    def is_frozen(self) -> bool:
        """Whether any file system stands still."""
        return bool(self._disks.frozen)

    @property
    def frozen_mounts(self) -> tuple[str, ...]:
        """The mounts that stand still now."""
        return tuple(block.mount.path for block in self._disks.frozen)

    @property
    def longest_freeze(self) -> timedelta:
        """The longest any file system ever stood still, as the guest's boot clock counts."""
        return timedelta(seconds=self._disks.longest_freeze())

    @property
    def history(self) -> tuple[Standstill, ...]:
        """Every standstill that is over, in the order of its end."""
        return tuple(self._disks.history)

    @property
    def stopped(self) -> bool:
        """Whether the VM is powered off."""
        return not self._disks.running

    @property
    def legs(self) -> tuple[str, ...]:
        """The verbs of the helper's processes that live, and the names of its timers."""
        return (*(each.verb for each in self._table.processes), *sorted(self._table.timers))

    @property
    def leftovers(self) -> tuple[str, ...]:
        """The files below /run/diskguard."""
        return tuple(sorted(path for path in self._machine.files if path.startswith(f"{RUN}/")))

    # What a test may do.

    def have(self, **troubles: object) -> None:
        """From now on these troubles, by the names of `Troubles`, instead of what they were."""
        self.troubles = self._machine.troubles = replace(self.troubles, **troubles)  # type: ignore[arg-type] # names and values are checked by `Troubles`

    def befall(self, what: Happening, amount: timedelta = timedelta()) -> None:
        """This happens now."""
        match what:
            case Happening.PAUSED | Happening.PAUSED_UNNOTICED:
                self.clock.pause(amount, noticed=what is Happening.PAUSED)
            case Happening.CLOCK_STEPPED:
                self.clock.step(amount)
            case Happening.STRANGER_THAWS:
                self._stranger_thaws()
            case Happening.REPORT_LOST:
                self._lose_reports()
            case Happening.REBOOTED:
                self._shut_down()
                self._disks.running = True
            case _:
                self._kill(what)

    # How it works.

    async def _answer(self, sent: SentScript) -> str:
        helper = load_helper(sent.archive, VirtualKernel)
        self._machine.leg = partial(self._leg, helper)
        told: Told[str] = Told(self.clock)
        process = self._table.born(sent.verb)
        process.alive = self._disks.running
        process.sleep_until = told.sleep_until
        answer = helper.module("main").answer
        kernel = VirtualKernel(self._machine, process)
        try:
            return await told.run(lambda: f"{answer(sent.verb, sent.request, kernel)}\n")
        finally:
            self._table.end(process)

    def _leg(self, helper: ShippedHelper, verb: str, directory: str) -> Leg:
        leg = helper.module("main").LEGS[verb]

        def run(process: Process) -> Iterator[float]:
            kernel = VirtualKernel(self._machine, process)
            return cast("Iterator[float]", leg(directory, kernel))

        return run

    def _no_helper_yet(self, verb: str, directory: str) -> Leg:
        raise ScriptNotUnderstood(f"no helper was ever sent that could {verb} in {directory}")

    def _window_begins(self) -> None:
        self._windows += 1
        for incident in self.troubles.incidents:
            if incident.window in (None, self._windows):
                seconds = incident.after.total_seconds()
                self._table.later(seconds, partial(self._incident, incident))

    def _incident(self, incident: Incident) -> None:
        self.befall(incident.what, incident.amount)

    def _kill(self, what: Happening) -> None:
        verbs = {
            Happening.HOLDER_KILLED: (HOLDER,),
            Happening.WATCHDOG_KILLED: (WATCHDOG,),
            Happening.BOTH_KILLED: (HOLDER, WATCHDOG),
        }.get(what)
        for process in [each for each in self._table.processes if each.unit is not None]:
            if verbs is None:
                process.after = ()
            if verbs is None or process.verb in verbs:
                self._table.end(process)
        for unit in [*self._table.timers] if verbs is None else ():
            self._table.stop_timer(unit)

    def _stranger_thaws(self) -> None:
        for block in self._disks.frozen[:1]:
            self._disks.thaw(block, STRANGER)

    def _lose_reports(self) -> None:
        for path in [each for each in self._machine.files if each.endswith("/report.json")]:
            del self._machine.files[path]

    def _shut_down(self) -> None:
        self._table.end_all()
        self._disks.count()
        for block in self._disks.frozen:
            self._disks.thaw(block, "power")
        self._disks.running = False
        self._machine.files.clear()
        self._machine.folders = {"/run"}
        self._machine.hanging.clear()

    def _raise_bugs(self) -> None:
        if self._table.bugs:
            bugs, self._table.bugs = self._table.bugs, []
            raise ExceptionGroup("the helper broke", bugs)


def make_guest(facts: GuestFacts, clock: Clock, folder: Path) -> VirtualGuest:
    """A virtual guest. Raises ValueError where time is real: see the module's own words."""
    _ = folder
    if isinstance(clock, RealClock):
        raise ValueError(  # noqa: TRY004 - a value, not a type: which world it is
            "a virtual guest runs what it is sent in this very process; use `plain`"
        )
    return VirtualGuest(facts, clock)


__all__ = ["Happening", "Incident", "Troubles", "VirtualGuest", "make_guest"]
