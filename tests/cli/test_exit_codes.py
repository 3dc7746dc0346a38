"""One table of exit codes, and everything that ends with one keeps to it."""

import inspect
from datetime import UTC, datetime

import pytest

from diskguard import errors
from diskguard.cli.exit_codes import EXIT_STATUSES, status_of
from diskguard.errors import DiskguardError
from diskguard.model.report import RunReport

CONTRACT = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 130, 143)
ERRORS = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, DiskguardError)
]


def test_the_table_has_exactly_the_contracts_codes():
    assert tuple(status.code for status in EXIT_STATUSES) == CONTRACT


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_ends_with_a_code_of_the_table(error):
    assert error.exit_status in CONTRACT
    assert error.exit_status != 0


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_stands_in_the_drawn_tree(error):
    assert f" {error.__name__} " in f"{errors.__doc__} ".replace("\n", " ")


def test_an_unknown_code_is_a_failure():
    assert status_of(99).result == "failed"


@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143)])
def test_a_signal_has_its_row(number, code):
    now = datetime(2026, 11, 22, tzinfo=UTC)
    report = RunReport(run_id="r", policy="p", started_at=now, ended_at=now, interrupted_by=number)

    assert report.exit_status == code
    assert status_of(code).result == "interrupted"
