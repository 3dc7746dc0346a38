"""Who is protected and who is not, as people and machines read it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from diskguard.cli.render.cells import Cell, instant
from diskguard.cli.render.page import Block, Lines, Page, Table
from diskguard.model.azure_backup import BackupGap, BackupItem, BackupLook, VaultKind
from diskguard.plan.coverage import Cover, Coverage, Covered, CoveredDisk
from diskguard.policy.model import Policy

SCHEMA: Final = "coverage"
_SERVICES: Final = {
    VaultKind.RECOVERY_SERVICES: "Recovery Services vaults",
    VaultKind.BACKUP: "backup vaults (disks)",
}


def coverage_page(
    coverage: Coverage,
    backups: BackupLook,
    *,
    policies: Sequence[Policy],
    subscriptions: Sequence[str],
) -> Page:
    """What people should look at, and a count of all; machines get every VM and disk."""
    shown = [item for item in coverage.items if item.cover is not Cover.PROTECTED]
    return Page(
        schema=SCHEMA,
        items=tuple(_item(item) for item in coverage.items),
        blocks=(
            *((_table(shown),) if shown else ()),
            *_titled("No second copy anywhere", _alone_lines(coverage)),
            *_titled("Paid twice: a policy and Azure Backup", _twice_lines(coverage)),
            *_titled("Taken by more than one policy", _conflict_lines(coverage)),
            *_titled("Azure Backup, as far as it could be seen", _gap_lines(backups)),
            *_titled("Besides", _besides(coverage, policies)),
            Lines(lines=(_summary(coverage),)),
        ),
        table=_table(coverage.items),
        more={
            "policies": [policy.name for policy in policies],
            "subscriptions": list(subscriptions),
            "counts": {cover.value: count for cover, count in _counts(coverage).items()},
            "azure_backup": list(_services(backups, subscriptions)),
        },
    )


def _table(items: Sequence[Covered]) -> Table:
    return Table(
        headings=("name", "kind", "group", "region", "cover", "policy", "azure backup", "why"),
        rows=tuple(_row(item) for item in items),
    )


def _row(item: Covered) -> tuple[Cell, ...]:
    lacking = [_lack(disk) for disk in item.disks if disk.cover is Cover.UNCOVERED]
    partly = lacking if item.cover is Cover.PARTLY else []
    return (
        item.source.name,
        "vm" if item.is_vm else "disk",
        item.source.group,
        str(item.region),
        str(item.cover),
        ", ".join(map(str, item.claims)) or None,
        ", ".join(map(_backup_words, item.backups)) or None,
        "; ".join((*item.reasons, *partly)) or None,
    )


def _lack(disk: CoveredDisk) -> str:
    return f"disk {disk.name} is in no backup" + (f": {disk.reason}" if disk.reason else "")


def _backup_words(item: BackupItem) -> str:
    what = "" if item.in_vault else f"{item.source.name}: "
    return f"{what}{item.vault.name} ({item.state})"


def _alone_lines(coverage: Coverage) -> Iterator[str]:
    """The same reason is told once for all disks of a VM."""
    for item in coverage.items:
        found: dict[str, list[str]] = {}
        for disk in item.disks:
            if disk.alone is not None:
                found.setdefault(disk.alone, []).append(disk.name)
        for why, names in found.items():
            yield f"{item.source.name}: {', '.join(names)}: {why}"


def _twice_lines(coverage: Coverage) -> Iterator[str]:
    for item in coverage.items:
        if item.twice:
            active = [_backup_words(each) for each in item.backups if each.active]
            yield f"{item.source.name}: {', '.join(map(str, item.claims))}, and {', '.join(active)}"


def _conflict_lines(coverage: Coverage) -> Iterator[str]:
    for item in coverage.items:
        if len(item.claims) > 1:
            yield f"{item.source.name}: {', '.join(map(str, item.claims))}"


def _gap_lines(backups: BackupLook) -> Iterator[str]:
    for gap in backups.gaps:
        yield f"{_SERVICES[gap.kind]} of {gap.subscription}: {_gap_words(gap)}"


def _gap_words(gap: BackupGap) -> str:
    if not gap.registered:
        return "the provider is not registered, so there are none"
    what = f"vault {gap.vault.name} " if gap.vault is not None else ""
    return f"{what}not seen, so what they protect is not known: {gap.reason}"


def _besides(coverage: Coverage, policies: Sequence[Policy]) -> Iterator[str]:
    for name, each in coverage.shortages:
        yield f"policy {name}: rule {each.rule} selects {each.found}, and expects at least {each.expected}"
    for name, count in Counter(policy.name for policy in policies).items():
        if count > 1:
            yield f"{count} policies are named {name}: each takes the others' restore points for its own"


def _summary(coverage: Coverage) -> str:
    counts = _counts(coverage)
    said = ", ".join(f"{counts[cover]} {cover}" for cover in Cover if counts[cover])
    return f"{len(coverage.items)} VMs and disks without a VM: {said or 'none'}"


def _counts(coverage: Coverage) -> dict[Cover, int]:
    found = Counter(item.cover for item in coverage.items)
    return {cover: found[cover] for cover in Cover}


def _titled(title: str, lines: Iterator[str]) -> tuple[Block, ...]:
    found = tuple(lines)
    return (Lines(title=title, lines=found),) if found else ()


# -- for machines ---------------------------------------------------------------------------------


def _item(item: Covered) -> dict[str, object]:
    return {
        "source": str(item.source),
        "name": item.source.name,
        "kind": "vm" if item.is_vm else "disk",
        "region": str(item.region),
        "cover": item.cover.value,
        "twice": item.twice,
        "policies": [
            {"policy": claim.policy.name, "rule": claim.selected.rule.name} for claim in item.claims
        ],
        "azure_backup": [_backup_item(each) for each in item.backups],
        "disks": [
            {
                "name": disk.name,
                "lun": disk.lun,
                "cover": disk.cover.value,
                "reason": disk.reason,
                "second_copy": disk.alone is None if disk.seen else None,
                "alone": disk.alone,
            }
            for disk in item.disks
        ],
        "reasons": list(item.reasons),
    }


def _backup_item(item: BackupItem) -> dict[str, object]:
    return {
        "source": str(item.source),
        "vault": str(item.vault),
        "state": item.state,
        "active": item.active,
        "last_backup": instant(item.last_backup),
    }


def _services(backups: BackupLook, subscriptions: Sequence[str]) -> Iterator[dict[str, object]]:
    """Each service in each subscription: read, not-registered or unknown, with every reason."""
    for subscription in subscriptions:
        for kind in VaultKind:
            gaps = [
                gap for gap in backups.gaps if (gap.subscription, gap.kind) == (subscription, kind)
            ]
            unknown = any(gap.registered for gap in gaps)
            yield {
                "subscription": subscription,
                "service": kind.value,
                "state": "unknown" if unknown else "not-registered" if gaps else "read",
                "reasons": [gap.reason for gap in gaps],
            }
