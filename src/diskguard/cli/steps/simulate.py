"""A policy's schedules and retention, reckoned over a span of time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from diskguard.cli.render.simulate import simulation_page
from diskguard.cli.session import Session
from diskguard.cli.steps.instants import parse_instant
from diskguard.cli.steps.policies import read_policy
from diskguard.errors import NothingMatched, UsageInvalid
from diskguard.plan.simulate import simulate_all
from diskguard.plan.simulate_choice import Chosen, choose_rules
from diskguard.policy.effective import effective_settings
from diskguard.policy.model import Policy
from diskguard.policy.scalars import parse_duration

LONGEST: Final = timedelta(days=25 * 366)
YEARS: Final = range(1970, 9000)  # what time zones and the calendar's ends leave without surprises


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From `start` until before `end`."""

    start: datetime
    end: datetime

    @classmethod
    def parse(cls, start: str | None, end: str, *, now: datetime) -> "Span":
        """Read --from and --to; a duration as --to counts from --from. Raises UsageInvalid."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        begins = midnight if start is None else parse_instant(start, now=now)
        ends = _end(end, begins, now)
        if not begins < ends:
            raise UsageInvalid(f"--to {end} is not after --from")
        if begins.year not in YEARS or ends.year not in YEARS:
            raise UsageInvalid(f"only the years {YEARS[0]} to {YEARS[-1]} are simulated")
        if ends - begins > LONGEST:
            raise UsageInvalid("more than 25 years are not simulated", hint="Move --to nearer.")
        return cls(start=begins, end=ends)


def _end(text: str, begins: datetime, now: datetime) -> datetime:
    try:
        return begins + parse_duration(text)
    except OverflowError:
        raise UsageInvalid(f"--to {text} is beyond the calendar") from None
    except ValueError:
        return parse_instant(text, now=now)


def simulate_policy(session: Session, path: Path, span: Span, vm: str | None) -> int:
    """Show what each rule, or each that could take the VM, keeps. Raises NothingMatched."""
    policy = read_policy(session, path)
    rules = [effective_settings(policy, each.rule) for each in _chosen(session, policy, vm)]
    simulations = simulate_all(rules, start=span.start, end=span.end)
    return session.show(simulation_page(simulations, start=span.start, end=span.end))


def _chosen(session: Session, policy: Policy, vm: str | None) -> tuple[Chosen, ...]:
    if vm is None:
        return tuple(Chosen(rule=rule, certain=True) for rule in policy.rules)
    chosen = choose_rules(policy, vm)
    if not chosen:
        hint = "Only its name is known here: compare `names` in the policy's rules."
        raise NothingMatched(f"no rule could take a VM named {vm}", hint=hint)
    for each in chosen:
        if not each.certain:
            session.say(f"rule {each.rule.name} takes {vm} only if its tags, group or id fit too")
    return chosen
