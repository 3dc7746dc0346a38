"""What the points still say of the last run that made one: there is no other record of runs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from diskguard.model.restore_point import Location, PointState, RestorePoint
from diskguard.plan.points import Assembly


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The run that sealed last. A run that sealed nothing leaves no trace but the ages.

    From the first request to the last seal; copies are not in it. `whole`: nothing that was begun
    since its first request is incomplete.
    """

    run_id: str
    began_at: datetime
    ended_at: datetime
    points: int
    downgraded: int
    whole: bool

    @property
    def took(self) -> timedelta:
        """How long it was at work, as its points show it."""
        return max(timedelta(), self.ended_at - self.began_at)


def last_run(assembly: Assembly) -> LastRun | None:
    """Give the run of the newest seal, or None where nothing was ever sealed."""
    sealed = [(point.seal, point) for point in assembly.points if point.seal is not None]
    if not sealed:
        return None
    newest, _ = max(sealed, key=lambda each: (each[0].sealed_at, each[1].id))
    of_run = [(seal, point) for seal, point in sealed if seal.run_id == newest.run_id]
    began_at = min(_began(point, assembly) or seal.taken_at for seal, point in of_run)
    return LastRun(
        run_id=newest.run_id,
        began_at=began_at,
        ended_at=newest.sealed_at,
        points=len(of_run),
        downgraded=sum(seal.consistency.downgraded for seal, _ in of_run),
        whole=not any(_broken_since(point, assembly, began_at) for point in assembly.points),
    )


def _broken_since(point: RestorePoint, assembly: Assembly, since: datetime) -> bool:
    if point.state is not PointState.INCOMPLETE:
        return False
    began = _began(point, assembly)
    return began is not None and began >= since


def _began(point: RestorePoint, assembly: Assembly) -> datetime | None:
    """When the attempt's first snapshot was asked for, as its tags say in either location."""
    members = assembly.members(point.id, Location.PRIMARY) or assembly.members(
        point.id, Location.DR
    )
    return min((member.requested_at for member in members), default=None)
