"""A policy's values as its author would write them, and where they stand."""

from collections.abc import Mapping
from datetime import timedelta

from diskguard.cli.render.json import json_text
from diskguard.policy.effective import Path, Setting
from diskguard.policy.scalars import format_duration
from diskguard.policy.sections import Strict


def plain(value: object) -> object:
    """The value for a document: durations with their unit, sections as mappings."""
    match value:
        case Strict():
            shown: object = value.model_dump(mode="json", by_alias=True, exclude_none=True)
        case timedelta():
            shown = format_duration(value)
        case tuple() | list():
            shown = [plain(each) for each in value]
        case Mapping():
            shown = {str(key): plain(inner) for key, inner in value.items()}
        case bool() | int() | float() | None:
            shown = value
        case _:
            shown = str(value)
    return shown


def written(value: object) -> str:
    """The value on one line."""
    shown = plain(value)
    return shown if isinstance(shown, str) else json_text({"": shown})[len('{"": ') : -1]


def dotted(path: Path) -> str:
    """A place in the policy: rules[0].consistency.linux."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).lstrip(".")


def setting_item(setting: Setting) -> dict[str, object]:
    """A setting for a document; `path` is null for a default."""
    path = setting.source.path
    return {
        "key": setting.key,
        "value": plain(setting.value),
        "source": setting.source.kind,
        "path": None if path is None else dotted(path),
    }
