"""Every file of the corpus is judged as it says of itself."""

import pytest
import yaml
from tests.policy.corpus import BAD, GOOD, LAYOUT, expected_of, found_in

from diskguard.errors import PolicyInvalid
from diskguard.policy.load import examine_file, load_policy
from diskguard.policy.reading import QUICK, read_document
from diskguard.policy.support import UNSUPPORTED


def name(path):
    return path.stem


@pytest.mark.parametrize("path", BAD, ids=name)
def test_every_fault_of_a_bad_file_is_found_at_its_place(path):
    problems = examine_file(path).problems

    assert found_in(problems) == expected_of(path)
    assert expected_of(path), "a bad file says what is wrong with it"


@pytest.mark.parametrize("path", BAD, ids=name)
def test_a_bad_file_is_refused_unless_there_are_warnings_only(path):
    examination = examine_file(path)

    if examination.problems == examination.warnings:
        assert load_policy(path) == examination.policy
    else:
        with pytest.raises(PolicyInvalid) as caught:
            load_policy(path)
        assert caught.value.problems == examination.problems


@pytest.mark.parametrize("path", BAD, ids=name)
def test_every_fault_fits_on_one_line_that_any_terminal_can_show(path):
    for problem in examine_file(path).problems:
        assert str(problem).startswith(f"{path}:{problem.line}:{problem.column}: ")
        assert str(problem).isprintable()
        assert (problem.hint or "").isprintable()
        assert len(problem.message) < 200


@pytest.mark.parametrize("path", GOOD, ids=name)
def test_a_good_file_is_accepted_without_a_word(path):
    examination = examine_file(path)

    assert load_policy(path) == examination.policy
    assert found_in(examination.problems) == expected_of(path) == []


def test_the_corpus_is_large_enough_to_mean_something():
    assert len(BAD) >= 180
    assert len(GOOD) >= 14


def test_the_whole_layout_has_the_right_shape_and_asks_for_what_is_not_supported_yet():
    examination = examine_file(LAYOUT)

    assert examination.policy is not None
    errors = {each.code for each in examination.problems if each.severity == "error"}
    assert errors <= {"not-yet-supported"}
    with pytest.raises(PolicyInvalid):
        examination.accepted()


def test_the_whole_layout_names_most_of_what_is_not_supported_yet():
    messages = " ".join(each.message for each in examine_file(LAYOUT).problems)
    named = {row.key for row in UNSUPPORTED if f"`{row.key}`" in messages}

    # The layout has these keys too, but as it has them they ask for nothing.
    others = {
        "hooks.after_restore",
        "consistency.group",
        "protection.immutability.primary.mode",
        "protection.network_access",
    }
    assert named == {row.key for row in UNSUPPORTED} - others


@pytest.mark.parametrize("path", [*BAD, *GOOD, LAYOUT], ids=name)
def test_the_quick_parser_and_the_plain_one_see_the_same_places(path):
    text = path.read_bytes().decode("utf-8-sig", "replace")
    quick = read_document(text, file="p", loader=QUICK)
    plain = read_document(text, file="p", loader=yaml.SafeLoader)

    assert plain.complete == quick.complete
    assert [each.code for each in plain.problems] == [each.code for each in quick.problems]
    # Of a syntax error the two may blame neighbouring characters, and each in its own words.
    assert [each.line for each in plain.problems] == [each.line for each in quick.problems]
    assert plain.document == quick.document
