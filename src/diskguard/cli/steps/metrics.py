"""Metrics, made and put where they are read."""

from pathlib import Path
from typing import Final

from diskguard.cli.render.metrics import StatusMetrics, metrics_text
from diskguard.cli.render.page import Lines, Page
from diskguard.cli.session import Session
from diskguard.cli.steps.policies import read_policy
from diskguard.cli.steps.survey import complain_of_unseen, survey
from diskguard.cli.steps.whole_file import write_at_once

PARTIAL: Final = 3


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
