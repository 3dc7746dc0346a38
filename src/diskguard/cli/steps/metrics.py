"""Metrics, made and put where they are read."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from diskguard.cli.render.metrics import StatusMetrics, metrics_text
from diskguard.cli.render.page import Lines, Page
from diskguard.cli.session import Session
from diskguard.cli.steps.policies import read_policy
from diskguard.cli.steps.survey import complain_of_unseen, survey
from diskguard.errors import OutputLost

PARTIAL: Final = 3
READABLE: Final = 0o644  # node_exporter runs as somebody else


def show_metrics(session: Session, path: Path, *, textfile: Path | None) -> int:
    """Show the metrics, or put them into the file; 3 where not all could be read."""
    found = survey(session, read_policy(session, path))
    complain_of_unseen(session, found.seen.unseen)
    metrics = StatusMetrics(found.status, found.traffic, unseen=len(found.seen.unseen))
    text = metrics_text(metrics)
    if textfile is not None:
        write_at_once(text, textfile)
    lines = text.splitlines() if textfile is None else [f"metrics are in {textfile}"]
    page = Page(
        schema="metrics",
        items=tuple(
            {"name": sample.name, "labels": dict(sample.labels), "value": sample.value}
            for family in metrics.collect()
            for sample in family.samples
        ),
        blocks=(Lines(lines=tuple(lines)),),
        exit_code=PARTIAL if found.seen.unseen else 0,
    )
    return session.show(page, silent_on_success=textfile is not None)


def write_at_once(text: str, path: Path) -> None:
    """Write the file so that a reader sees the old or the new one, whole; mode 0644.

    Raises OutputLost where that cannot be done; the old file is untouched then.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), READABLE)
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise OutputLost(f"cannot write {path}: {error.strerror}") from error
