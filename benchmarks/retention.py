"""How long deciding takes, and simulating years: CPU time, because nothing waits."""

import time
from datetime import UTC, datetime, timedelta

from benchmarks.table import Table
from diskguard.plan.retention import Candidate, decide
from diskguard.plan.simulate import simulate
from diskguard.policy.effective import effective_settings
from diskguard.policy.load import parse_policy
from diskguard.policy.sections import Keep

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
VMS, POINTS, YEARS = 10_000, 60, 10
AIM_DECIDE, AIM_RATIO = 5.0, 1.5
KEEP = Keep(keep_last=3, hourly=24, daily=14, weekly=8, monthly=12, yearly=3, min_keep=2)
POLICY = """\
version: 1
name: erp
azure: {subscriptions: ["11111111-2222-3333-4444-555555555555"]}
locations: {primary: {resource_group: rg-a}, dr: {resource_group: rg-b}}
schedules: [{name: hourly, cron: "15 * * * *"}]
retention:
  primary: {keep_last: 3, hourly: 24, daily: 7, min_keep: 2}
  dr: {daily: 14, weekly: 8, monthly: 12, yearly: 3, min_keep: 2}
rules: [{name: all, select: {include: [{names: ["*"]}]}}]
"""


def measure(*, quick: bool) -> Table:
    """Decide over many VMs, with one and ten times the points, and simulate a year and ten."""
    vms, years = (20, 0.1) if quick else (VMS, YEARS)
    few, many = _deciding(vms, POINTS), _deciding(vms // 10, POINTS * 10)
    short, long = _simulating(years / 10), _simulating(years)
    rows = (
        (f"decide: {vms:,} VMs of {POINTS} points", few),
        (f"decide: {vms // 10:,} VMs of {POINTS * 10} points", many),
        (f"simulate: {years / 10:g} years of hourly points, two locations", short),
        (f"simulate: {years:g} years of hourly points, two locations", long),
    )
    linear = many <= AIM_RATIO * few and long <= AIM_RATIO * 10 * short
    return Table(
        title="Retention",
        headings=("work", "CPU time"),
        rows=tuple((name, f"{spent:.2f} s") for name, spent in rows),
        aim=f"at most {AIM_DECIDE:g} s for the first row; ten times the points, ten times the time",
        met=None if quick else few <= AIM_DECIDE and linear,
    )


def _deciding(vms: int, points: int) -> float:
    """Give the CPU seconds of verdicts on every point of that many VMs, 7 hours apart."""
    ages = [timedelta(hours=7 * number) for number in range(points)]
    histories = (
        [Candidate(id=f"vm{vm}-{age.days}", taken_at=NOW - age) for age in ages]
        for vm in range(vms)
    )
    started = time.process_time()
    for history in histories:
        decide(history, KEEP, now=NOW)
    return time.process_time() - started


def _simulating(years: float) -> float:
    policy = parse_policy(POLICY, file="policy.yaml")
    settings = effective_settings(policy, policy.rules[0])
    started = time.process_time()
    simulate(settings, start=NOW, end=NOW + timedelta(days=365) * years)
    return time.process_time() - started
