"""The one line an answer is: compressed, short enough for Run Command, closed by a digest."""

import base64
import hashlib
import json
import zlib
from typing import Any, Dict, Iterator

LONGEST_LINE = 3500  # Run Command keeps the last 4,096 bytes of output
LONGEST_TEXT = 300
# What is shortened to make an answer fit, the least needed first; counts are never shortened.
SHORTENED = ("left_out", "mounts", "thawed", "warnings", "faulty", "resisted")


def render(answer: Dict[str, Any], sentinel: str) -> str:
    """The answer as one line of at most 3,500 bytes, lists shortened where they must be."""
    shorter = answer
    for shorter in shortenings(clipped(answer)):
        line = render_whole(shorter, sentinel)
        if len(line) <= LONGEST_LINE:
            return line
    return render_whole(shorter, sentinel)


def render_whole(answer: Dict[str, Any], sentinel: str) -> str:
    """The answer as one line, however long."""
    packed = zlib.compress(json.dumps(answer, separators=(",", ":")).encode(), 9)
    payload = base64.b64encode(packed).decode()
    digest = hashlib.sha256(("%s %s" % (sentinel, payload)).encode()).hexdigest()[:16]
    return "diskguard %s %s %s" % (sentinel, payload, digest)


def clipped(value: Any) -> Any:
    """The value with every text in it cut to 300 characters."""
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, (list, tuple)):
        return [clipped(one) for one in value]
    if isinstance(value, dict):
        return {name: clipped(one) for name, one in value.items()}
    return value


def shortenings(answer: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    """The answer, then ever shorter ones: each list is halved until it is empty."""
    yield answer
    for name in SHORTENED:
        kept: Any = answer.get(name)
        while kept:
            kept = kept[: len(kept) // 2]
            answer = dict(answer)
            answer[name] = kept
            answer["shortened"] = sorted(set(answer.get("shortened", [])) | {name})
            yield answer
