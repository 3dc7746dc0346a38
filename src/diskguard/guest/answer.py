"""Taking a guest's one line out of what Run Command printed. All of it is hostile input."""

import base64
import binascii
import hashlib
import hmac
import json
import re
import zlib
from typing import Final, NoReturn

from diskguard.errors import GuestAnswerUnreadable, GuestRefused
from diskguard.guest.checks import Fields, Unacceptable, clean

LONGEST_OUTPUT: Final = 64 * 1024  # Azure keeps 4,096 bytes; be generous, yet bounded
LONGEST_LINE: Final = 4096
LONGEST_DOCUMENT: Final = 256 * 1024
DIGEST_DIGITS: Final = 16

# What the script itself says when the helper could not speak: a word, no helper needed to say it.
_REFUSALS: Final = {
    "no-python": "neither python3 nor platform-python 3.6 or later was found in the guest",
    "run-not-writable": "nothing can be written below /run in the guest",
    "script-damaged": "the script did not arrive whole in the guest",
    "helper-failed": "the helper ended without an answer",
}


def read_answer(output: str, *, sentinel: str, kind: str) -> Fields:
    """The fields of the answer of that kind.

    Raises GuestRefused where the guest declined, GuestAnswerUnreadable for anything that is not a
    whole answer closed by `sentinel` and its digest.
    """
    try:
        found = Fields(_document(_last_line(output, sentinel), sentinel))
        _check_kind(found, kind)
    except Unacceptable as trouble:
        raise unreadable(trouble) from trouble
    return found


def _check_kind(found: Fields, kind: str) -> None:
    said = found.text("kind")
    if said == "refused":
        _refuse(found.text("reason"), found.text("message"))
    if said != kind and (kind, said) != ("report", "missing"):
        raise Unacceptable(f"it is of the kind {said!r}")


def unreadable(trouble: Unacceptable) -> GuestAnswerUnreadable:
    """The one error for an answer that cannot be taken."""
    return GuestAnswerUnreadable(
        f"what the guest answered cannot be read: {trouble}",
        hint="The guest may be armed all the same; it thaws by itself.",
    )


def _refuse(reason: str, message: str) -> NoReturn:
    raise GuestRefused(f"the guest refused: {message}", reason=reason)


def _last_line(output: str, sentinel: str) -> list[str]:
    """The words after our mark on the last line that bears it."""
    if len(output) > LONGEST_OUTPUT:
        raise Unacceptable(f"{len(output)} characters are too many")
    mark = f"diskguard {sentinel} "
    lines = [line for line in output.split("\n") if line.startswith(mark)]
    if not lines:
        raise Unacceptable("our sentinel is not in it")
    if len(lines[-1]) > LONGEST_LINE:
        raise Unacceptable(f"a line of {len(lines[-1])} characters is too long")
    return lines[-1][len(mark) :].split()


def _document(words: list[str], sentinel: str) -> object:
    match words:
        case ["refused", reason] if reason in _REFUSALS:
            _refuse(reason, _REFUSALS[reason])
        case [payload, digest]:
            _check_digest(payload, digest, sentinel)
            return _json(_unpacked(payload))
        case _:
            raise Unacceptable("its line has not the two parts we expect")


def _check_digest(payload: str, digest: str, sentinel: str) -> None:
    sealed = f"{sentinel} {payload}".encode("utf-8", "replace")
    wanted = hashlib.sha256(sealed).hexdigest()[:DIGEST_DIGITS]
    if not hmac.compare_digest(wanted.encode(), digest.encode("utf-8", "replace")):
        raise Unacceptable("its digest does not fit: it was cut or changed")


def _unpacked(payload: str) -> bytes:
    try:
        packed = base64.b64decode(payload, validate=True)
        unpacker = zlib.decompressobj()
        found = unpacker.decompress(packed, LONGEST_DOCUMENT)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise Unacceptable(f"it cannot be unpacked: {error}") from error
    if not unpacker.eof:
        raise Unacceptable("it is longer than we read, or not whole")
    return found


def _json(text: bytes) -> object:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Unacceptable(f"it is not JSON: {clean(str(error))}") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def is_plain_word(text: str) -> bool:
    """Whether a mark of ours is safe as a name: letters, digits and hyphens, at most 63."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}", text) is not None
