"""Why each VM and disk is in or out, as people and machines read it."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Final

from diskguard.cli.render.cells import Cell, duration, seconds
from diskguard.cli.render.page import Block, Lines, Page, Table
from diskguard.cli.render.settings import dotted, setting_item, written
from diskguard.plan.explain import (
    DiskWord,
    Explained,
    Explanation,
    NextPoint,
    RuleWord,
    Ruling,
)
from diskguard.policy.effective import Setting
from diskguard.policy.model import Policy

SCHEMA: Final = "explanation"
_SAID: Final = {
    Ruling.TAKES: "selects it",
    Ruling.TOO_LATE: "would select it too, but comes later",
    Ruling.EXCLUDES: "excludes it",
    Ruling.NEAR: "almost fits",
    Ruling.MISSES: "does not fit",
}


def explanation_page(policy: Policy, explained: Explained, *, at_length: bool) -> Page:
    """A row per source; at length instead every rule's word, every disk and every setting."""
    table = Table(
        headings=("name", "kind", "rule", "mode", "disks", "left out", "why"),
        rows=tuple(_row(item) for item in explained.items),
    )
    blocks: list[Block] = []
    if at_length:
        for item in explained.items:
            blocks += _at_length(item, explained)
    elif explained.items:
        blocks.append(table)
    else:
        blocks.append(Lines(lines=("No VM and no loose disk is to be seen.",)))
    return Page(
        schema=SCHEMA,
        items=tuple(_item(item) for item in explained.items),
        blocks=(*blocks, *_besides(explained)),
        table=table,
        more=_more(policy, explained),
    )


def _row(item: Explanation) -> tuple[Cell, ...]:
    next_point = item.next_point
    return (
        item.source.name,
        _kind(item),
        item.rule,
        None if next_point is None else str(next_point.mode.mode),
        sum(disk.taken for disk in item.disks),
        sum(not disk.taken for disk in item.disks),
        "; ".join((*item.reasons, *_near(item))),
    )


def _kind(item: Explanation) -> str:
    return "vm" if item.is_vm else "disk"


def _near(item: Explanation) -> Iterator[str]:
    """What almost took it, where nothing did."""
    if item.rule is None:
        yield from (f"near rule {word.rule}: {word.near}" for word in item.words if word.near)


# -- at length ------------------------------------------------------------------------------------


def _at_length(item: Explanation, explained: Explained) -> Iterator[Block]:
    taken = f"taken by rule {item.rule}" if item.rule else "not taken"
    title = f"{item.source.name} ({_kind(item)}, {item.region}): {taken}"
    yield Lines(title=title, lines=("; ".join(item.reasons),))
    yield Lines(title="Rules, in order", lines=tuple(_rule_line(word) for word in item.words))
    if item.disks:
        yield Lines(title="Disks", lines=tuple(_disk_line(disk) for disk in item.disks))
    if item.next_point is not None:
        yield Lines(title="Its next point", lines=tuple(_next_lines(item.next_point)))
    if item.rule is not None:
        yield _settings_table(explained.settings[item.rule])


def _rule_line(word: RuleWord) -> str:
    if word.entry is None:
        return f"{word.rule} {_SAID[word.ruling]}"
    fitting = [f"{clause.asked} ({clause.found})" for clause in word.clauses if clause.fits]
    keys = [*fitting, *([f"but {word.near}"] if word.near else [])]
    return f"{word.rule} {_SAID[word.ruling]}: {dotted(word.entry)}: {', '.join(keys)}"


def _disk_line(disk: DiskWord) -> str:
    place = "" if disk.lun is None else f" (LUN {disk.lun})"
    return f"{disk.name}{place}: " + ("taken" if disk.taken else f"left out: {disk.reason}")


def _next_lines(next_point: NextPoint) -> Iterator[str]:
    mode = next_point.mode
    yield f"mode {mode.mode}: {mode.reason}; asked is {mode.requested}"
    freeze = next_point.freeze
    if freeze is None:
        return
    taught = ", ".join(next_point.taught_by)
    yield f"learned from {taught}" if taught else "nothing learned yet: no sealed point is there"
    learned = next_point.learned
    yield f"lead: {_learned(learned.lead, freeze.lead, 'what a first freeze gets')}"
    yield f"hold: {_learned(learned.hold, freeze.hold, 'as long as the limit allows')}"
    completion = _learned(learned.completion, next_point.completion, "not known yet")
    yield f"time a snapshot takes: {completion}"
    yield f"limit {duration(freeze.limit)}, margin {duration(freeze.margin)}"


def _learned(learned: timedelta | None, used: timedelta | None, without: str) -> str:
    if used is None:
        return without if learned is None else f"{without}: {duration(learned)} does not fit"
    if learned is None:
        return f"{duration(used)}: {without}"
    bounded = "" if learned == used else f" (learned {duration(learned)}, bounded)"
    return f"{duration(used)}{bounded}"


def _settings_table(settings: tuple[Setting, ...]) -> Table:
    return Table(
        headings=("setting", "value", "from"),
        rows=tuple(
            (
                each.key,
                written(each.value),
                "default" if each.source.path is None else dotted(each.source.path),
            )
            for each in settings
        ),
    )


def _besides(explained: Explained) -> Iterator[Block]:
    lines = [
        f"rule {each.rule} selects {each.found}, and expects at least {each.expected}"
        + (f"; near: {', '.join(each.near)}" if each.near else "")
        for each in explained.selection.shortages
    ]
    lines += [
        f"{each.source.name}: {each.reason}"
        for each in explained.selection.unsupported
        if each.disk is None
    ]
    if lines:
        yield Lines(title="Besides", lines=tuple(lines))


# -- for machines ---------------------------------------------------------------------------------


def _more(policy: Policy, explained: Explained) -> dict[str, object]:
    selection = explained.selection
    return {
        "policy": policy.name,
        "rules": [
            {"name": name, "settings": [setting_item(each) for each in settings]}
            for name, settings in explained.settings.items()
        ],
        "shortages": [asdict(each) for each in selection.shortages],
        "unsupported": [
            {
                "source": str(each.source),
                "rule": each.rule,
                "code": each.code,
                "disk": each.disk,
                "reason": each.reason,
            }
            for each in selection.unsupported
        ],
    }


def _item(item: Explanation) -> dict[str, object]:
    return {
        "source": str(item.source),
        "name": item.source.name,
        "kind": _kind(item),
        "region": str(item.region),
        "rule": item.rule,
        "reasons": list(item.reasons),
        "rules": [_word_item(word) for word in item.words],
        "disks": [asdict(disk) for disk in item.disks],
        "next_point": None if item.next_point is None else _next_item(item.next_point),
    }


def _word_item(word: RuleWord) -> dict[str, object]:
    return {
        "rule": word.rule,
        "ruling": word.ruling.value,
        "entry": None if word.entry is None else dotted(word.entry),
        "keys": [
            {"key": each.key, "fits": each.fits, "asked": each.asked, "found": each.found}
            for each in word.clauses
        ],
        "near": word.near,
    }


def _next_item(next_point: NextPoint) -> dict[str, object]:
    freeze, learned = next_point.freeze, next_point.learned
    return {
        "mode": next_point.mode.mode.value,
        "reason": next_point.mode.reason,
        "requested": next_point.mode.requested.value,
        "limit_seconds": None if freeze is None else seconds(freeze.limit),
        "lead_seconds": None if freeze is None else seconds(freeze.lead),
        "hold_seconds": None if freeze is None else seconds(freeze.hold),
        "margin_seconds": None if freeze is None else seconds(freeze.margin),
        "completion_seconds": seconds(next_point.completion),
        "learned": {
            "lead_seconds": seconds(learned.lead),
            "hold_seconds": seconds(learned.hold),
            "completion_seconds": seconds(learned.completion),
            "from": list(next_point.taught_by),
        },
    }
