"""Documents for machines: one JSON or YAML object, or JSON lines that end in one summary."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from diskguard.cli.exit_codes import status_of
from diskguard.cli.render.cells import instant
from diskguard.cli.render.escape import harmless
from diskguard.cli.render.page import Page
from diskguard.errors import DiskguardError, PolicyInvalid

if TYPE_CHECKING:
    from diskguard.model.report import Failure


def envelope(*, schema: str, at: datetime, run_id: str, exit_code: int) -> dict[str, object]:
    """What every document and every summary begins with (contract 4)."""
    return {
        "schema": f"diskguard/{schema}/1",
        "generated_at": instant(at),
        "run_id": run_id,
        "result": status_of(exit_code).result,
        "exit_code": exit_code,
    }


def document(page: Page, *, at: datetime, run_id: str) -> dict[str, object]:
    """The whole result as one object."""
    head = envelope(schema=page.schema, at=at, run_id=run_id, exit_code=page.exit_code)
    return {**head, **page.more, "items": list(page.items)}


def json_lines(page: Page, *, at: datetime, run_id: str) -> Iterator[str]:
    """Each item as a line, then the summary."""
    for item in page.items:
        yield json_text({"type": "item", **item})
    head = envelope(schema=page.schema, at=at, run_id=run_id, exit_code=page.exit_code)
    yield json_text({"type": "summary", **head, **page.more, "items": len(page.items)})


def error_fields(error: DiskguardError) -> dict[str, object]:
    """An expected error, as a document shows it; a wrong policy with each of its problems."""
    from diskguard.run.failure import failure_of

    fields = failure_fields(failure_of(error))
    if isinstance(error, PolicyInvalid):
        fields["problems"] = [dataclasses.asdict(problem) for problem in error.problems]
    return fields


def failure_fields(failure: "Failure") -> dict[str, object]:
    """A failure, as a document shows it."""
    return dataclasses.asdict(failure)


def json_text(fields: Mapping[str, object], *, indent: int | None = None) -> str:
    """JSON of a document whose texts are made harmless."""
    return json.dumps(harmless(fields), ensure_ascii=False, indent=indent, allow_nan=False)


def yaml_text(fields: Mapping[str, object]) -> str:
    """YAML of a document whose texts are made harmless."""
    import yaml

    plain: Any = harmless(fields)
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=10_000)
    return text.rstrip("\n")
