"""The policy's JSON Schema, as it lies in the package."""

from importlib.resources import files

from diskguard.cli.render.page import Page
from diskguard.cli.session import Session


def show_schema(session: Session) -> int:
    """Write the schema on stdout, whole and unchanged."""
    return session.show(Page(schema="schema", items=(), forms={"json": _published}))


def _published() -> list[str]:
    """It was made from the models by `make docs`: making it anew would cost more than the rest."""
    file = files("diskguard.policy").joinpath("diskguard-policy-v1.json")
    return [file.read_text(encoding="utf-8").rstrip("\n")]
