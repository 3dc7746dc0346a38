"""Why each VM and loose disk is in or out, disk by disk, and what its next point would be like."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from diskguard.model.estate import Estate, Vm
from diskguard.model.ids import Region, ResourceId
from diskguard.model.restore_point import Learned, RestorePoint
from diskguard.plan.backup_mode import ChosenMode, choose_mode
from diskguard.plan.backup_plan import FreezeBudget, Mode
from diskguard.plan.budget import choose_budget, choose_completion, learned_from, teachers_of
from diskguard.plan.points import assemble_for
from diskguard.plan.selection import Selected, Selection, Unsupported, survey_sources
from diskguard.plan.selection_matching import (
    Clause,
    Source,
    clauses,
    may_include,
    selector_fits,
)
from diskguard.plan.selection_near import near_entries
from diskguard.policy.effective import Setting, effective_settings
from diskguard.policy.model import Policy, Rule, Selector


class Ruling(StrEnum):
    """What one rule says of one source."""

    TAKES = "takes"
    TOO_LATE = "comes-too-late"  # it fits, and an earlier rule has the source
    EXCLUDES = "excludes"
    NEAR = "near-miss"
    MISSES = "does-not-fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleWord:
    """What a rule says of a source, and which of its entries decided.

    `entry` is where that stands in the policy; `clauses` are its keys, asked of this source;
    `near` says what one key lacked. All empty where nothing of the rule comes near.
    """

    rule: str
    ruling: Ruling
    entry: tuple[str | int, ...] | None = None
    clauses: tuple[Clause, ...] = ()
    near: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskWord:
    """A disk of a source, whether it is taken, and why not. `lun` is None for an OS or loose disk."""

    name: str
    lun: int | None
    taken: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPoint:
    """What the next point of a source would be like, and the points that taught it.

    `freeze` is None where nobody is frozen; `taught_by` are ids, newest first.
    """

    mode: ChosenMode
    freeze: FreezeBudget | None
    completion: timedelta | None
    learned: Learned
    taught_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One VM, or one disk without a VM. `next_point` is None where none would be made."""

    source: ResourceId
    is_vm: bool
    region: Region
    rule: str | None
    reasons: tuple[str, ...]
    words: tuple[RuleWord, ...]
    disks: tuple[DiskWord, ...]
    next_point: NextPoint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Every source once, by id; every rule's settings with who said so; what is wrong besides."""

    items: tuple[Explanation, ...]
    settings: Mapping[str, tuple[Setting, ...]]
    selection: Selection


def explain(policy: Policy, estate: Estate, *, now: datetime) -> Explained:
    """Explain what the policy makes of the estate, with the decisions a backup itself would take."""
    selection = survey_sources(policy, estate)
    view = _view(policy, estate, selection, now)
    every: list[Source] = [*estate.vms, *estate.disks]
    sources = sorted((each for each in every if view.knows(each)), key=lambda source: source.id)
    return Explained(
        items=tuple(_explanation(source, view) for source in sources),
        settings={rule.name: effective_settings(policy, rule).sources() for rule in policy.rules},
        selection=selection,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What was decided, by source."""

    policy: Policy
    selected: Mapping[ResourceId, Selected]
    skipped: Mapping[ResourceId, tuple[str, ...]]
    refused: Mapping[ResourceId, Sequence[Unsupported]]
    points: Mapping[ResourceId, Sequence[RestorePoint]]

    def knows(self, source: Source) -> bool:
        """True for a VM and for a loose disk, not for a disk that some VM has."""
        return source.id in self.selected or source.id in self.skipped


def _view(policy: Policy, estate: Estate, selection: Selection, now: datetime) -> _View:
    points: dict[ResourceId, list[RestorePoint]] = defaultdict(list)
    for point in assemble_for(policy, estate, now=now).points:
        if point.vm is not None:
            points[point.vm].append(point)
    refused: dict[ResourceId, list[Unsupported]] = defaultdict(list)
    for each in selection.unsupported:
        refused[each.source].append(each)
    return _View(
        policy=policy,
        selected={each.source: each for each in selection.selected},
        skipped={each.source: each.reasons for each in selection.skipped},
        refused=refused,
        points=points,
    )


def _explanation(source: Source, view: _View) -> Explanation:
    selected = view.selected.get(source.id)
    reasons = view.skipped[source.id] if selected is None else (selected.reason,)
    return Explanation(
        source=source.id,
        is_vm=isinstance(source, Vm),
        region=source.region,
        rule=None if selected is None else selected.rule.name,
        reasons=reasons,
        words=tuple(_words(view.policy, source)),
        disks=tuple(_disks(source, selected, view.refused.get(source.id, ()))),
        next_point=None if selected is None else _next_point(selected, view.points),
    )


def _words(policy: Policy, source: Source) -> Iterator[RuleWord]:
    """What every rule says, in order; the first that fits and does not exclude takes it."""
    taken = False
    for number, rule in enumerate(policy.rules):
        word = _word(rule, number, source, taken=taken)
        taken = taken or word.ruling is Ruling.TAKES
        yield word


def _word(rule: Rule, number: int, source: Source, *, taken: bool) -> RuleWord:
    included = _first_fitting(rule.select.include, source, including=True)
    if included is None:
        return _miss(rule, number, source)
    excluded = _first_fitting(rule.select.exclude, source, including=False)
    ruling = Ruling.TOO_LATE if taken else Ruling.TAKES
    section, entry, entries = "include", included, rule.select.include
    if excluded is not None:
        ruling, section, entry, entries = Ruling.EXCLUDES, "exclude", excluded, rule.select.exclude
    return RuleWord(
        rule=rule.name,
        ruling=ruling,
        entry=("rules", number, "select", section, entry),
        clauses=tuple(clauses(entries[entry], source)),
    )


def _first_fitting(entries: Sequence[Selector], source: Source, *, including: bool) -> int | None:
    for number, entry in enumerate(entries):
        if (not including or may_include(entry, source)) and selector_fits(entry, source):
            return number
    return None


def _miss(rule: Rule, number: int, source: Source) -> RuleWord:
    nearest = min(near_entries(rule, source), key=lambda near: near.rank, default=None)
    if nearest is None:
        return RuleWord(rule=rule.name, ruling=Ruling.MISSES)
    return RuleWord(
        rule=rule.name,
        ruling=Ruling.NEAR,
        entry=("rules", number, "select", "include", nearest.entry),
        clauses=tuple(clauses(rule.select.include[nearest.entry], source)),
        near=nearest.difference,
    )


def _disks(
    source: Source, selected: Selected | None, refused: Sequence[Unsupported]
) -> Iterator[DiskWord]:
    if selected is not None:
        for each in selected.disks:
            yield DiskWord(name=each.name, lun=each.lun, taken=True)
        for left in selected.skipped_disks:
            yield DiskWord(name=left.name, lun=left.lun, taken=False, reason=left.reason)
    luns = {each.name: each.lun for each in source.attachments} if isinstance(source, Vm) else {}
    for lacking in refused:
        name = lacking.disk or source.name
        yield DiskWord(name=name, lun=luns.get(name), taken=False, reason=lacking.reason)


def _next_point(
    selected: Selected, points: Mapping[ResourceId, Sequence[RestorePoint]]
) -> NextPoint:
    """As plan/backup_source.py decides it."""
    known = points.get(selected.source, ())
    mode, learned = choose_mode(selected), learned_from(known)
    consistency = selected.settings.consistency
    return NextPoint(
        mode=mode,
        freeze=choose_budget(consistency, learned) if mode.mode is Mode.FREEZE else None,
        completion=choose_completion(learned),
        learned=learned,
        taught_by=tuple(point.id for point in teachers_of(known)),
    )
