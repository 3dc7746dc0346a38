"""An errand run to its end, under the lock, and its report."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from diskguard.cli.lock import run_lock
from diskguard.cli.render.reports import report_page, report_trouble
from diskguard.cli.session import Session
from diskguard.cli.steps.work import act, interrupted_by
from diskguard.model.report import RunReport
from diskguard.policy.model import Policy
from diskguard.ports import Ports
from diskguard.run.azure_time import azure_time
from diskguard.run.line import Errand, Run
from diskguard.run.observe import (
    Look,
    Scope,
    observe_estate,
    observe_snapshots,
    observe_sources,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """The looks at Azure."""

    scope: Scope
    ports: Ports

    async def look_wide(self) -> Look:
        """Look at everything."""
        now = self.ports.clock.now()
        return self._dated(await observe_estate(self.scope, self.ports.inventory, now=now))

    async def look_at_sources(self) -> Look:
        """Look at what is protected and its points, by lists only."""
        now = self.ports.clock.now()
        return self._dated(await observe_sources(self.scope, self.ports.inventory, now=now))

    async def look_at_points(self) -> Look:
        """Look at the restore points only."""
        now = self.ports.clock.now()
        return self._dated(await observe_snapshots(self.scope, self.ports.inventory, now=now))

    def _dated(self, look: Look) -> Look:
        """Dated by Azure's clock, which its answers have told by now."""
        return replace(look, estate=replace(look.estate, observed_at=azure_time(self.ports)))


def run_errand(session: Session, policy: Policy, errand: Callable[[Ports], Errand]) -> int:
    """Do the errand and show what came of it; errors on stderr, everything else in the report.

    Raises AnotherRunHoldsTheLock, LoginFailed, EndpointRefused: nothing was done then.
    """

    async def work(ports: Ports) -> RunReport:
        return await Run(errand(ports), ports).to_its_end()

    around = session.around
    with run_lock(
        around.lock_folders, policy.name, run_id=session.run_id, since=around.clock.now()
    ):
        ended = act(session, session.view.cloud or policy.azure.cloud, work)
    if ended.value is None and ended.signal is not None:
        raise interrupted_by(ended.signal)
    return show_report(session, replace(ended.given(), interrupted_by=ended.signal))


def show_report(session: Session, report: RunReport) -> int:
    """Show what came of a run; with -q, only what went wrong."""
    session.complain(report_trouble(report))
    page = report_page(report, schema=session.schema)
    return session.show(page, silent_on_success=True)
