"""`schema` prints what the models say."""

import json

from diskguard.policy.schema import policy_schema, render_schema


def test_it_prints_the_schema_that_the_models_give(cli):
    told = cli("schema")

    assert (told.status, told.err) == (0, "")
    assert told.out == render_schema()
    assert json.loads(told.out) == policy_schema()
    assert cli("schema", "-o", "json").out == told.out


def test_quiet_or_not_it_is_printed(cli):
    assert cli("schema", "-q").out == render_schema()


def test_it_takes_no_argument(cli):
    assert cli("schema", "policy.yaml").status == 2
