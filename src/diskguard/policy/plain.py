"""What an unquoted YAML scalar means: YAML 1.2's core, and nothing where YAML 1.1 disagrees.

https://yaml.org/spec/1.2.2/#103-core-schema against https://yaml.org/type/. Text that either reads
as something other than text is Ambiguous: it fits no key, so it is refused wherever it stands.
"""

import re
from dataclasses import dataclass
from typing import Final

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_READINGS: Final = tuple(
    (re.compile(pattern, re.ASCII), reading)
    for pattern, reading in (
        (r"(?i:y|n|yes|no|on|off)", "a boolean"),
        (r"[-+]?0[0-7_]+", "an octal number"),
        (r"[-+]?0(?:x[0-9a-fA-F_]+|o[0-7]+|b[01_]+)", "a number in another base"),
        (r"[-+]?[0-9][0-9_]*", "a number"),
        (r"[-+]?(?:\.[0-9_]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?", "a decimal number"),
        (r"[-+]?(?:\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))", "a decimal number"),
        (r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+", "a number to base 60"),
        (r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*", "a number to base 60"),
        (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9].*)?", "a date"),
        (r"=", "a default value"),
    )
)
_FIRST_OF_THOSE: Final = frozenset("0123456789+-.=yYnNoO")
# Nothing above reads a longer text as anything else, except numbers nobody writes.
_LONGEST_READ: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambiguous:
    """An unquoted scalar that YAML's versions, or their readers, do not all read as text."""

    text: str
    reading: str

    def __str__(self) -> str:
        return self.text


Scalar = None | bool | int | str | Ambiguous


def resolve_plain(text: str) -> Scalar:
    """Give what the unquoted `text` means; the same to every reader, or Ambiguous."""
    if text in _NULLS:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _DECIMAL.fullmatch(text):
        return int(text)
    return _text_or_ambiguous(text)


def _text_or_ambiguous(text: str) -> str | Ambiguous:
    if text[0] not in _FIRST_OF_THOSE:
        return text
    for pattern, reading in _READINGS:
        if pattern.fullmatch(text[:_LONGEST_READ]):
            return Ambiguous(text=text, reading=reading)
    return text
