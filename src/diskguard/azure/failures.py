"""The one door for the SDK's exceptions: what went wrong, in our words, without tokens or signed URLs."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from diskguard import errors
from diskguard.errors import DiskguardError

_LONGEST: Final = 400
_SECRETS: Final = (
    (re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*"), r"\1"),
    (re.compile(r"\b[Bb]earer\s+[^\s,;\"']+"), "Bearer ..."),
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*)*"), "..."),
    (re.compile(r"\b(sig|[tcsh])=[\w%+/=-]{24,}"), r"\1=..."),
    (re.compile(r"[\w+/=-]{160,}"), "..."),
)
_GONE: Final = frozenset({"ResourceNotFound", "ResourceGroupNotFound", "NotFound", ""})
_IN_USE: Final = re.compile(
    r"ScopeLocked|\block|immutab|shared access|\bSAS\b|being (?:copied|used)|in use", re.IGNORECASE
)
_LIMIT: Final = re.compile(r"Snapshots?(?:Count|Limit)", re.IGNORECASE)
_QUOTA: Final = re.compile(r"quota", re.IGNORECASE)
_NOT_REGISTERED: Final = "MissingSubscriptionRegistration"
_NO_ACCESS: Final = frozenset({"AuthorizationFailed", "LinkedAuthorizationFailed"})


class AnswerUnreadable(ValueError):
    """What Azure sent is not what its documentation promises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What an answer that says no says. `retry_after` in seconds, where Azure gave it."""

    status: int
    code: str
    message: str
    details: tuple[str, ...] = ()
    retry_after: float | None = None
    correlation_id: str | None = None


@contextmanager
def azure_failures(doing: str) -> Iterator[None]:
    """Let nothing of the SDK out: what it raises becomes an error of ours, chained to its cause."""
    try:
        yield
    except DiskguardError:
        raise
    except Exception as error:
        known = translate_failure(error, doing)
        if known is None:
            raise
        raise known from error


def translate_failure(error: Exception, doing: str) -> DiskguardError | None:
    """Say what an exception means to us, most specific first; None for a bug of ours."""
    from azure.core import exceptions as sdk

    if isinstance(error, sdk.ClientAuthenticationError):
        return _login_failed(error, doing)
    if isinstance(error, _unreadable_kinds()):
        return _unreadable(error, doing)
    if isinstance(error, sdk.HttpResponseError) and error.response is not None:
        return translate_refusal(refusal_of(error.response), doing)
    if isinstance(error, sdk.AzureError | TimeoutError | OSError):
        return _unreachable(error, doing)
    return None


def _unreadable_kinds() -> tuple[type[Exception], ...]:
    from azure.core import exceptions as sdk

    return (sdk.DecodeError, sdk.DeserializationError, json.JSONDecodeError, AnswerUnreadable)


def translate_refusal(refusal: Refusal, doing: str) -> DiskguardError:
    """Say what an answer means: first by status, then by Azure's own code."""
    text = f"{doing}: {_told(refusal)}"
    if refusal.status == 429:
        return errors.Throttled(
            text, retry_after_seconds=refusal.retry_after, correlation_id=refusal.correlation_id
        )
    if refusal.status == 408 or (refusal.status >= 500 and refusal.status != 501):
        return errors.CloudUnreachable(text, correlation_id=refusal.correlation_id)
    if refusal.status == 401:
        return errors.LoginFailed(text, correlation_id=refusal.correlation_id)
    return _by_code(refusal, text)


def refusal_of(response: Any) -> Refusal:
    """Read a response of the SDK that is no success; Compute's 429 may lack the outer `error`."""
    headers = response.headers
    code, message, details = parse_error(_body(response))
    return Refusal(
        status=response.status_code,
        code=code,
        message=message,
        details=details,
        retry_after=parse_retry_after(headers.get("Retry-After")),
        correlation_id=headers.get("x-ms-correlation-request-id"),
    )


def parse_error(document: Any) -> tuple[str, str, tuple[str, ...]]:
    """Read `{"error": {code, message, details}}`, also without the outer `error`."""
    if not isinstance(document, Mapping):
        return "", "", ()
    inner = document.get("error", document)
    if not isinstance(inner, Mapping):
        return "", clean(str(inner)), ()
    details = inner.get("details")
    entries = details if isinstance(details, list) else []
    codes = [each.get("code") for each in entries if isinstance(each, Mapping)]
    message = clean(str(inner.get("message") or ""))
    return str(inner.get("code") or ""), message, tuple(code for code in codes if code)


def parse_retry_after(text: str | None) -> float | None:
    """Seconds, as Azure gives them; None for anything else."""
    try:
        seconds = float(text) if text is not None else None
    except ValueError:
        return None
    return seconds if seconds is not None and 0 <= seconds < float("inf") else None


def is_missing(error: DiskguardError) -> bool:
    """True when the thing, or its group, does not exist; not for a missing subscription or type."""
    return isinstance(error, errors.ResourceMissing) and (error.azure_code or "") in _GONE


def in_use(error: errors.CloudRefused) -> bool:
    """True when a deletion failed for a lock, an export, immutability or a copy under way."""
    return bool(_IN_USE.search(f"{error.azure_code} {error}"))


def clean(text: str) -> str:
    """One short line without control characters, signed queries or tokens."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    for pattern, instead in _SECRETS:
        line = pattern.sub(instead, line)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _body(response: Any) -> Any:
    """The body as JSON; None where it is none, or was never read."""
    from azure.core.exceptions import AzureError

    try:
        return json.loads(response.text())
    except (ValueError, AzureError, AttributeError):
        return None


def _told(refusal: Refusal) -> str:
    said = ": ".join(part for part in (refusal.code, refusal.message) if part)
    return said or f"HTTP {refusal.status}"


def _by_code(refusal: Refusal, text: str) -> DiskguardError:
    """The first of these that fits."""
    codes = " ".join((refusal.code, *refusal.details))
    seen = refusal.correlation_id
    if refusal.code in _NO_ACCESS:
        return _access_denied(refusal, text)
    if _LIMIT.search(codes):
        hint = "Azure keeps 500 snapshots of a disk, and makes 7 in five minutes: delete some, or wait."
        return errors.SnapshotLimitReached(text, hint=hint, correlation_id=seen)
    if _QUOTA.search(codes) or (refusal.status == 409 and _QUOTA.search(refusal.message)):
        return errors.QuotaReached(text, correlation_id=seen)
    if refusal.status == 403 and refusal.code != "RequestDisallowedByPolicy":
        return errors.AccessDenied(text, correlation_id=seen)
    return _refused(refusal, text)


def _refused(refusal: Refusal, text: str) -> errors.CloudRefused:
    """What is left: a no, told apart by what the caller can do about it."""
    kinds = {
        404: errors.ResourceMissing,
        409: errors.ResourceConflict,
        412: errors.ResourceConflict,
    }
    kind = kinds.get(refusal.status, errors.CloudRefused)
    hint = None
    if refusal.code == "ScopeLocked":
        kind, hint = errors.CloudRefused, "A lock forbids it; `az lock list` shows which."
    if refusal.code == _NOT_REGISTERED:
        kind, hint = errors.ProviderNotRegistered, "`az provider register` registers it."
    return kind(text, azure_code=refusal.code, hint=hint, correlation_id=refusal.correlation_id)


def _access_denied(refusal: Refusal, text: str) -> errors.AccessDenied:
    """Name the action that lacks: in the linked form it is the second one of the message."""
    actions = re.findall(r"action(?:\(s\))? '([^']+)'", refusal.message)
    missing = actions[-1] if actions else "the action named above"
    return errors.AccessDenied(
        text,
        hint=f"Grant {missing}; docs/operations/permissions.md has the whole list.",
        correlation_id=refusal.correlation_id,
    )


def _login_failed(error: Any, doing: str) -> errors.LoginFailed:
    response = getattr(error, "response", None)
    header = response.headers.get("x-ms-correlation-request-id") if response is not None else None
    first = str(error.message or error).strip().splitlines() or [""]
    return errors.LoginFailed(
        f"{doing}: {clean(first[0])}",
        hint="Log in with `az login`, a managed identity or the AZURE_* variables; -v shows what was tried.",
        correlation_id=header,
    )


def _unreadable(error: Exception, doing: str) -> errors.CloudUnreachable:
    """Whether Azure did what we asked is as unknown as with no answer at all."""
    why = str(error) if isinstance(error, AnswerUnreadable) else "cut off, or no JSON"
    return errors.CloudUnreachable(f"{doing}: the answer cannot be read ({clean(why)})")


def _unreachable(error: Exception, doing: str) -> errors.CloudUnreachable:
    said = clean(str(error)) or type(error).__name__
    untrusted = "CERTIFICATE_VERIFY_FAILED" in said
    hint = "Name the certificate authority in SSL_CERT_FILE or REQUESTS_CA_BUNDLE."
    return errors.CloudUnreachable(f"{doing}: no answer ({said})", hint=hint if untrusted else None)
