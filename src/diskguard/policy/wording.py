"""How hostile text is shown in a message, and which known word was probably meant."""

import difflib
from collections.abc import Iterable

from pydantic_core import PydanticCustomError

LONGEST_SHOWN = 60


def printable(text: str) -> str:
    """Give `text` with everything escaped that does not print, so that it stays on its line."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def shown(text: object) -> str:
    """Give `text` marked as quoted, printable, and cut where it is long."""
    plain = str(text)
    cut = plain[:LONGEST_SHOWN] + "…" if len(plain) > LONGEST_SHOWN else plain
    return f"`{printable(cut)}`"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Give the known word that `word` most resembles, or None where nothing is near."""
    spellings = {each.casefold().replace("-", "_"): each for each in known}
    wanted = word[:LONGEST_SHOWN].casefold().replace("-", "_")
    close = difflib.get_close_matches(wanted, spellings, n=1, cutoff=0.6)
    return spellings[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give a hint: the nearest known word, or all of them."""
    words = sorted(known)
    near = nearest(word, words)
    return f"Did you mean `{near}`?" if near else f"Known here: {', '.join(words)}."


def refused(code: str, message: str, hint: str | None = None) -> PydanticCustomError:
    """Give the error a validator raises; code and hint reach the Problem unchanged."""
    return PydanticCustomError(code, "{message}", {"message": message, "hint": hint})
