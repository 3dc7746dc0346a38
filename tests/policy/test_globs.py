"""What is said of two patterns is true of the names that fit them."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings, strategies as st

from diskguard.policy.globs import common_name, covers

PATTERNS = st.text(alphabet="ab*?-", max_size=6)
NAMES = st.text(alphabet="abx-", max_size=6)


@settings(max_examples=600, derandomize=True)
@given(PATTERNS, PATTERNS, NAMES)
def test_what_a_covered_pattern_fits_its_cover_fits_too(wide, narrow, name):
    if covers(wide, narrow) and fnmatchcase(name, narrow):
        assert fnmatchcase(name, wide)


@settings(max_examples=600, derandomize=True)
@given(PATTERNS, PATTERNS, NAMES)
def test_a_common_name_fits_both_and_is_found_if_there_is_one(one, other, name):
    common = common_name(one, other)

    if common is None:
        assert not (fnmatchcase(name, one) and fnmatchcase(name, other))
    else:
        assert fnmatchcase(common, one)
        assert fnmatchcase(common, other)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [("*", "anything"), ("db-*", "DB-1"), ("db-*", "db-*-x"), ("?b", "a?".replace("?", "b")),
     ("**", "*"), ("*-prod", "db-*-prod"), ("d?", "d?"), ("a*c", "a?bc")],
)  # fmt: skip
def test_these_are_covered(wide, narrow):
    assert covers(wide, narrow)


@pytest.mark.parametrize(
    ("wide", "narrow"), [("db-*", "*"), ("d?", "d*"), ("", "*"), ("a", "b"), ("a*", "?a")]
)
def test_these_are_not(wide, narrow):
    assert not covers(wide, narrow)


def test_long_patterns_of_wildcards_are_no_trap():
    assert covers("*a" * 40, "ba" * 40)
    assert common_name("*a" * 40 + "b", "*b" * 40 + "a") is None
