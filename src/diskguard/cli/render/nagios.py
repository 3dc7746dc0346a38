"""A status as one line for Nagios and its kin: verdict, sentence, performance data.

https://nagios-plugins.org/doc/guidelines.html: one line, `|` before performance data, each
'label'=value[unit];warn;crit;min;max, U where a value is not known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from diskguard.cli.render.cells import duration
from diskguard.cli.render.escape import clean, scrub
from diskguard.plan.backup_limits import MANY_SNAPSHOTS, MOST_SNAPSHOTS
from diskguard.plan.freshness import Freshness
from diskguard.plan.status import Status

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
_WORDS: Final = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_MOST_NAMED: Final = 3
_LONGEST: Final = 200  # of a sentence: the whole line must fit into what old agents take, 1 kB


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The status and why, the worst first; `good` is what is said where nothing is wrong."""

    status: int
    reasons: tuple[str, ...]
    good: str
    measures: tuple[str, ...]

    def line(self, policy: str) -> str:
        """The one line."""
        named = list(self.reasons[:_MOST_NAMED]) or [self.good]
        if len(self.reasons) > _MOST_NAMED:
            named.append(f"and {len(self.reasons) - _MOST_NAMED} more")
        return nagios_line(self.status, f"{policy}: {'; '.join(named)}", self.measures)


def nagios_line(status: int, text: str, measures: Sequence[str] = ()) -> str:
    """The line of a verdict; nothing in the text can pass for performance data or a second line."""
    said = f"DISKGUARD {_WORDS[status]} - {_escaped(text)}"
    return f"{said} | {' '.join(measures)}" if measures else said


def judge(status: Status, *, unseen: Sequence[str], warn_at: int | None) -> Verdict:
    """Give the verdict. What is seen to be broken is CRITICAL whatever could not be seen.

    CRITICAL: late by the RPO (or the schedule, without one), never backed up, a rule that takes
    less than it expects, a disk with 500 snapshots. UNKNOWN: not all could be read. WARNING: a
    risk, a disk with 450, and from `warn_at` percent of the RPO on (None: never).
    """
    critical = [*_late(status), *_full(status, MOST_SNAPSHOTS)]
    if not unseen:
        critical += _short(status)
    risky = [f"{_name(each)}: {risk}" for each in status.at_risk for risk in each.risks]
    warning = [*_ageing(status, warn_at), *risky, *_full(status, MANY_SNAPSHOTS)]
    sources = len({each.source for each in status.freshness})
    good = f"{sources} source{'' if sources == 1 else 's'} within what was promised"
    code = CRITICAL if critical else UNKNOWN if unseen else WARNING if warning else OK
    return Verdict(
        status=code,
        reasons=tuple(critical) or tuple(unseen) or tuple(warning),
        good=good,
        measures=tuple(_measures(status, warn_at)),
    )


def _late(status: Status) -> list[str]:
    """Never first, then by how far beyond the RPO."""
    return [_lateness(each) for each in sorted(status.late, key=_share, reverse=True)]


def _share(fresh: Freshness) -> float:
    if fresh.age is None:
        return float("inf")
    return fresh.age / fresh.rpo if fresh.rpo else 1.0


def _lateness(fresh: Freshness) -> str:
    if fresh.age is None:
        return f"{_name(fresh)} has no restorable point"
    if fresh.rpo is None:
        return f"{_name(fresh)} is {duration(fresh.age)} old, and a slot has no point"
    return f"{_name(fresh)} is {duration(fresh.age)} old, RPO {duration(fresh.rpo)}"


def _name(fresh: Freshness) -> str:
    return f"{fresh.name} in {fresh.location}"


def _short(status: Status) -> list[str]:
    return [
        f"rule {each.rule} takes {each.found}, and expects {each.expected}"
        for each in status.shortages
    ]


def _full(status: Status, number: int) -> list[str]:
    return [
        f"disk {use.disk.name} has {use.used} of {MOST_SNAPSHOTS} snapshots"
        for use in status.uses
        if use.used >= number
    ]


def _ageing(status: Status, warn_at: int | None) -> list[str]:
    if warn_at is None:
        return []
    share = warn_at / 100
    return [
        f"{_name(each)} is {duration(each.age)} old, RPO {duration(each.rpo)}"
        for each in status.freshness
        if each.age is not None and each.rpo and not each.late and each.age >= each.rpo * share
    ]


def _measures(status: Status, warn_at: int | None) -> Iterable[str]:
    """One age per rule and location, its worst: the labels stay the same as VMs come and go."""
    groups: dict[tuple[str, str], list[Freshness]] = {}
    for each in status.freshness:
        groups.setdefault((each.rule, each.location.value), []).append(each)
    for (rule, location), found in sorted(groups.items()):
        yield f"{_label(f'{rule} {location} age')}={_age(found, warn_at)}"
    yield f"'late'={len(status.late)};;0;0;{len(status.freshness)}"
    yield f"'at risk'={len(status.at_risk)};0;;0;{len(status.freshness)}"
    yield f"'copies under way'={len(status.copies)};;;0;"
    used = status.fullest.used if status.fullest else 0
    yield f"'snapshots of one disk'={used};{MANY_SNAPSHOTS - 1};{MOST_SNAPSHOTS - 1};0;{MOST_SNAPSHOTS}"


def _age(found: Sequence[Freshness], warn_at: int | None) -> str:
    rpo = found[0].rpo
    ages = [each.age for each in found if each.age is not None]
    oldest = "U" if len(ages) < len(found) else f"{_whole(max(ages))}s"
    warn = "" if rpo is None or not warn_at else _whole(rpo * warn_at / 100)
    return f"{oldest};{warn};{'' if rpo is None else _whole(rpo)};0;"


def _whole(span: timedelta) -> int:
    return int(span.total_seconds())


def _label(text: str) -> str:
    return "'" + _escaped(text).replace("'", "''").replace("=", "-") + "'"


def _escaped(text: str) -> str:
    said = scrub(clean(text)).replace("|", "/")
    return said if len(said) <= _LONGEST * _MOST_NAMED else said[: _LONGEST * _MOST_NAMED] + "..."
