"""The running processes of one plain guest, and the pipe they are told things by."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from diskguard_emulator.guests.port import GuestStopped

BOOT_PATIENCE: Final = 20.0
UNSHARE: Final = (
    "unshare",
    *("--user", "--map-root-user"),
    *("--mount", "--pid", "--net", "--ipc", "--uts"),
    *("--fork", "--kill-child"),
    "sh",
)


class NoNamespaces(Exception):
    """This machine gives unprivileged users no namespaces of their own."""


class PlainMachine:
    """Processes in namespaces of their own; all of them end with this object's `halt`, or with us."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[int]] = {}

    async def run(self, number: int) -> int:
        """The exit code of /guest/scripts/<number>. Raises GuestStopped if the machine halts first."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[number] = done
        if self._process.stdin is not None:
            self._process.stdin.write(f"{number}\n".encode())
        return await done

    async def wait_until_up(self) -> None:
        """Its first processes run. Raises NoNamespaces with what the machine says instead."""
        line = b""
        if self._process.stdout is not None:
            with suppress(TimeoutError):
                line = await asyncio.wait_for(self._process.stdout.readline(), BOOT_PATIENCE)
        if line == b"up\n":
            self._reader = asyncio.create_task(self._read())
            return
        await self.halt()
        raise NoNamespaces(await self._complaint())

    async def halt(self) -> None:
        """No process of it is left."""
        with suppress(ProcessLookupError):
            self._process.kill()  # unshare's --kill-child takes pid 1 with it, and that all others
        await self._process.wait()
        if self._reader is not None:
            await self._reader
        for done in self._waiting.values():
            if not done.done():
                done.set_exception(GuestStopped("the machine halted while a script ran"))
        self._waiting.clear()

    async def _read(self) -> None:
        while self._process.stdout is not None and (line := await self._process.stdout.readline()):
            number, code = line.split()
            done = self._waiting.pop(int(number), None)
            if done is not None and not done.done():
                done.set_result(int(code))

    async def _complaint(self) -> str:
        said = b"" if self._process.stderr is None else await self._process.stderr.read()
        return said.decode(errors="replace").strip() or "no reason given"


async def boot_machine(folder: Path) -> PlainMachine:
    """A machine that runs on this folder, whose scripts find there what they need."""
    python = Path(sys.executable).resolve()  # noqa: ASYNC240 - one link, once a boot
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *UNSHARE,
        *(str(folder / "machine" / "boot.sh"), str(folder), str(python), sys.base_prefix),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
    )
    machine = PlainMachine(process)
    await machine.wait_until_up()
    return machine
