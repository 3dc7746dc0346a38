"""The few C structures and ioctl numbers the standard library has no words for."""

import struct
from typing import Any, Optional, Tuple

try:
    import ctypes

    HAS_CTYPES = True
except ImportError:  # Debian's python3-minimal: no mlockall, no syncfs, no clock status
    HAS_CTYPES = False

# linux/fs.h: _IOWR('X', 119, int) and _IOWR('X', 120, int)
FIFREEZE = 0xC0045877
FITHAW = 0xC0045878
# linux/btrfs.h: _IOR(0x94, 31, struct btrfs_ioctl_fs_info_args); fsid are bytes 16 to 32
BTRFS_FS_INFO = 0x8400941F
BTRFS_FS_INFO_SIZE = 1024
# linux/ptp_clock.h: _IOW('=', 5, struct ptp_sys_offset): n_samples, then system, device, system
PTP_SYS_OFFSET = 0x43403D05
PTP_SYS_OFFSET_SIZE = 832
CLOCK_BOOTTIME = 7  # `time.CLOCK_BOOTTIME` came with Python 3.7
MLOCK_CURRENT_AND_FUTURE = 3
TIME_ERROR = 5  # what adjtimex answers when the clock is not synchronised
STA_UNSYNC = 0x40
TIMEX_SIZE = 208
TIMEX_MAXERROR = 24
TIMEX_STATUS = 40


def c_library() -> Optional[Any]:
    """The C library, or None where Python came without ctypes."""
    return ctypes.CDLL(None, use_errno=True) if HAS_CTYPES else None


def clock_status(library: Any) -> Tuple[bool, float]:
    """Whether the kernel calls the wall clock synchronised, and its greatest error in seconds."""
    timex = ctypes.create_string_buffer(TIMEX_SIZE)
    answer = library.adjtimex(timex)
    (greatest,) = struct.unpack_from("q", timex, TIMEX_MAXERROR)
    (status,) = struct.unpack_from("i", timex, TIMEX_STATUS)
    return 0 <= answer < TIME_ERROR and not status & STA_UNSYNC, greatest / 1e6


def ptp_request() -> bytearray:
    """A request for one sample of a PTP clock between two of the system's."""
    request = bytearray(PTP_SYS_OFFSET_SIZE)
    struct.pack_into("I", request, 0, 1)
    return request


def ptp_sample(answer: bytearray) -> Tuple[float, float]:
    """The device's time in seconds since the epoch, and how far apart its two brackets were."""
    before, device, after = (
        seconds + nanoseconds / 1e9
        for seconds, nanoseconds in (
            struct.unpack_from("qI", answer, 16 + 16 * index) for index in range(3)
        )
    )
    return device, max(0.0, after - before)
