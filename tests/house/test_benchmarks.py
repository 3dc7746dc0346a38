"""Every benchmark runs, with tiny numbers; no time is asserted."""

from datetime import UTC, datetime

import pytest
from benchmarks.__main__ import BENCHMARKS
from benchmarks.machine import machine_line, peak_memory
from benchmarks.table import Table, render_table
from benchmarks.thousand import buckets_limit

from diskguard_emulator.log import Entry

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", BENCHMARKS)
@pytest.mark.timeout(120)
def test_a_benchmark_gives_a_table_with_figures(name):
    table = BENCHMARKS[name](quick=True)

    assert table.rows
    assert all(len(row) == len(table.headings) for row in table.rows)
    assert "too small to tell" in render_table(table)


def test_a_missed_aim_is_said_loudly():
    table = Table(title="T", headings=("a",), rows=(("1",),), aim="at most 0", met=False)

    assert render_table(table).endswith("Aim: at most 0. MISSED.")


def test_the_machine_is_described():
    assert "Python 3." in machine_line()
    assert peak_memory() > 1


def test_the_buckets_limit_is_that_of_the_slowest_bucket():
    path = "/subscriptions/1/resourceGroups/g/providers/Microsoft.Compute/snapshots/s"
    puts = [
        Entry(number=number, at=NOON, method="PUT", path=path, query="", kind="write")
        for number in range(1200)
    ]

    bucket, seconds = buckets_limit(puts)

    assert bucket == "writes"
    assert seconds == (1200 - 200) / 10
