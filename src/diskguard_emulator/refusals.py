"""Errors as Azure Resource Manager says them."""

from collections.abc import Mapping
from typing import Any

from diskguard_emulator.wire import Headers, Response


class Refusal(Exception):
    """A request that is answered with an error; `code` is Azure's, or begins with `Emulator`."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def error(self) -> dict[str, Any]:
        """The error object, as it also stands in a failed operation."""
        return {"code": self.code, "message": self.message}

    def body(self) -> Any:
        """The answer's whole body."""
        return {"error": self.error()}

    def response(self) -> Response:
        """The answer."""
        return Response(status=self.status, body=self.body(), headers=Headers(self.headers))


def gateway(status: int, code: str, message: str) -> Refusal:
    """A refusal by Resource Manager itself; the header is in the recordings (snapshots-2026, 404)."""
    return Refusal(status, code, message, {"x-ms-failure-cause": "gateway"})


def resource_not_found(kind: str, name: str, group: str) -> Refusal:
    """Recorded: snapshots-2026.yaml interaction 8."""
    return gateway(
        404,
        "ResourceNotFound",
        f"The Resource '{kind}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def group_not_found(group: str) -> Refusal:
    """Recorded: disks-2026.yaml interaction 11."""
    return gateway(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def subscription_not_found(subscription: str) -> Refusal:
    """The wording az prints for a foreign subscription."""
    return gateway(
        404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found."
    )


def invalid_parameter(target: str, message: str) -> Refusal:
    """Compute's own word for a field it does not take."""
    return Refusal(400, "InvalidParameter", f"{message} (target: {target})")


def conflict(message: str) -> Refusal:
    """409 Conflict, as Run Command and concurrent changes of a VM answer."""
    return Refusal(409, "Conflict", message)


def not_allowed(message: str) -> Refusal:
    """409 OperationNotAllowed, as Compute answers a client's impossible wish."""
    return Refusal(409, "OperationNotAllowed", message)


def not_emulated(what: str) -> Refusal:
    """The emulator's own: it has no witness for this, and does not guess."""
    return Refusal(501, "EmulatorNotEmulated", f"The emulator does not know {what}.")


def unknown_field(path: str) -> Refusal:
    """The emulator's own: a field outside the emulated shape."""
    return Refusal(400, "EmulatorUnknownField", f"The emulator does not know the field '{path}'.")
