"""The script a shell needs to complete diskguard's words."""

from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

VARIABLE: Final = "_DISKGUARD_COMPLETE"
SHELLS: Final[dict[str, type[ShellComplete]]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


def completion_script(program: click.Command, shell: str) -> str:
    """Give click's script for that shell: bash, zsh or fish."""
    return SHELLS[shell](program, {}, "diskguard", VARIABLE).source()
