"""HTML by construction: text is escaped because it is text, and only `tag` makes markup."""

from collections.abc import Iterable
from html import escape

from diskguard.cli.render.escape import clean, scrub


class Markup(str):
    """A piece of HTML. Any other text is somebody's, and escaped wherever it is put."""

    __slots__ = ()


Attribute = str | int | float | bool | None

_VOID = frozenset({"meta", "use", "rect", "line", "path", "circle"})


def tag(name: str, /, *children: str | None, **attributes: Attribute) -> Markup:
    """Give an element; None is left out. `class_` is class, `stroke_width` is stroke-width."""
    said = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID and not children:
        return Markup(f"<{name}{said}/>")
    return Markup(f"<{name}{said}>{glue(children)}</{name}>")


def glue(pieces: Iterable[str | None]) -> Markup:
    """Give the pieces one after the other; None is left out."""
    return Markup("".join(_piece(each) for each in pieces if each is not None))


def _piece(piece: str) -> str:
    return piece if isinstance(piece, Markup) else escape(scrub(clean(piece)))


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    match value:
        case None | False:
            return ""
        case True:
            return f" {name}"
        case float():
            return f' {name}="{value:.1f}"'
        case _:
            return f' {name}="{escape(scrub(clean(str(value))))}"'
