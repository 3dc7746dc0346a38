"""docs/emulator.md cannot rot: its estate is valid and names every key there is."""

from pathlib import Path

import yaml
from pydantic import BaseModel

from diskguard_emulator import estate
from diskguard_emulator.clock import LoopOrEpochClock
from diskguard_emulator.estate import Estate
from diskguard_emulator.seed import build_world

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"


def documented() -> str:
    return PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]


async def test_the_documented_estate_can_be_built(tmp_path):
    world = build_world(Estate.model_validate(_without_guests()), LoopOrEpochClock(), tmp_path)
    await world.close()

    assert len(world.subscriptions) == 1


def _without_guests():
    return yaml.safe_load(documented().replace("guest: plain ", "guest: none "))


def test_the_documented_estate_names_every_key():
    text = documented()
    models = [each for each in vars(estate).values() if _is_model(each)]
    missing = [
        f"{model.__name__}.{name}"
        for model in models
        for name in model.model_fields
        if f"{name}:" not in text
    ]

    assert len(models) >= 8
    assert missing == []


def _is_model(thing):
    return isinstance(thing, type) and issubclass(thing, BaseModel) and thing is not BaseModel
