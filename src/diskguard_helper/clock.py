"""What time it is, by every clock this guest has."""

from typing import TYPE_CHECKING, Any, Dict, List, Optional

if TYPE_CHECKING:
    from diskguard_helper.kernel import Kernel

HOST, SYNCHRONISED, UNSYNCHRONISED = "host", "synchronised", "unsynchronised"
# Azure disciplines hosts by GPS but gives no figure; this is far above what a host drifts.
HOST_ERROR = 0.05
LEAST_GUEST_ERROR = 0.001

Reading = Dict[str, Any]


def read_clocks(kernel: "Kernel") -> Reading:
    """The clocks at one instant, in seconds; `host` is None where the hypervisor gives none."""
    synchronised, error = kernel.clock_status()
    host = kernel.host_clock()
    boot, wall = kernel.boot_clock(), kernel.wall_clock()
    return {
        "boot": boot,
        "wall": wall,
        "synchronised": synchronised,
        "error": max(error, LEAST_GUEST_ERROR),
        "host": None if host is None else host[0],
        "host_error": None if host is None else host[1] + HOST_ERROR,
    }


def source_of(readings: List[Reading]) -> str:
    """The best clock that all these readings have."""
    if readings and all(reading["host"] is not None for reading in readings):
        return HOST
    if readings and all(reading["synchronised"] for reading in readings):
        return SYNCHRONISED
    return UNSYNCHRONISED


def instant(reading: Optional[Reading], source: str) -> Optional[float]:
    """The reading by that clock, in seconds since the epoch."""
    if reading is None:
        return None
    return float(reading["host"] if source == HOST else reading["wall"])


def error_of(readings: List[Reading], source: str) -> float:
    """The bound on what these readings may be wrong by, in seconds."""
    name = "host_error" if source == HOST else "error"
    return max([float(reading[name]) for reading in readings] or [0.0])


def wall_minus_boot(readings: List[Reading]) -> List[float]:
    """Wall clock minus boot clock of each: they differ where a clock was set or a host paused."""
    return [round(reading["wall"] - reading["boot"], 6) for reading in readings]
