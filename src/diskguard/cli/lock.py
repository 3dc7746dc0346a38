"""One run of a policy at a time on this machine: a lock the kernel lets go when the process ends."""

import json
import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from diskguard.cli.render.cells import instant
from diskguard.errors import AnotherRunHoldsTheLock, UsageInvalid

_LONGEST_NOTE: Final = 1000
_OWN_FOLDER: Final = "Name a folder of your own in DISKGUARD_LOCK_DIR."


@contextmanager
def run_lock(
    folders: Sequence[Path], policy: str, *, run_id: str, since: datetime
) -> Iterator[None]:
    """Hold the policy's lock; a note in it says who does.

    Raises AnotherRunHoldsTheLock, naming the holder, and UsageInvalid where no folder will do.
    """
    path = _lock_file(folders, policy)
    lock = FileLock(path, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise AnotherRunHoldsTheLock(
            f"another run of {policy} is under way: {_holder(path)}; nothing was done",
            hint=f"Wait for it. The lock {path} ends with its process.",
        ) from None
    except OSError as error:
        raise UsageInvalid(f"cannot lock {path}: {error.strerror}", hint=_OWN_FOLDER) from error
    try:
        _leave_note(path, {"run_id": run_id, "since": instant(since)})
        yield
    finally:
        _leave_note(path, None)
        lock.release()


def _lock_file(folders: Sequence[Path], policy: str) -> Path:
    name = f"diskguard-{re.sub(r'[^A-Za-z0-9._-]', '_', policy)}.lock"
    for folder in folders:
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
            return folder / name
    tried = ", ".join(str(folder) for folder in folders)
    raise UsageInvalid(f"no folder for the lock: {tried} cannot be written", hint=_OWN_FOLDER)


def _leave_note(path: Path, run: dict[str, object] | None) -> None:
    """Write who we are, or (None) nobody; a full disk costs the note, never the run."""
    here: dict[str, object] = {"pid": os.getpid(), "host": socket.gethostname()}
    with suppress(OSError):
        path.write_text(json.dumps(here | run) if run else "", encoding="utf-8")


def _holder(path: Path) -> str:
    """What the holder's note says; the note is only words, the lock is the kernel's."""
    try:
        with path.open(encoding="utf-8") as stream:
            note = json.loads(stream.read(_LONGEST_NOTE))
        return (
            f"process {note['pid']} on {note['host']}, run {note['run_id']}, since {note['since']}"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "its holder left no note"
