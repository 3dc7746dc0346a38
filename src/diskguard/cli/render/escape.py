"""Text of strangers, made harmless: names, tags, what guests and Azure say."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

# Control, format (bidirectional overrides, zero width), surrogate, line and paragraph separators.
_HARMFUL: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SPACES: Final = str.maketrans("\t\n\r\v\f", "     ")

_QUERY: Final = re.compile(r"(?P<url>https?://[^\s?\"'<>]+)\?[^\s\"'<>]*", re.IGNORECASE)
_JWT: Final = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){1,4}")
_BEARER: Final = re.compile(r"\b(?P<scheme>bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
_SECRET: Final = re.compile(
    r"(?P<name>[\"']?\b(?:access_?token|refresh_?token|id_?token|client_?secret|client_?assertion"
    r"|access_?sas|password|sig|signature)[\"']?\s*[=:]\s*)(?P<value>\"[^\"]*\"|'[^']*'|[^\s,;&}]+)",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """The text on one line without control characters: nothing a terminal would obey."""
    spaced = text.translate(_SPACES)
    if spaced.isascii() and spaced.isprintable():
        return spaced
    return "".join(char for char in spaced if unicodedata.category(char) not in _HARMFUL)


def scrub(text: str) -> str:
    """The text without tokens, secrets, or the query of any URL (that is where signatures are)."""
    text = _QUERY.sub(r"\g<url>?[hidden]", text)
    text = _BEARER.sub(r"\g<scheme> [hidden]", text)
    text = _JWT.sub("[hidden]", text)
    return _SECRET.sub(r"\g<name>[hidden]", text)


def harmless(value: object) -> object:
    """A document with every text in it cleaned and scrubbed, keys too."""
    match value:
        case str():
            return scrub(clean(value))
        case Mapping():
            return {clean(str(key)): harmless(inner) for key, inner in value.items()}
        case list() | tuple():
            return [harmless(inner) for inner in value]
        case _:
            return value
