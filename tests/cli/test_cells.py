"""Values for people and for machines."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from diskguard.cli.render.cells import (
    Bytes,
    duration,
    for_machines,
    for_people,
    instant,
    seconds,
    size,
)

NOON = datetime(2026, 11, 22, 12, 0, 41, 83_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cell", "people", "machines"),
    [
        (None, "-", ""),
        ("db01", "db01", "db01"),
        (3, "3", "3"),
        (37.25, "37.2", "37.25"),
        (NOON, "2026-11-22 12:00:41Z", "2026-11-22T12:00:41.083Z"),
        (timedelta(seconds=4.492), "4.492 s", "4.492"),
        (Bytes(137_438_953_472), "128 GiB", "137438953472"),
    ],
)
def test_a_cell_reads_as_each_side_wants_it(cell, people, machines):
    assert (for_people(cell), for_machines(cell)) == (people, machines)


def test_an_instant_is_written_in_utc_with_milliseconds():
    berlin = NOON.astimezone(timezone(timedelta(hours=1)))

    assert instant(berlin) == "2026-11-22T12:00:41.083Z"
    assert instant(None) is None


def test_seconds_of_nothing_are_nothing():
    assert seconds(None) is None
    assert seconds(timedelta(microseconds=84_000)) == 0.084


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(milliseconds=84), "84 ms"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=12, seconds=20), "12 min"),
        (timedelta(hours=3, minutes=20), "3 h 20 min"),
        (timedelta(hours=4), "4 h"),
        (timedelta(days=5, hours=2), "5 d"),
    ],
)
def test_a_duration_has_the_unit_that_fits(span, text):
    assert duration(span) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (137_438_953_472, "128 GiB"),
        (1_649_267_441_664, "1.5 TiB"),
        (2**60, "1024 PiB"),
    ],
)
def test_a_size_is_in_binary_units(number, text):
    assert size(number) == text
