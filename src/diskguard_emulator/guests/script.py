"""Reading what diskguard sends to a guest without running its shell: verb, sentinel, request, helper."""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any, Final

_HERE_DOC: Final = re.compile(r"<<-?\s*(?P<quote>['\"]?)(?P<marker>\w+)(?P=quote)")
_MARKERS: Final = frozenset({"DISKGUARD_SENTINEL", "DISKGUARD_REQUEST", "DISKGUARD_HELPER"})
_VERB: Final = re.compile(r"^verb=(?P<verb>[a-z]+)$", re.MULTILINE)


class ScriptNotUnderstood(Exception):
    """The script is not one this guest can take apart; nothing of it was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentScript:
    """What one script asks of the helper it carries."""

    verb: str
    sentinel: str
    request: dict[str, Any]
    archive: bytes


def read_script(script: str) -> SentScript:
    """The parts of a script. Raises ScriptNotUnderstood for anything but the three known here-docs."""
    parts = _here_docs(script)
    if parts.keys() != _MARKERS:
        raise ScriptNotUnderstood(f"its here-documents are {sorted(parts)}, not {sorted(_MARKERS)}")
    verbs = _VERB.findall(script)
    if len(verbs) != 1:
        raise ScriptNotUnderstood(f"it names {len(verbs)} verbs, not one")
    return SentScript(
        verb=verbs[0],
        sentinel=_decoded(parts["DISKGUARD_SENTINEL"]).decode().strip(),
        request=_request(_decoded(parts["DISKGUARD_REQUEST"])),
        archive=_decoded(parts["DISKGUARD_HELPER"]),
    )


def _here_docs(script: str) -> dict[str, str]:
    lines, found = iter(script.splitlines()), dict[str, str]()
    for line in lines:
        for opened in _HERE_DOC.finditer(line.partition("#")[0]):
            marker, body = opened["marker"], list[str]()
            for inner in lines:
                if inner == marker:
                    break
                body.append(inner)
            else:
                raise ScriptNotUnderstood(f"the here-document {marker} does not end")
            if marker in found:
                raise ScriptNotUnderstood(f"the here-document {marker} comes twice")
            found[marker] = "\n".join(body)
    return found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise ScriptNotUnderstood(f"a here-document is not base64: {error}") from error


def _request(text: bytes) -> dict[str, Any]:
    try:
        request = json.loads(text)
    except ValueError as error:
        raise ScriptNotUnderstood(f"the request is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise ScriptNotUnderstood("the request is not an object")
    return request
