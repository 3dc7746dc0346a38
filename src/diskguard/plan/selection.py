"""Which VMs and disks a policy takes, which it leaves, and why: every source has its reasons."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from diskguard.errors import NothingMatched
from diskguard.model.estate import Attachment, Disk, Estate, ScaleSet, Vm
from diskguard.model.ids import ResourceId
from diskguard.plan.selection_matching import Source, describe, excluded_by, glob_fits, included_by
from diskguard.plan.selection_near import Shortage, explain_shortages, near_misses
from diskguard.policy.effective import Settings, effective_settings
from diskguard.policy.model import Policy, Rule, Selector
from diskguard.policy.sections import Disks


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedDisk:
    """A managed disk that is to be taken. `lun` is None for an OS disk and for a disk without a VM."""

    name: str
    disk: Disk
    lun: int | None
    role: str  # os | data | disk


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedDisk:
    """A VM's disk that is not taken, as the policy or its VM wishes, with the reason."""

    name: str
    lun: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A VM, or a disk without one, that a rule takes. `disks`: the OS disk first, then by LUN."""

    source: ResourceId
    vm: Vm | None
    rule: Rule
    settings: Settings
    reason: str
    disks: tuple[SelectedDisk, ...]
    skipped_disks: tuple[SkippedDisk, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A VM, or a disk without one, that is not taken, with one reason or more.

    `on_purpose`: a rule selects it, and the policy's author left it, or every disk of it, out.
    """

    source: ResourceId
    reasons: tuple[str, ...]
    on_purpose: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """Something a rule asks for that cannot be taken. `disk` names a VM's disk; the VM goes on.

    `code`: unmanaged-disk, ephemeral-os-disk, uniform-scale-set, or disk-not-seen (in no list:
    gone since, or of a subscription the policy does not name).
    """

    source: ResourceId
    rule: str
    code: str
    reason: str
    disk: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Every VM and loose disk of the estate exactly once, in `selected` or `skipped`, by id.

    `unsupported` are named besides; they are failures where `unsupported_fails` says so. A rule
    with fewer sources than it expects is in `shortages`.
    """

    selected: tuple[Selected, ...]
    skipped: tuple[Skipped, ...]
    unsupported: tuple[Unsupported, ...]
    unsupported_fails: bool
    shortages: tuple[Shortage, ...]


def choose_sources(policy: Policy, estate: Estate) -> Selection:
    """Give every source its rule, or its reasons for having none.

    Raises NothingMatched, with what came near, where a rule takes fewer than it expects.
    """
    selection = survey_sources(policy, estate)
    if selection.shortages:
        message, hint = explain_shortages(selection.shortages)
        raise NothingMatched(message, hint=hint)
    return selection


def survey_sources(policy: Policy, estate: Estate) -> Selection:
    """Give every source its rule, or its reasons for having none; a shortage is noted, not raised."""
    rules = tuple((rule, effective_settings(policy, rule)) for rule in policy.rules)
    disks = {disk.id: disk for disk in estate.disks}
    verdicts = [_verdict(source, rules, disks) for source in _sources(estate)]
    uniform = tuple(_uniform_sets(policy, estate))
    unsupported = (*(each for verdict in verdicts for each in verdict.unsupported), *uniform)
    return Selection(
        selected=tuple(verdict.selected for verdict in verdicts if verdict.selected),
        skipped=tuple(verdict.skipped for verdict in verdicts if verdict.skipped),
        unsupported=tuple(sorted(unsupported, key=lambda each: (each.source, each.disk or ""))),
        unsupported_fails=policy.on_unsupported == "fail",
        shortages=tuple(_shortages(policy, estate, verdicts, uniform)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """What became of one source; `rule` is the one that selects it, whatever could be taken."""

    source: Source
    rule: Rule | None = None
    selected: Selected | None = None
    skipped: Skipped | None = None
    unsupported: tuple[Unsupported, ...] = ()


def _sources(estate: Estate) -> list[Source]:
    named = {each.disk for vm in estate.vms for each in vm.attachments}
    loose = [disk for disk in estate.disks if disk.id not in named and _is_loose(disk)]
    return sorted([*estate.vms, *loose], key=lambda source: source.id)


def _is_loose(disk: Disk) -> bool:
    """Tell whether no VM has the disk, and it has data. A shared disk may have no `managed_by`."""
    busy = ("attached", "reserved", "readytoupload", "activeupload")
    return disk.managed_by is None and disk.state.lower() not in busy


def _verdict(
    source: Source,
    rules: Sequence[tuple[Rule, Settings]],
    disks: Mapping[ResourceId, Disk],
) -> _Verdict:
    refusals: list[str] = []
    for rule, settings in rules:
        entry = included_by(rule, source)
        if entry is None:
            continue
        against = excluded_by(rule, source)
        if against is None:
            return _taken(source, settings, describe(entry, source), disks)
        refusals.append(f"rule {rule.name} excludes it: {describe(against, source)}")
    reasons = tuple(refusals) or ("no rule selects it",)
    skipped = Skipped(source=source.id, reasons=reasons, on_purpose=bool(refusals))
    return _Verdict(source=source, skipped=skipped)


def _taken(
    source: Source, settings: Settings, reason: str, disks: Mapping[ResourceId, Disk]
) -> _Verdict:
    if isinstance(source, Disk):
        return _disk_taken(source, settings, reason)
    rule = settings.rule
    taken, left, refused = _sort_disks(source, settings, disks)
    if not taken:
        why = "none of its disks can be taken" if refused else "every disk of it is left out"
        reasons = (
            f"rule {rule.name} selects it, but {why}",
            *(f"{each.name}: {each.reason}" for each in left),
        )
        skipped = Skipped(source=source.id, reasons=reasons, on_purpose=not refused)
        return _Verdict(source=source, rule=rule, skipped=skipped, unsupported=refused)
    selected = Selected(
        source=source.id,
        vm=source,
        rule=rule,
        settings=settings,
        reason=reason,
        disks=taken,
        skipped_disks=left,
    )
    return _Verdict(source=source, rule=rule, selected=selected, unsupported=refused)


def _disk_taken(disk: Disk, settings: Settings, reason: str) -> _Verdict:
    rule = settings.rule
    if why := _exclusion(disk.name, None, settings.consistency.disks):
        reasons = (f"rule {rule.name} selects it, but {why}",)
        skipped = Skipped(source=disk.id, reasons=reasons, on_purpose=True)
        return _Verdict(source=disk, rule=rule, skipped=skipped)
    selected = Selected(
        source=disk.id,
        vm=None,
        rule=rule,
        settings=settings,
        reason=reason,
        disks=(SelectedDisk(name=disk.name, disk=disk, lun=None, role="disk"),),
    )
    return _Verdict(source=disk, rule=rule, selected=selected)


def _sort_disks(
    vm: Vm, settings: Settings, disks: Mapping[ResourceId, Disk]
) -> tuple[tuple[SelectedDisk, ...], tuple[SkippedDisk, ...], tuple[Unsupported, ...]]:
    taken: list[SelectedDisk] = []
    left: list[SkippedDisk] = []
    refused: list[Unsupported] = []
    for each in sorted(vm.attachments, key=lambda each: -1 if each.lun is None else each.lun):
        disk = disks.get(each.disk) if each.disk else None
        if why := _left_out(each, settings.consistency.disks):
            left.append(SkippedDisk(name=each.name, lun=each.lun, reason=why))
        elif disk is None:
            refused.append(_unsupported_disk(vm, settings.rule, each))
        else:
            role = "os" if each.lun is None else "data"
            taken.append(SelectedDisk(name=disk.name, disk=disk, lun=each.lun, role=role))
    return tuple(taken), tuple(left), tuple(refused)


def _left_out(attachment: Attachment, exclusions: Disks) -> str | None:
    if attachment.being_detached:
        return "it is being detached"
    name = attachment.disk.name if attachment.disk else attachment.name
    return _exclusion(name, attachment.lun, exclusions)


def _exclusion(name: str, lun: int | None, exclusions: Disks) -> str | None:
    if lun is not None and lun in exclusions.exclude_luns:
        return f"it is at LUN {lun}, which is excluded"
    if glob_fits(exclusions.exclude_names, name):
        return "it is excluded by its name"
    return None


def _unsupported_disk(vm: Vm, rule: Rule, attachment: Attachment) -> Unsupported:
    if attachment.disk is not None:
        code, why = "disk-not-seen", "it is in no list: gone, or of a subscription not looked at"
    elif attachment.ephemeral:
        code, why = (
            "ephemeral-os-disk",
            "it is ephemeral: it lives on the host, and has no snapshots",
        )
    else:
        code, why = "unmanaged-disk", "it is unmanaged (a VHD in a storage account)"
    return Unsupported(
        source=vm.id,
        rule=rule.name,
        code=code,
        reason=why,
        disk=attachment.name,
    )


def _uniform_sets(policy: Policy, estate: Estate) -> Iterator[Unsupported]:
    for scale_set in estate.scale_sets:
        rule = next((rule for rule in policy.rules if _asks_for(rule, scale_set)), None)
        if rule is not None and not scale_set.flexible:
            yield Unsupported(
                source=scale_set.id,
                rule=rule.name,
                code="uniform-scale-set",
                reason="this scale set is of uniform orchestration: its instances are no ordinary "
                "VMs; only flexible scale sets are supported",
            )


def _asks_for(rule: Rule, scale_set: ScaleSet) -> bool:
    return any(_names_set(entry, scale_set) for entry in rule.select.include) and not any(
        _names_set(entry, scale_set) for entry in rule.select.exclude
    )


def _names_set(selector: Selector, scale_set: ScaleSet) -> bool:
    groups = selector.resource_groups
    return (
        selector.scale_sets is not None
        and glob_fits(selector.scale_sets, scale_set.id.name)
        and (groups is None or glob_fits(groups, scale_set.id.group))
    )


def _shortages(
    policy: Policy, estate: Estate, verdicts: Sequence[_Verdict], uniform: Sequence[Unsupported]
) -> Iterator[Shortage]:
    owners = {verdict.source.id: verdict.rule.name for verdict in verdicts if verdict.rule}
    # What cannot be taken was matched all the same: `on_unsupported` speaks of that.
    matched = {each.source.id for each in verdicts if each.selected or each.unsupported}
    found = Counter(owners[source] for source in matched) + Counter(each.rule for each in uniform)
    sources: tuple[Source, ...] = (*estate.vms, *estate.disks)
    for rule in policy.rules:
        if found[rule.name] < rule.select.expect_at_least:
            others = [
                source
                for source in sources
                if source.id not in matched or owners[source.id] != rule.name
            ]
            yield Shortage(
                rule=rule.name,
                expected=rule.select.expect_at_least,
                found=found[rule.name],
                near=near_misses(rule, others, owners),
            )
