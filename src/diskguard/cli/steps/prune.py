"""A prune: its verdicts, its run under the lock, what came of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from diskguard.cli.lock import run_lock
from diskguard.cli.render.prune import prune_page, prune_trouble
from diskguard.cli.session import Session
from diskguard.cli.steps.errand import Eyes
from diskguard.cli.steps.policies import read_policy
from diskguard.cli.steps.saved import read_saved
from diskguard.cli.steps.sight import sight_of
from diskguard.cli.steps.whole_file import write_at_once
from diskguard.cli.steps.work import act, interrupted_by, look
from diskguard.errors import PlanDrifted, UsageInvalid
from diskguard.model.report import RunReport
from diskguard.plan.prune_plan import PrunePlan
from diskguard.plan.prune_saved import dump_prune, load_prune, narrowed_to, prune_differences
from diskguard.ports import Ports
from diskguard.run.prune import PruneErrand, PruneRun, make_prune_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the command line says of a prune."""

    yes: bool = False
    saved: Path | None = None
    out: Path | None = None
    max_delete: int | None = None

    @property
    def deletes(self) -> bool:
        """True when this is meant."""
        return self.yes or self.saved is not None

    def checked(self) -> "Choices":
        """The same. Raises UsageInvalid for choices that exclude each other."""
        if self.saved is not None and (self.yes or self.max_delete is not None):
            wrong = "a saved plan is executed as it is: not with --yes or --max-delete"
            raise UsageInvalid(wrong, hint="Make another plan, or leave --plan out.")
        if self.out is not None and self.deletes:
            raise UsageInvalid("--out saves a plan to be executed later: not with --yes or --plan")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pruned:
    """What a run decided, and what came of it."""

    plan: PrunePlan
    report: RunReport


def show_verdicts(session: Session, path: Path, choices: Choices) -> int:
    """Show what a prune would do now, and save it where asked; only reads, and needs no lock."""
    policy = read_policy(session, path)
    sight = sight_of(session, policy)

    async def read(ports: Ports) -> PrunePlan:
        seen = await Eyes(scope=sight.scope, ports=ports).look_wide()
        return await make_prune_plan(policy, seen, ports, at_most=choices.max_delete)

    plan = look(session, sight.cloud, read)
    if choices.out is not None:
        write_at_once(json.dumps(dump_prune(plan), indent=1) + "\n", choices.out)
    return session.show(prune_page(plan))


def prune(session: Session, path: Path, choices: Choices) -> int:
    """Delete, and show what came of it. Raises what forbids every deletion; nothing was done then."""
    policy = read_policy(session, path)
    saved = None if choices.saved is None else read_saved(choices.saved, load_prune)
    started = session.around.clock.now()

    async def work(ports: Ports) -> _Pruned:
        eyes = Eyes(scope=sight_of(session, policy).scope, ports=ports)
        errand = PruneErrand(
            run_id=session.run_id,
            policy=policy,
            started_at=started,
            look_wide=eyes.look_wide,
            choose=_chooser(saved),
            at_most=choices.max_delete if saved is None else saved.at_most,
        )
        run = PruneRun(errand, ports)
        report = await run.to_its_end()
        plan = run.pruning.plan if run.pruning else PrunePlan(policy=policy.name, made_at=started)
        return _Pruned(plan=plan, report=report)

    around = session.around
    with run_lock(around.lock_folders, policy.name, run_id=session.run_id, since=started):
        ended = act(session, session.view.cloud or policy.azure.cloud, work)
    if ended.value is None and ended.signal is not None:
        raise interrupted_by(ended.signal)
    pruned = ended.given()
    report = replace(pruned.report, interrupted_by=ended.signal)
    session.complain(prune_trouble(report))
    return session.show(prune_page(pruned.plan, report), silent_on_success=True)


def _chooser(saved: PrunePlan | None) -> Callable[[PrunePlan], PrunePlan]:
    """How the run narrows a fresh plan: not at all, or to what was saved, if all of it may go."""

    def choose(fresh: PrunePlan) -> PrunePlan:
        if saved is None:
            return fresh
        found = prune_differences(saved, fresh)
        if found:
            raise PlanDrifted(found)
        return narrowed_to(saved, fresh)

    return choose
