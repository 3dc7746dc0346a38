"""`diskguard schema`: options only."""

import click

from diskguard.cli.command import Command
from diskguard.cli.session import Session


@click.command(
    "schema",
    cls=Command,
    examples=("diskguard schema > diskguard-policy-v1.json",),
    exits=(),
    formats=("json",),
)
@click.pass_obj
def schema_command(session: Session) -> int:
    """Print the JSON Schema (2020-12) of a policy, for editors and for CI.

    An editor that speaks to yaml-language-server completes and checks a policy whose first line is
    `# yaml-language-server: $schema=diskguard-policy-v1.json`, a path or a URL. The schema knows
    each key by itself; `diskguard validate` knows what they mean together.
    """
    from diskguard.cli.steps.schema import show_schema

    return show_schema(session)
