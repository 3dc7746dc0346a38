"""The command line: start, stop, env."""

import asyncio
import fcntl
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import click

from diskguard_emulator.estate import Estate, load_estate
from diskguard_emulator.server import ENV_FILE, serve

_LOCK: Final = "emulator.lock"
_PATIENCE: Final = 30.0


def _default_folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(runtime) / f"diskguard-emulator-{os.getuid()}"


_state_dir = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=_default_folder,
    show_default="a folder of yours below XDG_RUNTIME_DIR or the temporary folder",
    help="Where emulator.env, the certificate and the guests' files are kept.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A local Azure Resource Manager for demos and tests."""


@main.command()
@click.option(
    "--estate",
    "estate_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file that says what exists; without it, one empty subscription.",
)
@click.option("--port", default=0, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--background", is_flag=True, help="Return when it answers; `stop` ends it.")
@_state_dir
def start(estate_file: Path | None, port: int, background: bool, state_dir: Path) -> None:  # noqa: FBT001 - click hands us flags
    """Serve until `stop`, SIGINT or SIGTERM.

    \b
    Example: diskguard-emulator start --estate examples/estate.yaml --background
             eval "$(diskguard-emulator env)"
    """
    estate = _read(estate_file)
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if background:
        _start_in_background(estate_file, port, state_dir)
        return
    with _lock(state_dir):
        asyncio.run(_serve(estate, port, state_dir))


def _read(estate_file: Path | None) -> Estate:
    if estate_file is None:
        return Estate()
    try:
        return load_estate(estate_file)
    except ValueError as wrong:
        raise click.ClickException(f"{estate_file}: {wrong}") from wrong


async def _serve(estate: Estate, port: int, state_dir: Path) -> None:
    until, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, until.set)
    click.echo(f"diskguard-emulator: {state_dir / ENV_FILE} says how to reach me", err=True)
    await serve(estate, state_dir, port, until)


@contextmanager
def _lock(state_dir: Path) -> Iterator[IO[str]]:
    """Hold the folder's lock, with our process id in it. Raises ClickException if another emulator does."""
    with (state_dir / _LOCK).open("a+") as file:
        if not _try_lock(file):
            raise click.ClickException(f"an emulator runs already with --state-dir {state_dir}")
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start_in_background(estate_file: Path | None, port: int, state_dir: Path) -> None:
    if _owner(state_dir) is not None:
        raise click.ClickException(f"an emulator runs already with --state-dir {state_dir}")
    (state_dir / ENV_FILE).unlink(missing_ok=True)
    chosen = [] if estate_file is None else ["--estate", str(estate_file)]
    command = [sys.executable, "-m", "diskguard_emulator.main", "start", *chosen]
    command += ["--port", str(port), "--state-dir", str(state_dir)]
    with (state_dir / "emulator.log").open("w") as log:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    asyncio.run(_until_it_answers(child, state_dir))
    click.echo(state_dir / ENV_FILE)


async def _until_it_answers(child: "subprocess.Popen[bytes]", state_dir: Path) -> None:
    async with asyncio.timeout(_PATIENCE):
        while not (state_dir / ENV_FILE).exists():
            if child.poll() is not None:
                told = (state_dir / "emulator.log").read_text(errors="replace")
                raise click.ClickException(f"the emulator did not start:\n{told}")
            await asyncio.sleep(0.05)


def _owner(state_dir: Path) -> int | None:
    """The process that holds the folder's lock, or None."""
    path = state_dir / _LOCK
    if not path.exists():
        return None
    with path.open("a+") as file:
        if _try_lock(file):
            return None
        file.seek(0)
        return int(file.read() or 0) or None


@main.command()
@_state_dir
def stop(state_dir: Path) -> None:
    """End the emulator of this state folder; it is fine if none runs."""
    owner = _owner(state_dir)
    if owner is None:
        click.echo("diskguard-emulator: none is running", err=True)
        return
    os.kill(owner, signal.SIGTERM)
    asyncio.run(_until_it_is_gone(state_dir))


async def _until_it_is_gone(state_dir: Path) -> None:
    async with asyncio.timeout(_PATIENCE):
        while _owner(state_dir) is not None:  # noqa: ASYNC110 - another process has no event of ours
            await asyncio.sleep(0.05)


@main.command()
@_state_dir
def env(state_dir: Path) -> None:
    """Print the exports that point clients at the running emulator."""
    path = state_dir / ENV_FILE
    if not path.exists():
        raise click.ClickException(f"no emulator runs with --state-dir {state_dir}")
    for line in path.read_text().splitlines():
        name, _, value = line.partition("=")
        click.echo(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    main()
