"""The state of a world as one value, for tests and for people."""

from diskguard_emulator.ids import of_group
from diskguard_emulator.render import render
from diskguard_emulator.resources import Resource, Vm
from diskguard_emulator.wire import JsonObject
from diskguard_emulator.world import World

_NEWEST = "9999-12-31"


def dump(world: World) -> JsonObject:
    """Groups, resources as GETs show them, power states, locks, and operations under way."""
    return {
        "groups": [
            of_group(home.id, group.name)
            for home in world.subscriptions.values()
            for group in home.groups.values()
        ],
        "resources": {
            each.id: render(each, world, _NEWEST)
            for each in sorted(world.every(Resource), key=lambda each: each.key)
        },
        "power": {vm.id: vm.power for vm in world.every(Vm)},
        "locks": [lock.id for lock in world.locks.values()],
        "running_operations": [each.id for each in world.operations.running()],
    }
