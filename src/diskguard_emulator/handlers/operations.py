"""Operations: read under their signed URL, as status or as the bare result."""

from diskguard_emulator.call import Call
from diskguard_emulator.operations import Operation
from diskguard_emulator.refusals import Refusal
from diskguard_emulator.wire import Headers, Response


async def read(call: Call) -> Response:
    """The status, always 200; or with `monitor=true` 202 while it runs, then the bare result."""
    operation = find(call)
    headers = _headers(call, operation)
    if call.request.query.get("monitor") != "true":
        return Response(status=200, body=operation.body(), headers=headers)
    if operation.ended is None:  # Witness: canRunScriptOnVM-2020: 202, empty, Location again
        url = f"{call.request.base}{operation.path}?{operation.query(monitor=True)}"
        headers["Location"] = url
        return Response(status=202, headers=headers)
    if operation.error is not None:
        raise Refusal(409, operation.error["code"], operation.error["message"])
    if operation.output is None:
        return Response(status=200, headers=headers)
    return Response(status=200, body=operation.output, headers=headers)


def _headers(call: Call, operation: Operation) -> Headers:
    """Witness: snapshots-2026 interaction 2."""
    if operation.kind != "DiskOperations":
        return Headers()
    return Headers({"x-ms-operation-identifier": call.identifier(operation)})


def find(call: Call) -> Operation:
    """The operation of the path. Raises Refusal 404, or 403 where the query is not as it was given."""
    operation = call.world.operations.find(call.names[2])
    if operation is None or operation.path.lower() != call.request.path.lower():
        raise Refusal(404, "ResourceNotFound", f"The entity '{call.names[2]}' was not found.")
    monitor = call.request.query.get("monitor") == "true"
    if call.request.raw_query != operation.query(monitor=monitor):
        raise Refusal(
            403,
            "EmulatorSignatureInvalid",
            "The operation's URL must be sent back byte for byte; its query differs.",
        )
    return operation
