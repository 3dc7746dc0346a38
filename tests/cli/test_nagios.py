"""The line for Nagios: one line, whatever names and errors say, with data a machine can read."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.cli.builders import TAKEN, a_point, an_id

from diskguard.cli.render.nagios import CRITICAL, OK, UNKNOWN, WARNING, judge, nagios_line
from diskguard.model.restore_point import Location
from diskguard.plan.freshness import Freshness
from diskguard.plan.selection_near import Shortage
from diskguard.plan.status import DiskUse, Status

HOUR = timedelta(hours=1)
# The guidelines' 'label'=value[unit];[warn];[crit];[min];[max]
MEASURE = re.compile(r"'(?:[^'=]|'')+'=(?:U|-?[0-9.]+(?:s|%|B|c)?)(?:;[0-9.:~@]*){0,4}")


def a_freshness(name="db01", age=HOUR, **changes):
    fresh = Freshness(
        source=an_id("virtualMachines", name),
        name=name,
        rule="gold",
        location=Location.PRIMARY,
        newest=None if age is None else a_point(),
        age=age,
        rpo=2 * HOUR,
        expected_slot=None,
        late=age is None or age > 2 * HOUR,
    )
    return replace(fresh, **changes)


def a_status(*freshness, **changes):
    return replace(Status(policy="erp", at=TAKEN, freshness=freshness), **changes)


def verdict(*freshness, unseen=(), warn_at=None, **changes):
    return judge(a_status(*freshness, **changes), unseen=unseen, warn_at=warn_at)


def a_use(used):
    return DiskUse(source=an_id("virtualMachines", "db01"), disk=an_id("disks", "os"), used=used)


def test_all_well_is_ok():
    found = verdict(a_freshness(), a_freshness("db02"))

    assert (found.status, found.reasons) == (OK, ())
    assert found.line("erp").startswith("DISKGUARD OK - erp: 2 sources within what was promised |")


@pytest.mark.parametrize(
    ("facts", "status", "reason"),
    [
        ({"age": 3 * HOUR}, CRITICAL, "db01 in primary is 3 h old, RPO 2 h"),
        ({"age": None}, CRITICAL, "db01 in primary has no restorable point"),
        (
            {"rpo": None, "late": True},
            CRITICAL,
            "db01 in primary is 1 h old, and a slot has no point",
        ),
        ({"risks": ("a disk is missing",)}, WARNING, "db01 in primary: a disk is missing"),
    ],
)
def test_what_is_late_is_critical_and_a_risk_a_warning(facts, status, reason):
    found = verdict(a_freshness(**facts))

    assert (found.status, found.reasons) == (status, (reason,))


def test_the_worst_comes_first_and_the_rest_is_counted():
    found = verdict(
        *(a_freshness(f"db0{hours}", age=hours * HOUR) for hours in (3, 5, 4)),
        a_freshness("db09", age=None),
        a_freshness("db08", age=3 * HOUR, rpo=None),
    )

    text = found.line("erp").partition(" | ")[0]
    assert re.findall(r"db0\d", text) == ["db09", "db05", "db04"]
    assert text.endswith("; and 2 more")


@pytest.mark.parametrize(("used", "status"), [(449, OK), (450, WARNING), (500, CRITICAL)])
def test_a_disk_near_its_500_snapshots_is_told(used, status):
    assert verdict(a_freshness(), uses=(a_use(used),)).status == status


def test_a_rule_that_takes_too_little_is_critical_unless_some_was_not_seen():
    short = (Shortage(rule="gold", expected=3, found=1, near=()),)

    assert verdict(a_freshness(), shortages=short).status == CRITICAL
    assert verdict(a_freshness(), shortages=short, unseen=("a: no",)).status == UNKNOWN


def test_what_is_seen_to_be_late_is_critical_whatever_was_not_seen():
    assert verdict(a_freshness(age=9 * HOUR), unseen=("a: no",)).status == CRITICAL


@pytest.mark.parametrize(("warn_at", "status"), [(None, OK), (51, OK), (50, WARNING)])
def test_a_share_of_the_rpo_warns_where_asked(warn_at, status):
    assert verdict(a_freshness(age=HOUR), warn_at=warn_at).status == status


def test_performance_data_follow_the_guidelines():
    found = verdict(
        a_freshness(rule="it's=odd|x"), a_freshness("db02", age=None), uses=(a_use(7),), warn_at=50
    )

    assert found.measures[0] == "'gold primary age'=U;3600;7200;0;"
    assert found.measures[1] == "'it''s-odd/x primary age'=3600s;3600;7200;0;"
    assert found.measures[-1] == "'snapshots of one disk'=7;449;499;0;500"
    assert [each for each in found.measures if not MEASURE.fullmatch(each)] == []


def test_a_rule_without_an_rpo_has_no_threshold():
    assert verdict(a_freshness(rpo=None)).measures[0] == "'gold primary age'=3600s;;;0;"


def test_no_text_passes_for_data_or_for_a_second_line():
    line = nagios_line(CRITICAL, "a | 'x'=1\nOK - all is well\x1b[31m ?sig=abc https://h/p?sig=abc")

    assert line.count("|") == 0
    assert line.isprintable()
    assert "sig=abc" not in line


def test_a_line_stays_short():
    assert len(nagios_line(UNKNOWN, "x" * 5000)) < 1000
