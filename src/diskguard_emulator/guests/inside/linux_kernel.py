"""The helper's kernel in a Linux guest: the real one, but for the hypervisor's clock.

Guest and emulated cloud are one machine, so the host's clock is this machine's own. And a guest freezes
nothing of the machine it runs on, whatever went wrong: /run names its device.
"""

import os
import time
from importlib import import_module
from typing import Any

HOST_CLOCK_BRACKET = 0.000_02
RealKernel: Any = import_module("diskguard_helper.real_kernel").Kernel
FORBIDDEN = "/run/diskguard-forbidden-device"


class Kernel(RealKernel):  # type: ignore[misc] # its type is known inside the guest only
    """The machine this guest is."""

    forbidden = FORBIDDEN

    def open_host_clock(self) -> bool:
        return True

    def host_clock(self) -> tuple[float, float]:
        return time.time(), HOST_CLOCK_BRACKET

    def start_freeze(self, handle: int, not_after: float) -> int:
        if os.fstat(handle).st_dev == int(self.read_text(self.forbidden)):
            raise SystemExit("a guest would have frozen the machine it runs on")
        return int(super().start_freeze(handle, not_after))
