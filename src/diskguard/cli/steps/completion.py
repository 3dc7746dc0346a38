"""The script a shell needs to complete diskguard's words."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_DISKGUARD_COMPLETE"


def completion_script(program: click.Command, shell: str) -> str:
    """Give click's script for that shell: bash, zsh or fish."""
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"no completion for {shell}")
    return completion(program, {}, "diskguard", VARIABLE).source()
