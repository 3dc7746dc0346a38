"""How the policy's scalars are written, as the JSON Schema says it to editors.

A schema may let pass what a validator refuses, never refuse what it accepts (a test tries both).
Patterns are JavaScript's and Python's alike.
"""

import re
from dataclasses import dataclass
from typing import Final

from pydantic import GetJsonSchemaHandler, JsonValue
from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True, eq=False)  # typing hashes what is in Annotated
class Written:
    """What the schema says of a type beside what pydantic knows; it validates nothing."""

    facts: dict[str, object]

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, object]:
        """Add the facts; pydantic asks for it by this name."""
        return {**handler(core_schema), **self.facts}


@dataclass(frozen=True, slots=True)
class NeverNull:
    """For an optional key that may be left out, but not be given without a value."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, object]:
        """Leave null out; pydantic asks for it by this name."""
        whole = handler(core_schema)
        kept = [each for each in whole.pop("anyOf", ()) if each.get("type") != "null"]
        return {**whole, **kept[0]} if len(kept) == 1 else {**whole, "anyOf": kept}


def _pattern(pattern: str, words: str, *examples: object) -> dict[str, object]:
    """Give a pattern, what an editor says where it does not fit, and examples."""
    return {"pattern": pattern, "patternErrorMessage": words, "examples": [*examples]}


def _any_case(word: str) -> str:
    """Give a pattern for the word (letters, `.`, `-`) in any case: JSON Schema has no flag for that."""
    return "".join(
        f"[{each.lower()}{each.upper()}]" if each.isalpha() else each.replace(".", r"\.")
        for each in word
    )


def id_pattern(*kinds: str, star: bool = False) -> dict[str, object]:
    """Give how a whole id of these types is written, or `*` where that is allowed too."""
    paths = "|".join(_path(kind) for kind in kinds)
    group = f"/{_any_case('subscriptions')}/[^/]+/{_any_case('resourceGroups')}/[^/]+"
    whole = rf"{group}/{_any_case('providers')}/(?:{paths})"
    provider, *types = kinds[0].split("/")
    example = "".join(f"/{each}/{each.lower().removesuffix('s')}-1" for each in types)
    home = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-app/providers"
    return {
        "type": "string",
        **_pattern(
            rf"^(?:\*|{whole})$" if star else f"^{whole}$",
            f"The whole id of {' or '.join(kinds)}" + (", or *" if star else ""),
            *(["*"] if star else []),
            f"{home}/{provider}{example}",
        ),
    }


def _path(kind: str) -> str:
    provider, *types = kind.split("/")
    return _any_case(provider) + "".join(f"/{_any_case(each)}/[^/]+" for each in types)


def region_pattern(word: str | None = None) -> dict[str, object]:
    """Give how a region is written, or the one other word that is allowed."""
    region = " *[A-Za-z][A-Za-z0-9 ]*"
    other = "" if word is None else f"{re.escape(word)}|"
    examples = ["westeurope"] if word is None else [word, "westeurope"]
    said = "A region's name" + ("" if word is None else f", or {word}")
    return {"type": "string", **_pattern(f"^(?:{other}{region})$", said, *examples)}


_UUID: Final = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_RESERVED: Final = "|".join(
    _any_case(prefix) for prefix in ("diskguard-", "microsoft", "azure", "windows")
)

TEXT: Final = Written({"pattern": r"\S"})
NAME: Final = Written(
    _pattern(
        "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        "Letters, digits, `.`, `_`, `-`, at most 63, no sign first",
        "databases",
    )
)
# JavaScript's \w has no letters of other alphabets, which Azure takes.
GROUP: Final = Written(
    _pattern(
        r"^[^\s<>%&?/\\#*:']{0,89}[^\s<>%&?/\\#*:'.]$",
        "A resource group's name",
        "rg-diskguard-eus",
    )
)
MOUNT: Final = Written(_pattern("^/", "An absolute path", "/var/lib/postgresql"))
TIME_OF_DAY: Final = Written(
    _pattern("^(?:[01][0-9]|2[0-3]):[0-5][0-9]$", "A time of day, in quotes", "01:30")
)
CLUSTER_BY: Final = Written(
    _pattern(
        r"^(?:availability_set|scale_set|zone|fault_domain|tag:[^<>%&\\?/]{1,512})$",
        "availability_set, scale_set, zone, fault_domain or tag:NAME",
        "availability_set",
        "tag:cluster",
    )
)
SUBSCRIPTION: Final = Written(
    _pattern(
        f"^{_UUID}$",
        "The id of a subscription, not its name",
        "11111111-2222-3333-4444-555555555555",
    )
)
CRON: Final = Written(
    _pattern(
        r"^\s*\S+(?:\s+\S+){4}\s*$",
        "Minute, hour, day of month, month, day of week",
        "15 * * * *",
        "30 1 * * 1-5",
    )
)
TIME_ZONE: Final = Written({"examples": ["UTC", "Europe/Vienna"]})
TAG_NAME: Final = Written(
    _pattern(
        rf"^(?!{_RESERVED})[^<>%&\\?/]{{1,512}}$",
        r"A tag's name, without <>%&\?/; those of diskguard and of Azure are taken",
        "owner",
    )
)
USER_TAGS: Final = Written({"maxProperties": 20, "examples": [{"owner": "platform-team"}]})
VERSION: Final = Written({"const": 1})
DURATION: Final[dict[str, object]] = {
    "type": "string",
    **_pattern(
        "^(?=.*[1-9])[0-9]{1,10}[smhdw]$",
        "A whole number and its unit: 90s, 30m, 24h, 90d or 2w",
        *("90s", "30m", "24h", "90d", "2w"),
    ),
}
# What must hold between keys of one section.
ONE_OF_CRON_AND_EVERY: Final[dict[str, JsonValue]] = {
    "oneOf": [
        {
            "required": ["cron"],
            "properties": {"cron": {"type": "string"}, "at": {"type": "null"}},
        },
        {"required": ["every"], "properties": {"every": {"type": "string"}}},
    ]
}
DAYS_BELONG_TO_A_MODE: Final[dict[str, JsonValue]] = {
    "if": {"required": ["mode"], "properties": {"mode": {"not": {"const": "none"}}}},
    "then": {"required": ["days"], "properties": {"days": {"type": "integer"}}},
    "else": {"properties": {"days": {"type": "null"}}},
}
SAYS_SOMETHING: Final[dict[str, JsonValue]] = {
    "minProperties": 1,
    "not": {
        "required": ["disks"],
        "anyOf": [{"required": ["names"]}, {"required": ["scale_sets"]}],
    },
}
FREEZE_LIMIT: Final = Written(_pattern("^0*(?:(?:[3-9]|[1-5][0-9]|60)s|1m)$", "3s to 60s", "10s"))
