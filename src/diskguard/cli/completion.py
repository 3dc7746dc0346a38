"""`diskguard completion SHELL`: options only."""

import click

from diskguard.cli.command import Command
from diskguard.cli.session import Session


@click.command(
    "completion",
    cls=Command,
    examples=(
        "diskguard completion bash > /etc/bash_completion.d/diskguard",
        "diskguard completion zsh > ~/.zfunc/_diskguard",
        "diskguard completion fish > ~/.config/fish/completions/diskguard.fish",
    ),
    exits=(),
    formats=("text",),
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_obj
def completion_command(session: Session, shell: str) -> int:
    """Print the script that completes diskguard's commands and options in SHELL."""
    from diskguard.cli.steps.completion import completion_script

    program = click.get_current_context().find_root().command
    print(completion_script(program, shell), file=session.stdout)
    return 0
