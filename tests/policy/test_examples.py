"""The examples are policies, without a single warning."""

from pathlib import Path

import pytest

from diskguard.policy.load import examine_file

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["smallest", "two-regions", "production"])
def test_an_example_is_accepted_without_a_word(name):
    examination = examine_file(EXAMPLES / f"{name}.yaml")

    assert examination.problems == ()
    assert examination.accepted().name


def test_the_smallest_example_says_only_what_has_no_default():
    policy = examine_file(EXAMPLES / "smallest.yaml").accepted()

    assert policy.model_fields_set == {"version", "name", "azure", "locations", "rules"}
