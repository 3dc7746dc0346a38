"""A status as people and machines read it."""

from dataclasses import replace
from datetime import timedelta

from tests.cli.builders import DOWNGRADED, POINT, TAKEN, a_part, a_point, a_seal, an_id
from tests.cli.test_nagios import a_freshness, a_status, a_use

from diskguard.cli.render.lost_region import Loss, loss_page
from diskguard.cli.render.status import freshness_item, status_page
from diskguard.cli.render.text import plain_lines
from diskguard.model.ids import Region
from diskguard.model.restore_point import Location, PointState
from diskguard.plan.lost_region import Survivor
from diskguard.plan.status_copies import CopyUnderWay
from diskguard.plan.status_run import LastRun
from diskguard.plan.status_sizes import Stored

HOUR = timedelta(hours=1)
VM = an_id("virtualMachines", "db01")


def text_of(page):
    return "\n".join(plain_lines(page.blocks))


def a_copy(**changes):
    copy = CopyUnderWay(
        point=POINT, source=VM, began_at=TAKEN, percent=25.0, done_at=TAKEN + HOUR, basis="progress"
    )
    return replace(copy, **changes)


def test_an_item_says_what_the_newest_point_is_and_what_is_wrong():
    fresh = a_freshness(risks=("a disk is missing",))

    item = freshness_item(fresh)

    assert (item["state"], item["late"], item["point"]) == ("ok", False, POINT)
    assert (item["age_seconds"], item["rpo_seconds"]) == (3600.0, 7200.0)
    assert item["region"] == "eastus"
    assert item["risks"] == ["a disk is missing"]


def test_what_never_was_has_nothing_to_show():
    item = freshness_item(a_freshness(age=None))

    assert [item[key] for key in ("point", "taken_at", "region", "consistency")] == [None] * 4


def test_a_point_that_lost_its_seal_claims_no_consistency():
    newest = a_point(a_part(seal=None))

    item = freshness_item(a_freshness(newest=newest))

    assert item["consistency"]["achieved"] is None  # type: ignore[index] # a dict it is
    assert "crash" not in text_of(status_page(a_status(a_freshness(newest=newest))))


def test_each_state_has_its_word():
    weak = a_point(a_part(seal=a_seal(DOWNGRADED)))
    status = a_status(
        a_freshness("one"),
        a_freshness("two", age=9 * HOUR),
        a_freshness("three", age=None),
        a_freshness("four", age=None, late=False, location=Location.DR),
        a_freshness("five", newest=weak, risks=("it is crash",)),
    )

    rows = text_of(status_page(status)).splitlines()[1:6]

    assert [row.split()[-1] for row in rows] == ["ok", "late", "never", "pending", "risk"]
    assert "crash (asked: filesystem)" in rows[4]


def test_estimates_are_called_estimates():
    status = a_status(
        a_freshness(),
        copies=(
            a_copy(),
            a_copy(basis="earlier copies"),
            a_copy(done_at=None, basis=None),
        ),
        sizes=(
            Stored(
                location=Location.DR, snapshots=1, disk_bytes=1024**3, estimated_bytes=2 * 1024**3
            ),
        ),
    )

    text = text_of(status_page(status))

    assert "25 %, done about 2026-11-22 13:00Z (estimate from its progress)" in text
    assert "(estimate from the time between earlier copies)" in text
    assert "nothing to estimate its end by yet" in text
    assert "dr: 1 snapshot of disks of 1 GiB; stored about 2 GiB (estimate:" in text


def test_the_last_run_is_told_with_what_it_left():
    run = LastRun(
        run_id="00ff",
        began_at=TAKEN,
        ended_at=TAKEN + timedelta(minutes=2),
        points=1,
        downgraded=1,
        whole=False,
    )

    page = status_page(a_status(a_freshness(), last_run=run))

    told = "1 point, 1 below what was asked in 2 min (run 00ff); something begun since then is"
    assert told in text_of(page)
    assert page.more["last_run"]["took_seconds"] == 120.0  # type: ignore[index] # a dict it is


def test_full_disks_are_all_named_and_others_by_the_fullest():
    full = text_of(status_page(a_status(a_freshness(), uses=(a_use(480), a_use(460), a_use(3)))))
    few = text_of(status_page(a_status(a_freshness(), uses=(a_use(3), a_use(2)))))

    assert full.count(" of 500") == 2
    assert few.count(" of 500") == 1


def test_counts_and_what_is_left_out_are_in_the_document():
    page = status_page(
        a_status(
            counts={(Location.DR, PointState.FAILED): 2}, left_out=("db01, disk x: ephemeral",)
        )
    )

    assert page.more["points"] == {"dr": {"failed": 2}}
    assert "db01, disk x: ephemeral" in text_of(page)
    assert "Nothing is protected." in text_of(page)


def test_a_lost_region_page_counts_what_could_be_restored():
    left = Survivor(
        source=VM, newest=a_point(), where=Region("westus"), age=7 * HOUR, rpo=6 * HOUR, late=True
    )
    lost = Survivor(source=VM, newest=None, where=None, age=None, rpo=None, late=True)
    loss = Loss(
        policy="erp",
        region=Region("eastus"),
        survivors=(left, lost),
        copies_lost=1,
        all_known=False,
    )

    lines = text_of(loss_page(loss, exit_code=9)).splitlines()

    assert lines[0] == (
        "Without eastus: 1 of 2 of its VMs and disks could be restored, the oldest as it was 7 h ago."
    )
    assert [line.split()[-1] for line in lines[3:5]] == ["late", "lost"]
    assert lines[-2] == "1 point of other regions would lose the copy that lies in eastus"
    assert "could not be listed" in lines[-1]
