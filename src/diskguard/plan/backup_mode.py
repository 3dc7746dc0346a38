"""How one VM's disks are brought to one moment, and why so."""

from dataclasses import dataclass

from diskguard.model.estate import OsType, PowerState, Vm
from diskguard.model.restore_point import Grade
from diskguard.plan.backup_plan import Mode
from diskguard.plan.selection import Selected

_ASKED = {
    "fsfreeze": Grade.FILESYSTEM,
    "vss": Grade.APPLICATION,
    "offline": Grade.OFFLINE,
    "crash": Grade.CRASH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenMode:
    """A mode, its reason, and the grade the policy asks for."""

    mode: Mode
    reason: str
    requested: Grade

    @property
    def falls_short(self) -> bool:
        """True when it is known beforehand that what is asked cannot be reached."""
        return self.mode is Mode.CRASH and self.requested is not Grade.CRASH


def choose_mode(selected: Selected) -> ChosenMode:
    """Give the strongest mode the policy asks for that this VM allows.

    A shared disk is written by other VMs too, which neither a freeze nor a stop of this one
    reaches, nor this guest's counters show: its points are never called more than crash.
    """
    vm = selected.vm
    if vm is None:
        return ChosenMode(
            mode=Mode.CRASH, reason="a disk without a VM: nobody to freeze", requested=Grade.CRASH
        )
    wish = _wish(selected, vm)
    requested = _ASKED[wish]
    shared = next((each.name for each in selected.disks if each.disk.shared_by > 1), None)
    if shared is not None:
        reason = f"disk {shared} is shared with other VMs, which no freeze of this one reaches"
        return ChosenMode(mode=Mode.CRASH, reason=reason, requested=requested)
    if vm.power in (PowerState.STOPPED, PowerState.DEALLOCATED):
        requested = min(requested, Grade.OFFLINE, key=list(Grade).index)
        reason = f"the VM is {vm.power} already, and is left so"
        return ChosenMode(mode=Mode.OFFLINE_AS_IS, reason=reason, requested=requested)
    mode, reason = _of_a_running_vm(wish, vm.power)
    return ChosenMode(mode=mode, reason=reason, requested=requested)


def _wish(selected: Selected, vm: Vm) -> str:
    consistency = selected.settings.consistency
    return consistency.windows if vm.os_type is OsType.WINDOWS else consistency.linux


def _of_a_running_vm(wish: str, power: PowerState) -> tuple[Mode, str]:
    if wish == "offline":
        if power is not PowerState.RUNNING:
            return Mode.CRASH, f"the VM is {power}: it cannot be stopped and started again now"
        return Mode.OFFLINE_STOP, "the policy asks to stop it"
    if wish == "fsfreeze":
        return Mode.FREEZE, "the policy asks for a freeze"
    if wish == "vss":
        return Mode.CRASH, "Windows' shadow copies (VSS) come with a later version"
    return Mode.CRASH, "the policy asks for no freeze"
