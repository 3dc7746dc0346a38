"""Run Command, the action and the resource, over a guest of the test's own."""

import asyncio
from datetime import timedelta

import pytest
from tests.emulator.scripted import dies, give_guest, wrote
from tests.emulator.wire import Wire, vm
from tests.support.estates import a_vm, an_estate
from tests.support.inprocess import running_cloud


def invoked(wire, *lines, name="db01", command="RunShellScript"):
    body = {"commandId": command, "script": list(lines) or ["true"]}
    return wire.post(f"{vm(name)}/runCommand", body)


async def test_a_script_takes_about_twenty_seconds_and_its_exit_code_is_lost(cloud, wire):
    guest = give_guest(cloud, wrote(b"out\n", b"err\n", exit_code=123), vm())
    began = asyncio.get_running_loop().time()
    accepted = await invoked(wire, "line 1", "line 2")
    ended = await wire.end_of(accepted)
    monitored = await wire.follow(accepted.headers["location"])

    assert guest.scripts == ["line 1\nline 2"]
    assert 18 <= asyncio.get_running_loop().time() - began <= 30
    assert ended["properties"]["output"]["value"] == [
        {
            "code": "ProvisioningState/succeeded",
            "level": "Info",
            "displayStatus": "Provisioning succeeded",
            "message": "Enable succeeded: \n[stdout]\nout\n\n[stderr]\nerr\n",
        }
    ]
    assert monitored.body == ended["properties"]["output"]


async def test_only_the_last_4096_bytes_come_back_and_stdout_gives_way(cloud, wire):
    give_guest(cloud, wrote(b"x" * 5000 + b"END", b"e" * 96), vm())
    ended = await wire.end_of(await invoked(wire))
    message = ended["properties"]["output"]["value"][0]["message"]
    give_guest(cloud, wrote(b"gone", b"e" * 5000), vm())
    full = await wire.end_of(await invoked(wire))

    stdout = message.split("[stdout]\n")[1].split("\n[stderr]\n")[0]
    assert len(stdout) == 4000
    assert stdout.endswith("END")
    assert "gone" not in full["properties"]["output"]["value"][0]["message"]


async def test_one_script_at_a_time(cloud, wire):
    give_guest(cloud, wrote(seconds=5), vm())
    first = await invoked(wire)
    second = await invoked(wire)
    await wire.end_of(first)
    third = await invoked(wire)

    assert (second.status, second.body["error"]["code"]) == (409, "Conflict")
    assert second.body["error"]["message"].startswith("Run command extension execution is in")
    assert third.status == 202


async def test_the_slot_can_linger_after_the_end(cloud, wire):
    cloud.world.settings.script_slot_lingers = timedelta(seconds=30)
    give_guest(cloud, wrote(), vm())
    await wire.end_of(await invoked(wire))
    soon = await invoked(wire)
    await asyncio.sleep(30)
    later = await invoked(wire)

    assert (soon.status, later.status) == (409, 202)


async def test_windows_answers_with_two_entries():
    async with running_cloud(an_estate(a_vm("win", 0, os="Windows"))) as cloud:
        wire = Wire(cloud)
        give_guest(cloud, wrote(b"out", b"err"), vm("win"))
        shell = await invoked(wire, name="win")
        ended = await wire.end_of(await invoked(wire, name="win", command="RunPowerShellScript"))

    entries = ended["properties"]["output"]["value"]
    assert shell.status == 501
    assert [each["code"] for each in entries] == [
        "ComponentStatus/StdOut/succeeded",
        "ComponentStatus/StdErr/succeeded",
    ]
    assert [each["message"] for each in entries] == ["out", "err"]
    assert entries[0]["time"] is None


async def test_a_stopped_vm_or_one_without_extensions_runs_nothing():
    estate = an_estate(a_vm("off", power="stopped"), a_vm("bare", extensions_allowed=False))
    async with running_cloud(estate) as cloud:
        wire = Wire(cloud)
        off, bare = await invoked(wire, name="off"), await invoked(wire, name="bare")

    assert (off.status, bare.status) == (409, 409)
    assert off.body["error"]["message"] == (
        "The operation requires the VM to be running (or set to run)."
    )
    assert "allowExtensionOperations" in bare.body["error"]["message"]


async def test_an_agent_that_never_reports_ends_after_ninety_minutes(wire):
    accepted = await invoked(wire, name="web01")
    await asyncio.sleep(3600)
    still = await wire.follow(accepted.headers["Azure-AsyncOperation"])
    pending = await wire.follow(accepted.headers["Location"])
    ended = await wire.end_of(accepted)
    monitored = await wire.follow(accepted.headers["Location"])

    assert still.body["status"] == "InProgress"
    assert (pending.status, pending.body) == (202, None)
    assert (ended["status"], ended["error"]["code"]) == (
        "Failed",
        "VMAgentStatusCommunicationError",
    )
    assert monitored.status == 409


async def test_a_guest_that_stops_meanwhile_fails_the_operation(cloud, wire):
    give_guest(cloud, dies, vm())
    ended = await wire.end_of(await invoked(wire))
    again = await invoked(wire)

    assert ended["status"] == "Failed"
    assert again.status == 202


# ---------------------------------------------------------------------- v2


def command(name="one"):
    return f"{vm()}/runCommands/{name}"


def script(text="true", **properties):
    return {"location": "eastus", "properties": {"source": {"script": text}, **properties}}


async def viewed(wire, name="one"):
    found = await wire.get(command(name), query="&$expand=instanceView")
    return found.body["properties"]["instanceView"]


async def test_a_managed_command_keeps_its_exit_code(cloud, wire):
    give_guest(cloud, wrote(b"out", b"err", exit_code=3), vm())
    accepted = await wire.put(command(), script("exit 3"))
    meanwhile = await viewed(wire)
    ended = await wire.end_of(accepted)
    view = await viewed(wire)

    assert accepted.status == 201
    assert "Location" not in accepted.headers
    assert accepted.headers["Azure-AsyncNotification"] == "Enabled"
    assert accepted.body["properties"]["provisioningState"] == "Updating"
    assert meanwhile["executionState"] == "Pending"
    assert ended["status"] == "Succeeded"
    assert (view["executionState"], view["exitCode"]) == ("Failed", 3)
    assert (view["output"], view["error"]) == ("out", "err")


async def test_an_asynchronous_command_ends_when_it_starts(cloud, wire):
    give_guest(cloud, wrote(b"late", seconds=60), vm())
    await wire.end_of(await wire.put(command(), script(asyncExecution=True)))
    running = await viewed(wire)
    await asyncio.sleep(90)

    assert running["executionState"] in ("Pending", "Running")
    assert (await viewed(wire))["output"] == "late"


async def test_a_command_that_overruns_or_loses_its_guest_is_timed_out(cloud, wire):
    give_guest(cloud, wrote(seconds=60), vm())
    await wire.end_of(await wire.put(command("slow"), script(timeoutInSeconds=10)))
    give_guest(cloud, dies, vm())
    await wire.end_of(await wire.put(command("dead"), script()))

    assert (await viewed(wire, "slow"))["executionState"] == "TimedOut"
    assert (await viewed(wire, "dead"))["executionState"] == "TimedOut"


async def test_failure_of_the_script_fails_the_deployment_only_on_demand(cloud, wire):
    give_guest(cloud, wrote(exit_code=1), vm())
    strict = script(treatFailureAsDeploymentFailure=True)
    ended = await wire.end_of(await wire.put(command(), strict))
    found = (await wire.get(command())).body["properties"]

    assert ended["status"] == "Failed"
    assert found["provisioningState"] == "Failed"
    assert "instanceView" not in found


async def test_commands_are_listed_replaced_and_deleted(cloud, wire):
    give_guest(cloud, wrote(), vm())
    await wire.end_of(await wire.put(command(), script() | {"tags": {"a": "b"}}))
    again = await wire.put(command(), script() | {"tags": {"a": "c"}})
    await wire.end_of(again)
    listed = (await wire.get(f"{vm()}/runCommands")).body["value"]
    await wire.end_of(await wire.delete(command()))
    twice = await wire.delete(command())
    missing = await wire.get(command())

    assert again.status == 200
    assert [(each["name"], each["tags"]) for each in listed] == [("one", {"a": "c"})]
    assert (twice.status, missing.status) == (204, 404)


async def test_a_vm_has_twenty_five_commands_at_most(cloud, wire):
    cloud.world.settings.throttling = False
    give_guest(cloud, wrote(), vm())
    answers = [(await wire.put(command(f"c{n}"), script())).status for n in range(26)]

    assert answers == [201] * 25 + [409]


@pytest.mark.parametrize(
    "body",
    [
        {"location": "eastus", "properties": {"source": {"scriptUri": "https://example.test"}}},
        {"location": "eastus", "properties": {"source": {"script": "x"}, "runAsUser": "root"}},
    ],
)
async def test_what_is_not_emulated_of_a_command_is_named(cloud, wire, body):
    give_guest(cloud, wrote(), vm())
    refused = await wire.put(command(), body)

    assert (refused.status, refused.body["error"]["code"]) == (400, "EmulatorUnknownField")
