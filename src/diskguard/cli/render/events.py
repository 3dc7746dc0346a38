"""Events, as a sentence for people and as fields for machines."""

import dataclasses
import re
from datetime import datetime
from functools import singledispatch

from diskguard.cli.render.cells import instant
from diskguard.model import events
from diskguard.model.events import Event


def kind_of(event: Event) -> str:
    """The event's type as JSON lines name it: phase-entered, point-sealed, ..."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(event).__name__).lower()


def fields_of(event: Event) -> dict[str, object]:
    """The event as one flat object with its `type`."""
    fields: dict[str, object] = {"type": kind_of(event)}
    for field in dataclasses.fields(event):
        value = getattr(event, field.name)
        fields[field.name] = instant(value) if isinstance(value, datetime) else value
    return fields


@singledispatch
def sentence_of(event: Event) -> str:
    """The event in one line."""
    return kind_of(event)


@sentence_of.register
def _(event: events.RunStarted) -> str:
    sources = f"{event.vms} source{'' if event.vms == 1 else 's'}"
    disks = f"{event.disks} disk{'' if event.disks == 1 else 's'}"
    return f"{event.policy}: run {event.run_id}, {sources}, {disks}"


@sentence_of.register
def _(event: events.PhaseEntered) -> str:
    return f"{event.source}: {event.phase}" + (f" ({event.detail})" if event.detail else "")


@sentence_of.register
def _(event: events.PointSealed) -> str:
    return f"{event.source}: sealed {event.point}, {_grade(event)}"


@sentence_of.register
def _(event: events.SourceFailed) -> str:
    return f"{event.source}: failed [{event.code}]: {event.message}"


@sentence_of.register
def _(event: events.CopyProgressed) -> str:
    text = f"{event.point}: copy of {event.disk} to {event.region}: {event.state}"
    if event.percent is not None and event.state != "complete":
        text += f" {event.percent:.0f} %"
    return text + (f" ({event.reason})" if event.reason else "")


@sentence_of.register
def _(event: events.Recovered) -> str:
    return f"{event.what}: {event.action}, left by an earlier run"


@sentence_of.register
def _(event: events.PointDeleted) -> str:
    text = f"{event.point}: deletion in {event.location}: {event.result}"
    return text + (f" ({event.reason})" if event.reason else "")


@sentence_of.register
def _(event: events.MadeImmutable) -> str:
    kind = "locked" if event.locked else "unlocked"
    return f"{event.snapshot}: immutable in {event.location} for {event.days} d ({kind})"


@sentence_of.register
def _(event: events.Warned) -> str:
    return f"{event.source.rpartition('/')[2]}: warning [{event.code}]: {event.message}"


@sentence_of.register
def _(event: events.Slowed) -> str:
    where = f"{event.bucket}, {event.subscription} {event.region}"
    return f"Azure asks to slow down ({where}): waiting {event.seconds:.0f} s"


def _grade(event: events.PointSealed) -> str:
    text = f"{event.achieved} consistent"
    if event.window_seconds is not None:
        text += f", frozen for {event.window_seconds:.3f} s"
    if event.achieved != event.requested:
        text += f" (asked: {event.requested}; {event.reason or 'no reason known'})"
    return text
