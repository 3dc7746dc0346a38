"""Tokens and signed URLs stay where they belong: on the wire."""

import logging
import traceback
from urllib.parse import urlsplit

import pytest
from tests.azure.rooms import a_snapshot_id, a_vm_id, a_wish, in_seconds
from tests.support.inprocess import SUBSCRIPTION, TOKEN
from tests.support.virtual_time import EPOCH

from diskguard import errors
from diskguard.model.wish import Requested
from diskguard_emulator.faults import Fails, Malformed, OperationFails, Resets

ELSEWHERE = "https://evil.example/subscriptions/x"


def secrets_of(operation: str) -> list[str]:
    """The parts of a signed URL that let anybody use it."""
    pairs = [part.partition("=")[2] for part in urlsplit(operation).query.split("&")]
    return [value for value in pairs if len(value) >= 16]


async def test_the_loudest_log_shows_no_token_and_no_signed_url(room, caplog):
    caplog.set_level(logging.DEBUG)

    requested = await room.azure.compute.request_snapshot(a_wish())
    await room.finished(requested)
    await room.azure.inventory.list_vms(SUBSCRIPTION)
    await room.azure.compute.delete_snapshot(requested.wish.id)

    assert "Request URL" in caplog.text
    assert secrets_of(requested.operation)
    assert not [secret for secret in secrets_of(requested.operation) if secret in caplog.text]
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    "trouble",
    [Fails(status=403, code="AuthorizationFailed"), Fails(status=500), Resets(), Malformed()],
)
async def test_an_error_shows_no_token_and_no_signed_url(room, trouble):
    requested = await room.azure.compute.request_snapshot(a_wish())
    room.befall(trouble, path="/DiskOperations/", times=9)

    with pytest.raises(errors.DiskguardError) as caught:
        await room.azure.compute.read_operation(requested)

    told = "".join(traceback.format_exception(caught.value))
    assert not [secret for secret in secrets_of(requested.operation) if secret in told]
    assert TOKEN not in told


async def test_what_azure_says_of_a_failure_loses_its_signed_urls(room):
    message = f"see {ELSEWHERE}?sig=abcdefghijklmnopqrstuvwxyz012345 and Bearer {TOKEN}"
    room.befall(OperationFails(code="Odd", message=message), "PUT")

    state = await room.finished(await room.azure.compute.request_snapshot(a_wish()))

    assert state.error_message == f"see {ELSEWHERE} and Bearer ..."


def test_a_request_shows_no_operation():
    requested = Requested(
        wish=a_wish(), operation=f"{ELSEWHERE}?s=secret", sent_at=EPOCH, answered_at=EPOCH
    )

    assert "secret" not in repr(requested)


@pytest.mark.parametrize(
    "url",
    [
        f"{ELSEWHERE}/operations/1?s=secret",
        "https://management.emulator.test.evil.example/operations/1",
        "https://evil-management.emulator.test/operations/1",
        "http://management.emulator.test/operations/1",
        "https://management.emulator.test:8443/operations/1",
    ],
)
async def test_the_token_is_not_carried_elsewhere(room, url):
    page = f'{{"value": [], "nextLink": "{url}"}}'
    room.befall(Malformed(body=page), path="/disks")

    with pytest.raises(errors.EndpointRefused) as caught:
        await room.azure.inventory.list_disks(SUBSCRIPTION)

    assert "secret" not in str(caught.value)
    assert room.sent("GET", "/operations/1") == 0


async def test_a_subdomain_of_the_endpoint_is_home(room):
    page = '{"value": [], "nextLink": "https://eastus.management.emulator.test/nowhere"}'
    room.befall(Malformed(body=page), path="/disks")

    with pytest.raises(errors.CloudRefused):
        await room.azure.inventory.list_disks(SUBSCRIPTION)

    assert room.sent("GET", "/nowhere") == 1


async def test_a_redirect_is_not_followed(room):
    room.befall(Fails(status=307), path="/snapshots/")

    with pytest.raises(errors.CloudRefused):
        await room.azure.compute.find_snapshot(a_snapshot_id())

    assert room.sent("GET") == 1


async def test_an_unregistered_provider_is_told_and_not_registered(room):
    room.befall(Fails(status=409, code="MissingSubscriptionRegistration"), path="/virtualMachines")

    with pytest.raises(errors.ProviderNotRegistered, match="MissingSubscriptionRegistration"):
        await room.azure.compute.find_vm(a_vm_id())

    assert room.sent("POST") == 0


async def test_a_window_sends_no_request_a_second_time_whatever_the_answer(room):
    room.befall(Fails(status=409, retry_after=1), "PUT", times=9)

    with pytest.raises(errors.ResourceConflict):
        await room.azure.compute.request_snapshot(a_wish(), until=in_seconds(room, 10))

    assert room.sent("PUT") == 1
