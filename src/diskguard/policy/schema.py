"""The JSON Schema (2020-12) of a policy, generated from the models, for editors and for CI.

It describes the shape. What two keys say of each other, and what YAML's versions read differently,
`diskguard validate` finds beyond it.
"""

import json
from datetime import timedelta
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from diskguard.policy.model import Policy
from diskguard.policy.scalars import format_duration

SCHEMA_FILE: Final = "diskguard-policy-v1.json"
_HEAD: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$comment": "Generated from src/diskguard/policy by `make docs`; a test keeps it current.",
    "title": "diskguard policy, version 1",
}
_EXAMPLE: Final = {
    "version": 1,
    "name": "smallest",
    "azure": {"subscriptions": ["11111111-2222-3333-4444-555555555555"]},
    "locations": {"primary": {"resource_group": "rg-diskguard-eus"}},
    "rules": [{"name": "tagged", "select": {"include": [{"tags": {"backup": "true"}}]}}],
}


def policy_schema() -> dict[str, Any]:
    """Give the schema; the same for the same models, always."""
    whole = TypeAdapter(Policy).json_schema(schema_generator=_Generator)
    defs = {name: {**each, "title": name} for name, each in whole.pop("$defs").items()}
    return {**_HEAD, **_without_class_title(whole), "examples": [_EXAMPLE], "$defs": defs}


def render_schema() -> str:
    """Give the schema as text."""
    return json.dumps(policy_schema(), ensure_ascii=False, indent=2) + "\n"


def _without_class_title(whole: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in whole.items() if key != "title"}


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, but a default is written as in a policy, and a key's name is enough."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's own shape
        """No titles: an editor shows the key itself."""
        return False

    def encode_default(self, dft: Any) -> Any:
        """Write a default as a policy's author would."""
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave `default: null` out: it means absent, and some of these keys may not be null."""
        made = super().default_schema(schema)
        return {key: value for key, value in made.items() if (key, value) != ("default", None)}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Refuse keys that do not fit: pydantic would let them pass, with any value."""
        made = super().dict_schema(schema)
        for pattern, value in made.pop("patternProperties", {}).items():
            made["additionalProperties"] = value
            made["propertyNames"] = {**made.get("propertyNames", {}), "pattern": pattern}
        return made

    def generate(self, schema: Any, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        """Give the whole, every `description` on one line."""
        made: JsonSchemaValue = _on_one_line(super().generate(schema, mode))
        return made


def _on_one_line(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: " ".join(each.split("\n\n")[0].split())
            if key == "description" and isinstance(each, str)
            else _on_one_line(each)
            for key, each in value.items()
        }
    return [_on_one_line(each) for each in value] if isinstance(value, list) else value
