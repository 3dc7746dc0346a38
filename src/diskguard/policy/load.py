"""A policy file loaded: the one file of this room that reads."""

from codecs import BOM_UTF8
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from diskguard.errors import PolicyInvalid, Problem
from diskguard.policy.checks import check_between_keys
from diskguard.policy.document import Document, Fault
from diskguard.policy.faults import faults_of
from diskguard.policy.lint import lint_policy
from diskguard.policy.lint_text import lint_secrets
from diskguard.policy.model import Policy
from diskguard.policy.reading import MOST_PROBLEMS, Reading, read_document
from diskguard.policy.support import unsupported_requests
from diskguard.policy.wording import printable

LARGEST_FILE: Final = 1_000_000  # bytes
_OTHER_ENCODINGS: Final = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All that is to be said of a policy file; `policy` is None where its shape is wrong."""

    document: Document
    policy: Policy | None
    problems: tuple[Problem, ...]

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What does not stand in the way."""
        return tuple(each for each in self.problems if each.severity == "warning")

    def accepted(self) -> Policy:
        """Give the policy. Raises PolicyInvalid, with every problem, if any is an error."""
        if self.policy is None or len(self.warnings) < len(self.problems):
            raise PolicyInvalid(self.problems)
        return self.policy


def load_policy(path: Path) -> Policy:
    """Give the policy of a file. Raises PolicyInvalid, with every problem of the file."""
    return examine_file(path).accepted()


def parse_policy(text: bytes | str, *, file: str) -> Policy:
    """Give the policy of a text. Raises PolicyInvalid, with every problem of the text."""
    return examine_policy(text, file=file).accepted()


def examine_file(path: Path) -> Examination:
    """Give all that is to be said of a file, also of one that cannot be read."""
    file = printable(str(path))
    try:
        raw = _bytes_of(path)
    except OSError as error:
        return _refusal(file, "unreadable", f"cannot be read: {error.strerror or error}")
    except ValueError as error:
        return _refusal(file, "unreadable", f"cannot be read: {error}")
    return examine_policy(raw, file=file)


def _bytes_of(path: Path) -> bytes:
    """Read at most one byte more than a policy may have."""
    with path.open("rb") as stream:
        return stream.read(LARGEST_FILE + 1)


def examine_policy(text: bytes | str, *, file: str) -> Examination:
    """Give all that is to be said of a text; never raises for what it holds."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(raw) > LARGEST_FILE:
        message = f"larger than {LARGEST_FILE} bytes: this is not a policy"
        return _refusal(file, "too-large", message)
    for mark, encoding in _OTHER_ENCODINGS.items():
        if raw.startswith(mark):
            return _refusal(file, "not-utf-8", f"this is {encoding}: save it as UTF-8")
    try:
        decoded = raw.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        return _not_utf_8(error, file)
    secrets = tuple(lint_secrets(decoded, file=file))
    return _examine(read_document(decoded, file=file), secrets)


def _examine(reading: Reading, secrets: tuple[Problem, ...]) -> Examination:
    document = reading.document
    if not reading.complete or not isinstance(document.data, dict):
        problems = (*secrets, *(reading.problems or (_no_mapping(document),)))
        return Examination(document=document, policy=None, problems=_in_order(problems))
    policy, faults = _validate(document)
    faults = [*faults, *check_between_keys(document), *unsupported_requests(document)]
    faults += lint_policy(policy, document) if policy is not None else ()
    problems = _in_order([*secrets, *reading.problems, *map(document.problem, faults)])
    return Examination(document=document, policy=policy, problems=problems)


def _validate(document: Document) -> tuple[Policy | None, list[Fault]]:
    try:
        return Policy.model_validate(document.data), []
    except ValidationError as error:
        return None, list(islice(faults_of(error, document), MOST_PROBLEMS))


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Give each problem once, in the file's order, and not more than a person would read."""
    once = dict.fromkeys(problems)
    ordered = sorted(once, key=lambda each: (each.line, each.column, each.code, each.message))
    errors_first = sorted(ordered, key=lambda each: each.severity != "error")
    kept = set(errors_first[:MOST_PROBLEMS])
    return tuple(each for each in ordered if each in kept)


def _no_mapping(document: Document) -> Problem:
    if document.data is None:
        fault = Fault(path=(), code="empty-policy", message="there is no policy in here")
    else:
        message = "a policy is a mapping of keys to values"
        fault = Fault(path=(), code="wrong-type", message=message)
    return document.problem(fault)


def _refusal(file: str, code: str, message: str) -> Examination:
    document = Document(file=file)
    problem = document.problem(Fault(path=(), code=code, message=message))
    return Examination(document=document, policy=None, problems=(problem,))


def _not_utf_8(error: UnicodeDecodeError, file: str) -> Examination:
    before = error.object[: error.start].decode()
    problem = Problem(
        file=file,
        line=before.count("\n") + 1,
        column=len(before) - before.rfind("\n"),
        code="not-utf-8",
        message=f"the byte 0x{error.object[error.start]:02X} is not UTF-8: save the file as UTF-8",
    )
    return Examination(document=Document(file=file), policy=None, problems=(problem,))
