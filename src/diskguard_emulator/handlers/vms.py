"""Virtual machines: lists, get, instance view, patch, and the power switch."""

from collections.abc import Awaitable, Callable
from typing import Final

from diskguard_emulator import rules
from diskguard_emulator.bodies import ANY, check_shape, string_map
from diskguard_emulator.call import Call, Handler
from diskguard_emulator.handlers.lists import page_of, refuse_narrowing, shown
from diskguard_emulator.refusals import Refusal, not_emulated
from diskguard_emulator.render import etag_of, instance_view, render_status_only, render_vm
from diskguard_emulator.resources import VM, Resource, Vm
from diskguard_emulator.settings import Latencies, Span
from diskguard_emulator.wire import Headers, JsonObject, Response

_PATCH: Final = {"tags": ANY}


async def list_in_subscription(call: Call) -> Response:
    """All VMs; with statusOnly=true their run-time state alone."""
    refuse_narrowing(call)
    only = call.request.query.get("statusonly", "false").lower()
    if only not in ("true", "false"):
        raise not_emulated(f"statusOnly={only}")
    found = call.world.listed(call.subscription.id, VM)
    return page_of(call, found, _status_only if only == "true" else shown)


def _status_only(resource: Resource, call: Call) -> JsonObject:
    if not isinstance(resource, Vm):
        raise TypeError(resource.id)
    return render_status_only(resource, call.world.clock.now())


async def get(call: Call) -> Response:
    """The VM with its ETag; `$expand=instanceView` adds that."""
    vm = call.existing(VM, Vm)
    body = render_vm(vm, call.request.api_version)
    match call.request.query.get("$expand"):
        case None:
            pass
        case "instanceView":
            body["properties"]["instanceView"] = instance_view(vm, call.world.clock.now())
        case other:
            raise not_emulated(f"$expand={other} of a VM")
    return Response(status=200, body=body, headers=Headers({"ETag": etag_of(vm)}))


async def get_instance_view(call: Call) -> Response:
    """The instance view alone."""
    vm = call.existing(VM, Vm)
    return Response(status=200, body=instance_view(vm, call.world.clock.now()))


async def patch(call: Call) -> Response:
    """Change the tags, if the ETag still fits; tags of the body are all tags then."""
    check_shape(call.body, _PATCH)
    vm = call.existing(VM, Vm)
    rules.check_etag(call.request.headers.get("If-Match"), etag_of(vm))
    tags = string_map(call.body.get("tags"), "tags")
    rules.check_tags(tags)
    if "tags" in call.body:
        vm.tags = tags
    vm.etag += 1

    async def change() -> JsonObject:
        await call.world.takes(call.world.settings.latencies.patch)
        return render_vm(vm, call.request.api_version)

    operation = call.begin("operations", vm.location, change, vm=vm)
    body = render_vm(vm, call.request.api_version)
    answer = call.accepted(operation, body, status=200, location=False)
    answer.headers["ETag"] = etag_of(vm)
    return answer


# ---------------------------------------------------------------------- the power switch

Switch = Callable[[Vm], Awaitable[None]]


def _power(lasts: Callable[[Latencies], Span], during: str, after: str, switch: Switch) -> Handler:
    """A handler that brings a VM over `during` to `after`; what is there already stays so."""

    async def handle(call: Call) -> Response:
        vm = call.existing(VM, Vm)
        if call.request.query.get("hibernate", "false").lower() != "false":
            raise not_emulated("hibernation of a VM")
        rules.check_unchanging(vm)
        if after == "stopped" and vm.power == "deallocated":
            return call.accepted(call.begin("operations", vm.location, _nothing, vm=vm))
        before, vm.power, vm.changing = vm.power, during, True

        async def work() -> None:
            if before != after:
                await call.world.takes(lasts(call.world.settings.latencies))
                await switch(vm)
            vm.power, vm.changing = after, False
            vm.etag += 1

        def failed(_: Refusal) -> None:
            vm.power, vm.changing = before, False

        operation = call.begin("operations", vm.location, work, on_failure=failed, vm=vm)
        return call.accepted(operation)

    return handle


async def _nothing() -> None:
    """I: powerOff of a deallocated VM succeeds and leaves it deallocated."""


async def _start(vm: Vm) -> None:
    await vm.guest.start()


async def _stop(vm: Vm) -> None:
    await vm.guest.power_off()


start = _power(lambda each: each.start, "starting", "running", _start)
power_off = _power(lambda each: each.power_off, "stopping", "stopped", _stop)
deallocate = _power(lambda each: each.deallocate, "deallocating", "deallocated", _stop)


async def restart(call: Call) -> Response:
    """Stop and start the guest; the operation returns early (JAVA testManageVirtualMachine)."""
    vm = call.existing(VM, Vm)
    rules.check_running(vm)
    rules.check_unchanging(vm)

    async def work() -> None:
        await call.world.takes(call.world.settings.latencies.restart)
        await vm.guest.power_off()
        await vm.guest.start()

    return call.accepted(call.begin("operations", vm.location, work, vm=vm))
