"""A writer that never stops, to tell from outside how long writes stood still."""

import os
import threading
import time
from pathlib import Path


class Writer:
    """Writes and flushes to one file again and again; remembers the longest silence."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._last = time.monotonic()
        self.longest_silence = 0.0
        self._thread.start()

    def _write(self) -> None:
        while not self._stop.wait(0.01):
            os.pwrite(self._file, b"diskguard", 0)
            os.fsync(self._file)
            now = time.monotonic()
            self.longest_silence = max(self.longest_silence, now - self._last)
            self._last = now

    @property
    def silent_for(self) -> float:
        """Seconds since the last write got through."""
        return time.monotonic() - self._last

    def close(self) -> None:
        """The file is let go. Raises AssertionError while a write still hangs."""
        self._stop.set()
        self._thread.join(timeout=10)
        assert not self._thread.is_alive(), "a write still hangs: something stayed frozen"
        os.close(self._file)
