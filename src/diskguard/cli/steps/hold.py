"""Legal holds: set, ended, listed."""

from dataclasses import dataclass

from diskguard.cli.render.holds import hold_page, hold_trouble
from diskguard.cli.render.points import points_page
from diskguard.cli.session import Session
from diskguard.cli.steps.points import choose_point, look_up, with_unseen
from diskguard.cli.steps.sight import ByHand, find_sight
from diskguard.cli.steps.work import look
from diskguard.errors import UsageInvalid
from diskguard.plan.hold import plan_hold, plan_release
from diskguard.ports import Ports
from diskguard.run.hold import HoldOutcome, put_hold, take_hold

PARTIAL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the command line says of a hold."""

    action: str
    point: str | None
    reason: str = ""

    def checked(self) -> "Wish":
        """The same. Raises UsageInvalid for a point too many or too few."""
        if (self.action == "list") == (self.point is not None):
            wrong = "`hold list` lists every held point" if self.point else "which POINT?"
            raise UsageInvalid(wrong, hint="As in `diskguard hold add POINT --reason TEXT`.")
        if self.reason and self.action != "add":
            raise UsageInvalid("--reason belongs to `hold add`")
        return self


def list_held(session: Session, by_hand: ByHand) -> int:
    """Show every held point; 3 where a subscription could not be read."""
    seen, assembly = look_up(session, find_sight(session, by_hand))
    held = [point for point in assembly.points if point.held]
    page = points_page(held, [f"{point.id}: {point.hold}" for point in held])
    return session.show(with_unseen(session, seen, page))


def change_hold(session: Session, by_hand: ByHand, wish: Wish) -> int:
    """Hold the point, or end its hold. Raises PointNotFound.

    A hold that only some snapshots took stands, and is said (exit 0); one that none took fails. A
    hold that could not be taken off everywhere stands: exit 3, or why where it is off nowhere.
    """
    sight = find_sight(session, by_hand)
    seen, assembly = look_up(session, sight)
    point = choose_point(wish.point or "", seen, assembly)
    adding = wish.action == "add"
    now = seen.estate.observed_at
    plan = (
        plan_hold(assembly, point.id, reason=wish.reason, now=now)
        if adding
        else plan_release(assembly, point.id)
    )

    async def work(ports: Ports) -> HoldOutcome:
        change = put_hold if adding else take_hold
        return await change(plan, ports.compute)

    outcome = look(session, sight.cloud, work)
    session.complain(hold_trouble(outcome))
    held = point.held or bool(outcome.changed) if adding else bool(outcome.refused)
    if adding and not held:
        raise outcome.refused[0][1]
    if not adding and outcome.refused and not outcome.changed:
        raise outcome.refused[0][1]
    code = PARTIAL if outcome.refused and not adding else 0
    return session.show(hold_page(point, outcome, held=held, exit_code=code))
