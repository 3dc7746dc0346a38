"""What a prune shows, for people and for machines."""

from datetime import timedelta

from tests.cli.builders import POINT, TAKEN, an_id

from diskguard.cli.render.prune import prune_page, prune_trouble
from diskguard.cli.render.text import plain_lines
from diskguard.model.report import DeletionOutcome, Failure, Result, RunReport
from diskguard.model.restore_point import Location
from diskguard.plan.prune_plan import Fate, PrunePlan, PruneVerdict

REFUSED = Failure(code="snapshot-in-use", message="is locked", exit_status=1, hint="see locks")


def a_verdict(fate, **changes):
    facts = {
        "point": POINT,
        "source": an_id("virtualMachines", "db01"),
        "location": Location.PRIMARY,
        "taken_at": TAKEN,
        "fate": fate,
        "reasons": ("keep_last: 1 newer", "min_keep: 1 newer"),
        "snapshots": 2,
    }
    return PruneVerdict(**{**facts, **changes})


def a_plan(*verdicts):
    return PrunePlan(policy="erp", made_at=TAKEN, verdicts=verdicts)


def a_report(*outcomes, failures=()):
    return RunReport(
        run_id="r",
        policy="erp",
        started_at=TAKEN,
        ended_at=TAKEN,
        deletions=outcomes,
        failures=failures,
    )


def an_outcome(result, **changes):
    facts = {"point": POINT, "source": "db01", "location": "primary", "snapshots": 2}
    return DeletionOutcome(result=result, **{**facts, **changes})


def test_what_is_immutable_says_from_when_it_can_be_deleted():
    until = TAKEN + timedelta(days=3)
    page = prune_page(a_plan(a_verdict(Fate.IMMUTABLE, deletable_from=until)))

    told = "\n".join(plain_lines(page.blocks))

    assert f"{POINT} in primary can be deleted from 2026-11-25T12:00:41.083Z on." in told
    assert "1 immutable, to delete later" in told
    assert page.items[0]["deletable_from"] == "2026-11-25T12:00:41.083Z"


def test_what_came_of_it_counts_only_what_is_gone():
    report = a_report(an_outcome(Result.FAILED, failure=REFUSED))
    page = prune_page(a_plan(a_verdict(Fate.DELETE)), report)

    assert "0 deleted (0 snapshots), 1 failed." in "\n".join(plain_lines(page.blocks))
    assert page.exit_code == 1
    assert next(prune_trouble(report)).endswith(f"{POINT} in primary: is locked")


def test_what_was_held_meanwhile_says_so():
    report = a_report(an_outcome(Result.SKIPPED, reason="is held"))
    page = prune_page(a_plan(a_verdict(Fate.DELETE)), report)

    assert f"{POINT} in primary was left: is held" in "\n".join(plain_lines(page.blocks))
    assert page.exit_code == 0


def test_a_failure_of_the_run_itself_is_told():
    late = Failure(code="unfinished", message="not finished", exit_status=8)

    assert [*prune_trouble(a_report(failures=(late,)))] == [
        "diskguard: error[unfinished]: not finished"
    ]
