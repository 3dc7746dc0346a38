"""Guests by name: an estate says `guest: plain`, the module `guests/plain.py` makes it."""

from importlib import import_module
from pathlib import Path
from typing import Final, cast

from diskguard_emulator.clock import Clock
from diskguard_emulator.guests.port import Guest, GuestFacts, GuestModule

MODULES: Final = {
    "none": "diskguard_emulator.guests.silent",
    "virtual": "diskguard_emulator.guests.virtual",
    "plain": "diskguard_emulator.guests.plain",
    "linux": "diskguard_emulator.guests.linux",
}


def make_guest(kind: str, facts: GuestFacts, clock: Clock, folder: Path) -> Guest:
    """The guest an estate asked for; its module is imported only now. Raises KeyError for an unknown kind."""
    module = cast("GuestModule", import_module(MODULES[kind]))
    return module.make_guest(facts, clock, folder)
