"""Lints of what stands in the file as such: secrets anywhere, shell words in commands."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from diskguard.errors import Problem
from diskguard.policy.document import Document, Fault, Path
from diskguard.policy.lint_table import SECRET, SHELL
from diskguard.policy.wording import shown

_MOST_SECRETS: Final = 20
# Each begins with a fixed word or after a boundary, so that a hostile megabyte takes no longer.
_SECRETS: Final = tuple(
    (what, re.compile(pattern))
    for what, pattern in (
        ("a private key", r"-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----"),
        # 64 bytes: storage, Cosmos DB, Batch; 32 bytes: Service Bus, Event Hubs, IoT Hub.
        ("an account key", r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])"),
        (
            "a connection string's key",
            r"(?:AccountKey|SharedAccessKey|SharedSecretValue)=[A-Za-z0-9+/]{20,}={0,2}",
        ),
        (
            "a shared access signature",
            r"(?<![A-Za-z0-9])sig=[A-Za-z0-9%+/]{40,}(?:={1,2}|%3[dD])?",
        ),
        # https://learn.microsoft.com/purview/sit-defn-azure-ad-client-secret
        (
            "a client secret of an app",
            r"(?<![A-Za-z0-9_.~-])[A-Za-z0-9_.~-]{3}[0-9]Q~[A-Za-z0-9_.~-]{31,34}(?![A-Za-z0-9_.~-])",
        ),
        ("a signed token", r"(?<![A-Za-z0-9_-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
        (
            "a password",
            r"(?i:(?<![A-Za-z0-9])(?:password|passwd|pwd|pgpassword|mysql_pwd|client_?secret|secret_?key))"
            r"""["']?\s{0,4}(?:[=:]|["'],)\s{0,4}["']?(?![$<{*%\s"'])[^\s"',;&}\]]{6,}""",
        ),
        (
            "a password in an address",
            r"(?<![A-Za-z0-9])[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,64}:(?![$<{*%])[^\s/:@]{3,64}@",
        ),
    )
)


def lint_secrets(text: str, *, file: str) -> Iterator[Problem]:
    """Give each place that looks like a secret, comments included; never what stands there."""
    ends = [found.end() for found in re.finditer(r"\n", text)]
    seen: set[int] = set()
    for what, pattern in _SECRETS:
        for found in pattern.finditer(text):
            line = _line(ends, found.start())
            if line not in seen and len(seen) < _MOST_SECRETS:
                seen.add(line)
                start = ends[line - 2] if line > 1 else 0
                yield _problem(file, line, found.start() - start + 1, what)


def _line(ends: list[int], place: int) -> int:
    return bisect_right(ends, place) + 1


def _problem(file: str, line: int, column: int, what: str) -> Problem:
    return Problem(
        file=file,
        line=line,
        column=column,
        code=SECRET.code,
        message=f"this looks like {what}: a policy is no place for secrets",
        hint=SECRET.remedy,
        severity=SECRET.severity,
    )


# -- commands -----------------------------------------------------------------------------------

_SHELLS: Final = re.compile(
    r"(?i)(?:.*[\\/])?(?:(?:ba|da|k|z|a|fi)?sh|cmd|powershell|pwsh)(?:\.exe)?"
)
_OPERATORS: Final = re.compile(r"\|{1,2}|&{1,2}|;|(?:[0-9]|&)?>{1,2}(?:&[0-9])?|<{1,3}")
_JOINED: Final = re.compile(r"(?:[0-9]|&)?>{1,2}(?:&[0-9]|[/.\w~$]\S*)|<[/.\w~]\S*")
_EXPANDED: Final = re.compile(r"\$\(.*\)|^`[^`]+`$|\$\{[A-Za-z_]\w*\}|\$[A-Z_][A-Z0-9_]*\b|^~/.*")
_COMMANDS: Final = (
    *(
        (*prefix, "hooks", kind, "*", "run")
        for prefix in ((), ("rules", "*"))
        for kind in ("before_freeze", "after_thaw", "after_restore")
    ),
    ("drill", "checks", "*", "run"),
    ("restore", "wait_for"),
)


def lint_commands(document: Document) -> Iterator[Fault]:
    """Give each word of a command that means something to a shell, where none is started."""
    for pattern in _COMMANDS:
        for path, words in document.find(*pattern):
            if isinstance(words, tuple):
                yield from _command(path, tuple(map(str, words)))


def _command(path: Path, words: tuple[str, ...]) -> Iterator[Fault]:
    if any(_SHELLS.fullmatch(word) for word in words):
        return
    if len(words) == 1 and " " in words[0].strip() and "\\" not in words[0]:
        message = f"{shown(words[0])} is taken as the name of one program, blanks and all"
        yield SHELL.at((*path, 0), message)
        return
    for place, word in enumerate(words):
        if _OPERATORS.fullmatch(word) or _JOINED.fullmatch(word):
            yield SHELL.at((*path, place), f"{shown(word)} is given to the program as it stands")
        elif expanded := _EXPANDED.search(word):
            message = f"{shown(expanded[0])} is given to the program as it stands, not replaced"
            yield SHELL.at((*path, place), message)
