"""Files that others read while we write them: the old one or the new one, never half of it."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from diskguard.errors import OutputLost

READABLE: Final = 0o644  # node_exporter, or a web server, runs as somebody else


def write_at_once(text: str, path: Path) -> None:
    """Write the file so that a reader sees the old or the new one, whole; mode 0644.

    Raises OutputLost where that cannot be done; the old file is untouched then.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), READABLE)
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise OutputLost(f"cannot write {path}: {error.strerror}") from error
