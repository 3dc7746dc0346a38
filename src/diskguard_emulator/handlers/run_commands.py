"""Run Command: the action (v1) and the managed resource (v2)."""

import asyncio
from typing import Final

from diskguard_emulator import rules
from diskguard_emulator.bodies import ANY, check_shape, required, string_map
from diskguard_emulator.call import Call
from diskguard_emulator.guests.port import GuestStopped, ScriptOutcome
from diskguard_emulator.operations import wire_time
from diskguard_emulator.refusals import Refusal, not_allowed, not_emulated, resource_not_found
from diskguard_emulator.render import os_type, render_command
from diskguard_emulator.resources import VM, ManagedCommand, Vm
from diskguard_emulator.wire import JsonObject, Response
from diskguard_emulator.world import World

OUTPUT_LIMIT: Final = 4096
_INVOKE: Final = {"commandId": ANY, "script": ANY, "parameters": ANY}
_SHELLS: Final = {"Linux": "RunShellScript", "Windows": "RunPowerShellScript"}
_PUT: Final = {
    "location": ANY,
    "tags": ANY,
    "properties": {
        "source": {"script": ANY},
        "asyncExecution": ANY,
        "timeoutInSeconds": ANY,
        "treatFailureAsDeploymentFailure": ANY,
    },
}


# ---------------------------------------------------------------------- v1


async def invoke(call: Call) -> Response:
    """Run a script; 202, and the output in the operation. The exit code of a Linux script is lost."""
    vm = call.existing(VM, Vm)
    check_shape(call.body, _INVOKE)
    command, lines = required(call.body, "commandId"), required(call.body, "script")
    if command != _SHELLS[os_type(vm)]:
        raise not_emulated(f"the command '{command}' on {os_type(vm)}")
    if call.body.get("parameters"):  # az sends an empty list when it is given none
        raise not_emulated("parameters of a run command")
    rules.check_running(vm)
    rules.check_extensions(vm)
    rules.check_script_slot(vm)
    vm.script_running = True

    async def work() -> JsonObject:
        outcome = await _run(call.world, vm, "\n".join(lines))
        call.world.spawn(_free_slot(call.world, vm))
        return {"value": entries(os_type(vm), outcome)}

    def failed(_: Refusal) -> None:
        call.world.spawn(_free_slot(call.world, vm))

    return call.accepted(call.begin("operations", vm.location, work, on_failure=failed, vm=vm))


async def _free_slot(world: World, vm: Vm) -> None:
    """Witness: azure-cli 19137: the slot can stay taken for a while after the end."""
    await asyncio.sleep(world.settings.script_slot_lingers.total_seconds())
    vm.script_running = False


async def _run(world: World, vm: Vm, script: str) -> ScriptOutcome:
    """Let the guest run it, no quicker than Azure (about 20 s) and for 90 minutes at most.

    Witness: linux/run-command.md @1a043fb3a20b. I: how an agent that never reports ends.
    """
    took = world.settings.latencies
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(world.settings.script_limit.total_seconds()):
            await world.takes(took.before_script)
            outcome = await _ask_guest(vm, script)
            await world.takes(took.after_script)
            spent = asyncio.get_running_loop().time() - began
            await asyncio.sleep(world.draw(took.script_at_least) - spent)
    except (TimeoutError, GuestStopped) as lost:
        raise Refusal(
            409,
            "VMAgentStatusCommunicationError",
            f"VM '{vm.name}' has not reported status for VM agent or extensions. Verify that the "
            "OS is up and healthy, the VM has a running VM agent, and that it can establish "
            "outbound connections to Azure storage.",
        ) from lost
    return outcome


async def _ask_guest(vm: Vm, script: str) -> ScriptOutcome:
    if not vm.guest.agent_answers:
        await asyncio.Event().wait()
    return await vm.guest.run_script(script)


def entries(os_name: str, outcome: ScriptOutcome) -> list[JsonObject]:
    """The result: one entry on Linux (canRunScriptOnVM-2020), two on Windows (azure-cli 6898, 19251)."""
    stdout, stderr = cut(outcome)
    if os_name == "Windows":
        return [_windows("StdOut", stdout), _windows("StdErr", stderr)]
    message = f"Enable succeeded: \n[stdout]\n{stdout}\n[stderr]\n{stderr}"
    words = {"level": "Info", "displayStatus": "Provisioning succeeded", "message": message}
    return [{"code": "ProvisioningState/succeeded", **words}]


def cut(outcome: ScriptOutcome) -> tuple[str, str]:
    """The last 4,096 bytes of both streams together; the front of stdout goes first.

    Whether Azure cuts each stream or both together is not settled; this is the stricter reading.
    """
    stderr = outcome.stderr[-OUTPUT_LIMIT:]
    room = OUTPUT_LIMIT - len(stderr)
    stdout = outcome.stdout[-room:] if room else b""
    return stdout.decode(errors="replace"), stderr.decode(errors="replace")


def _windows(stream: str, text: str) -> JsonObject:
    code = f"ComponentStatus/{stream}/succeeded"
    words = {"level": "Info", "displayStatus": "Provisioning succeeded", "message": text}
    return {"code": code, **words, "time": None}


# ---------------------------------------------------------------------- v2


async def put(call: Call) -> Response:
    """Make, or make again, a managed run command; its script runs, its exit code is kept."""
    vm = _vm(call)
    check_shape(call.body, _PUT)
    script: str = required(call.body, "properties.source.script")
    rules.check_running(vm)
    rules.check_extensions(vm)
    known = call.names[3].lower() in vm.commands
    if not known and len(vm.commands) >= rules.MANAGED_COMMANDS:
        raise not_allowed(f"A VM can have {rules.MANAGED_COMMANDS} run commands.")
    command = _remember(call, vm)

    async def work() -> None:
        if command.properties.get("asyncExecution"):
            call.world.spawn(_execute(call.world, vm, command, script))
            await call.world.takes(call.world.settings.latencies.before_script)
        else:
            await _execute(call.world, vm, command, script)
        _settle(command)

    operation = call.begin("operations", vm.location, work, vm=vm)
    body = render_command(vm, command, expanded=False)
    # Witness: PS-rc2: Azure-AsyncNotification, no Location, no Retry-After; 201 when it is new [sdk]
    answer = call.accepted(operation, body, status=200 if known else 201, location=False)
    answer.headers["Azure-AsyncNotification"] = "Enabled"
    return answer


def _remember(call: Call, vm: Vm) -> ManagedCommand:
    asked: JsonObject = call.body["properties"]
    command = ManagedCommand(
        name=call.names[3],
        location=required(call.body, "location"),
        tags=string_map(call.body.get("tags"), "tags"),
        properties={"timeoutInSeconds": 0, "asyncExecution": False} | asked,
        provisioning="Updating",
        view={"executionState": "Pending"},
    )
    vm.commands[command.name.lower()] = command
    return command


def _settle(command: ManagedCommand) -> None:
    """Witness: treatFailureAsDeploymentFailure in the SDK's model."""
    strict = command.properties.get("treatFailureAsDeploymentFailure", False)
    failed = command.view["executionState"] in ("Failed", "TimedOut") and strict
    command.provisioning = "Failed" if failed else "Succeeded"
    if failed:
        raise Refusal(409, "VMExtensionProvisioningError", "The run command's script failed.")


async def _execute(world: World, vm: Vm, command: ManagedCommand, script: str) -> None:
    limit = command.properties["timeoutInSeconds"] or world.settings.script_limit.total_seconds()
    await world.takes(world.settings.latencies.before_script)
    command.view = {
        "executionState": "Running",
        "executionMessage": "Execution in progress",
        "startTime": wire_time(world.clock.now()),
    }
    try:
        async with asyncio.timeout(limit):
            outcome = await _ask_guest(vm, script)
    except (TimeoutError, GuestStopped):
        command.view |= {"executionState": "TimedOut", "endTime": wire_time(world.clock.now())}
        return
    command.view |= {
        "executionState": "Succeeded" if outcome.exit_code == 0 else "Failed",
        "executionMessage": "Execution completed",
        "exitCode": outcome.exit_code,
        "output": outcome.stdout[-OUTPUT_LIMIT:].decode(errors="replace"),
        "error": outcome.stderr[-OUTPUT_LIMIT:].decode(errors="replace"),
        "endTime": wire_time(world.clock.now()),
    }
    await world.takes(world.settings.latencies.after_script)


def _vm(call: Call) -> Vm:
    path = call.request.path.split("/runCommands", maxsplit=1)[0]
    vm = call.world.find(path)
    if not isinstance(vm, Vm):
        _ = call.group
        raise resource_not_found(VM, call.names[2], call.names[1])
    return vm


def _command(call: Call) -> tuple[Vm, ManagedCommand]:
    vm = _vm(call)
    command = vm.commands.get(call.names[3].lower())
    if command is None:
        name = f"{call.names[2]}/{call.names[3]}"
        raise resource_not_found(f"{VM}/runCommands", name, call.names[1])
    return vm, command


async def get(call: Call) -> Response:
    """The run command; its result with `$expand=instanceView`."""
    vm, command = _command(call)
    expanded = call.request.query.get("$expand") == "instanceView"
    return Response(status=200, body=render_command(vm, command, expanded=expanded))


async def list_of_vm(call: Call) -> Response:
    """The VM's run commands, without results."""
    vm = _vm(call)
    found = [render_command(vm, each, expanded=False) for each in vm.commands.values()]
    return Response(status=200, body={"value": found})


async def delete(call: Call) -> Response:
    """Make it gone; 204 if it is (PS-rc2)."""
    vm = _vm(call)
    if call.names[3].lower() not in vm.commands:
        return Response(status=204)

    async def work() -> None:
        await call.world.takes(call.world.settings.latencies.patch)
        vm.commands.pop(call.names[3].lower(), None)

    return call.accepted(call.begin("operations", vm.location, work, vm=vm), location=False)
