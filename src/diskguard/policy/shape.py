"""Which section of the policy's shape a path leads to."""

import types
import typing
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from diskguard.policy.model import Policy
from diskguard.policy.sections import Strict

Annotation = object


def keys_of(section: type[Strict]) -> dict[str, FieldInfo]:
    """Give the section's keys as they are written in a file, in the layout's order."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def section_at(path: tuple[str | int, ...]) -> type[Strict] | None:
    """Give the section that stands at `path`, or None where the shape has a plain value."""
    here: list[Annotation] = [Policy]
    for part in path:
        here = [after for annotation in here for after in _step(annotation, part)]
    return next((each for each in here if _is_section(each)), None)  # type: ignore[return-value]  # _is_section says so


def alternatives(annotation: Annotation) -> Iterator[Annotation]:
    """Give what an annotation allows, unions and Annotated unfolded."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from alternatives(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for each in typing.get_args(annotation):
            yield from alternatives(each)
    else:
        yield annotation


def _is_section(annotation: Annotation) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Strict)


def _step(annotation: Annotation, part: str | int) -> Iterator[Annotation]:
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        yield from alternatives(keys_of(annotation)[str(part)].annotation)
    elif typing.get_origin(annotation) is tuple:
        yield from alternatives(typing.get_args(annotation)[0])
