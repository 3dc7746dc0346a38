"""The outstanding copies, started and followed."""

from pathlib import Path

from diskguard.cli.session import Session
from diskguard.cli.steps.errand import Eyes, run_errand
from diskguard.cli.steps.policies import read_policy
from diskguard.cli.steps.sight import sight_of
from diskguard.plan.copies import plan_copies
from diskguard.plan.immutability import asks_for_immutability, plan_immutability
from diskguard.ports import Ports
from diskguard.run.azure_time import azure_time
from diskguard.run.line import Errand


def copy(session: Session, path: Path, *, wait: bool) -> int:
    """Run the copies and show the report. Raises AnotherRunHoldsTheLock; nothing was done then."""
    policy = read_policy(session, path)
    started = session.around.clock.now()

    def errand(ports: Ports) -> Errand:
        eyes = Eyes(scope=sight_of(session, policy).scope, ports=ports)
        return Errand(
            run_id=session.run_id,
            policy=policy.name,
            started_at=started,
            time_limit=policy.limits.run_timeout,
            parallel=policy.limits.parallel_vms,
            look_wide=eyes.look_wide,
            look_at_points=eyes.look_at_points,
            plan_copies=lambda estate: plan_copies(policy, estate, now=azure_time(ports)),
            plan_immutability=(
                lambda estate: plan_immutability(policy, estate, now=azure_time(ports))
            )
            if asks_for_immutability(policy)
            else None,
            wait=wait,
        )

    return run_errand(session, policy, errand)
