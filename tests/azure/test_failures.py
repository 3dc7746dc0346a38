"""What Azure's answers and the SDK's exceptions mean to us."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from azure.core import exceptions as sdk
from azure.core.rest import HttpRequest
from azure.core.rest._http_response_impl import HttpResponseImpl
from azure.core.utils import CaseInsensitiveDict

from diskguard import errors
from diskguard.azure.failures import (
    AnswerUnreadable,
    azure_failures,
    clean,
    in_use,
    is_missing,
    parse_error,
    parse_retry_after,
    translate_failure,
)

SIGNED = (
    "https://management.azure.com/subscriptions/s/providers/Microsoft.Compute/locations/eastus"
    "/DiskOperations/1?p=1&api-version=2026-03-02&t=638&c=MIIHhzCCBm-gAwIBAgITfAZ&s=abc_-&h=xyz"
)
TOKEN = ".".join(["eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9", "eyJhdWQiOiJodHRwcyJ9", "c2lnbmF0dXJl"])


class AnAnswer(HttpResponseImpl):
    """An answer of the SDK, read already."""

    def __init__(
        self, status: int, body: object = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(
            request=HttpRequest("GET", "https://management.azure.com"),
            internal_response=None,
            status_code=status,
            headers=CaseInsensitiveDict({"x-ms-correlation-request-id": "c-1", **(headers or {})}),
            reason="because",
            content_type="application/json",
            stream_download_generator=None,
            block_size=4096,
        )
        self._content = (body if isinstance(body, str) else json.dumps(body)).encode()


def a_refusal(status: int, code: str, message: str = "No.", **headers: str) -> Any:
    body = {"error": {"code": code, "message": message}}
    return sdk.HttpResponseError(response=AnAnswer(status, body, headers))


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (404, "ResourceNotFound", "", errors.ResourceMissing),
        (404, "ResourceGroupNotFound", "", errors.ResourceMissing),
        (409, "Conflict", "concurrent request", errors.ResourceConflict),
        (409, "OperationNotAllowed", "attached to VM", errors.ResourceConflict),
        (412, "PreconditionFailed", "", errors.ResourceConflict),
        (409, "ScopeLocked", "", errors.CloudRefused),
        (409, "SnapshotsLimitReached", "", errors.SnapshotLimitReached),
        (409, "SnapshotCountExceeded", "", errors.SnapshotLimitReached),
        (409, "OperationNotAllowed", "exceeding approved quota", errors.QuotaReached),
        (400, "QuotaExceeded", "", errors.QuotaReached),
        (400, "InvalidParameter", "", errors.CloudRefused),
        (403, "AuthorizationFailed", "", errors.AccessDenied),
        (403, "LinkedAuthorizationFailed", "", errors.AccessDenied),
        (403, "SubscriptionDisabled", "", errors.AccessDenied),
        (403, "RequestDisallowedByPolicy", "", errors.CloudRefused),
        (401, "InvalidAuthenticationToken", "", errors.LoginFailed),
        (429, "TooManyRequests", "", errors.Throttled),
        (408, "RequestTimeout", "", errors.CloudUnreachable),
        (500, "InternalServerError", "", errors.CloudUnreachable),
        (503, "ServerTimeout", "", errors.CloudUnreachable),
        (501, "NotImplemented", "", errors.CloudRefused),
    ],
)
def test_an_answer_means_what_its_status_and_code_say(status, code, message, kind):
    error = translate_failure(a_refusal(status, code, message), "trying")

    assert error is not None
    assert type(error) is kind
    assert str(error).startswith(f"trying: {code}")
    assert error.correlation_id == "c-1"


def test_a_refusal_keeps_azures_own_word():
    error = translate_failure(a_refusal(409, "ScopeLocked", "is locked"), "deleting")

    assert isinstance(error, errors.CloudRefused)
    assert error.azure_code == "ScopeLocked"
    assert "lock list" in str(error.hint)


def test_a_missing_right_is_named():
    message = (
        "The client 'c' with object id 'o' does not have authorization to perform action "
        "'Microsoft.Compute/snapshots/write' over scope '/subscriptions/s' or the scope is invalid."
    )

    error = translate_failure(a_refusal(403, "AuthorizationFailed", message), "trying")

    assert error is not None
    assert "Grant Microsoft.Compute/snapshots/write" in str(error.hint)


def test_a_missing_linked_right_is_named_not_the_one_that_is_there():
    message = (
        "The client 'c' has permission to perform action 'Microsoft.Compute/snapshots/write' on "
        "scope '/s'; however, it does not have permission to perform action(s) "
        "'Microsoft.Compute/disks/beginGetAccess/action' on the linked scope(s) '/d'."
    )

    error = translate_failure(a_refusal(403, "LinkedAuthorizationFailed", message), "trying")

    assert error is not None
    assert "Grant Microsoft.Compute/disks/beginGetAccess/action" in str(error.hint)


def test_both_forms_of_a_429_are_read():
    inner = {"code": "OperationNotAllowed", "message": "too many", "details": [{"code": "T"}]}

    forms = [parse_error(inner), parse_error({"error": inner})]

    assert forms == [("OperationNotAllowed", "too many", ("T",))] * 2


@pytest.mark.parametrize("document", [None, "x", [], {}, {"error": {}}, {"error": {"details": 1}}])
def test_an_envelope_of_another_shape_is_no_error_of_ours(document):
    assert parse_error(document) == ("", "", ())


def test_an_error_that_is_a_sentence_is_kept():
    assert parse_error({"error": "gateway down"}) == ("", "gateway down", ())


def test_a_throttle_says_for_how_long():
    throttle = sdk.HttpResponseError(response=AnAnswer(429, {}, {"Retry-After": "1200"}))

    error = translate_failure(throttle, "trying")

    assert isinstance(error, errors.Throttled)
    assert error.retry_after_seconds == 1200


@pytest.mark.parametrize("text", [None, "", "soon", "nan", "inf", "-1"])
def test_a_pause_that_is_no_number_is_none(text):
    assert parse_retry_after(text) is None


def test_a_body_that_is_no_json_leaves_the_status():
    error = translate_failure(sdk.HttpResponseError(response=AnAnswer(418, "<html>")), "trying")

    assert str(error) == "trying: HTTP 418"


@pytest.mark.parametrize(
    "cause",
    [
        sdk.ServiceRequestError("refused"),
        sdk.ServiceResponseError("reset"),
        sdk.HttpResponseError("no response at all"),
        TimeoutError(),
        ConnectionResetError("reset"),
    ],
)
def test_no_answer_means_unreachable(cause):
    error = translate_failure(cause, "trying")

    assert type(error) is errors.CloudUnreachable
    assert str(error).startswith("trying: no answer (")


def test_an_untrusted_certificate_names_the_way_out():
    cause = sdk.ServiceRequestError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")

    error = translate_failure(cause, "trying")

    assert error is not None
    assert "SSL_CERT_FILE" in str(error.hint)


@pytest.mark.parametrize(
    "cause",
    [
        sdk.DecodeError("JSON is invalid: ..."),
        sdk.IncompleteReadError("cut"),
        sdk.DeserializationError("no model"),
        json.JSONDecodeError("x", "y", 0),
        AnswerUnreadable("a page without its list"),
    ],
)
def test_an_answer_that_cannot_be_read_is_as_good_as_none(cause):
    error = translate_failure(cause, "trying")

    assert type(error) is errors.CloudUnreachable
    assert "cannot be read" in str(error)


def test_a_failed_login_is_one_line_without_its_token():
    cause = sdk.ClientAuthenticationError(f"DefaultAzureCredential failed {TOKEN}\nAttempted: ...")

    error = translate_failure(cause, "listing VMs")

    assert isinstance(error, errors.LoginFailed)
    assert TOKEN not in str(error)
    assert "\n" not in str(error)


def test_a_login_refused_by_an_answer_keeps_its_correlation_id():
    cause = sdk.ClientAuthenticationError("expired", response=AnAnswer(401))

    error = translate_failure(cause, "listing VMs")

    assert isinstance(error, errors.LoginFailed)
    assert error.correlation_id == "c-1"


def test_a_bug_of_ours_is_not_dressed_up():
    with pytest.raises(TypeError), azure_failures("trying"):
        raise TypeError("a bug")


def test_our_own_error_passes_untouched():
    mine = errors.Throttled("wait", retry_after_seconds=None)

    with pytest.raises(errors.Throttled) as caught, azure_failures("trying"):
        raise mine

    assert caught.value is mine


def test_the_cause_is_chained():
    cause = sdk.ServiceResponseError("reset")

    with pytest.raises(errors.CloudUnreachable) as caught, azure_failures("trying"):
        raise cause

    assert caught.value.__cause__ is cause


@pytest.mark.parametrize(
    ("code", "message", "used"),
    [
        ("ScopeLocked", "following scope(s) are locked", True),
        ("OperationNotAllowed", "There is an active shared access signature outstanding", True),
        ("OperationNotAllowed", "immutability policy", True),
        ("Conflict", "the source is being copied", True),
        ("InvalidParameter", "blocked name", False),
    ],
)
def test_a_snapshot_in_use_is_told_by_code_or_words(code, message, used):
    error = translate_failure(a_refusal(409, code, message), "deleting")

    assert isinstance(error, errors.CloudRefused)
    assert in_use(error) is used


@pytest.mark.parametrize(
    ("code", "missing"), [("ResourceNotFound", True), ("SubscriptionNotFound", False)]
)
def test_a_missing_subscription_is_not_a_missing_thing(code, missing):
    error = translate_failure(a_refusal(404, code), "reading")

    assert error is not None
    assert is_missing(error) is missing


def test_signed_urls_lose_their_query():
    told = clean(f"GET {SIGNED} failed")

    assert told.startswith("GET https://management.azure.com/subscriptions/s/")
    assert "MIIH" not in told
    assert "s=abc" not in told


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {TOKEN}",
        f"token {TOKEN}",
        "sig=abcdefghijklmnopqrstuvwxyz0123456789%3D",
        "c=MIIHhzCCBmgAwIBAgITfAZabcdefghijklmnop",
        "A" * 300,
    ],
)
def test_tokens_and_signatures_are_blotted_out(text):
    told = clean(text)

    assert not any(len(word) > 40 for word in told.replace("=", " ").split())


def test_a_message_is_one_short_line_without_control_characters():
    told = clean("a\x1b[31m\nb\u202e" + " word" * 200)

    assert told.startswith("a [31m b word")
    assert len(told) == 400
