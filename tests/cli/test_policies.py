"""Which policy is meant, and what an invalid one says."""

import pytest

GOOD = """\
version: 1
name: erp
azure: {subscriptions: ["11111111-2222-3333-4444-555555555555"]}
locations: {primary: {resource_group: rg-eus}}
rules:
  - name: all
    select: {include: [{names: ["*"]}]}
"""
BAD = GOOD.replace("version: 1", "version: 1\nnmae: x").replace("primary:", "primry:")


@pytest.fixture
def policies(tmp_path, cli):
    """A good policy in each usual place, and a bad one to be named."""
    for name in ("first", "second", "third"):
        (tmp_path / f"{name}.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


def test_the_first_usual_place_that_exists_wins(cli, policies):
    usual = (policies / "missing.yaml", policies / "first.yaml", policies / "second.yaml")

    assert "first.yaml: valid" in cli("validate", usual_policies=usual).out


def test_a_variable_wins_over_the_usual_places(cli, policies):
    told = cli(
        "validate",
        environment={"DISKGUARD_POLICY": str(policies / "third.yaml")},
        usual_policies=(policies / "first.yaml",),
    )

    assert "third.yaml: valid" in told.out


def test_no_policy_at_all_is_a_usage_error_that_says_where_it_may_be(cli, tmp_path):
    told = cli("validate")

    assert told.status == 2
    assert "no policy was found" in told.err
    assert f"DISKGUARD_POLICY, or write {tmp_path / 'diskguard.yaml'}" in told.err


@pytest.mark.parametrize("command", ["plan", "backup", "copy", "list"])
def test_a_policy_that_is_not_there_is_a_usage_error(cli, command):
    told = cli(command, "nowhere.yaml")

    assert (told.status, told.out) == (2, "")
    assert "there is no policy file nowhere.yaml" in told.err


def test_two_policies_are_one_too_many(cli, policies):
    told = cli("plan", policies / "first.yaml", "--policy", policies / "second.yaml")

    assert told.status == 2
    assert "two policies are named" in told.err


def test_the_same_policy_may_be_named_twice(cli, policies):
    told = cli("plan", policies / "bad.yaml", "--policy", policies / "bad.yaml")

    assert told.status == 4


@pytest.mark.parametrize("command", ["plan", "backup", "copy", "list"])
def test_an_invalid_policy_ends_every_command_with_4_and_each_place(cli, policies, command):
    told = cli(command, policies / "bad.yaml")

    told_places = [line.split(": ")[0] for line in told.err.splitlines()]
    assert told.status == 4
    assert told_places[:2] == [f"{policies / 'bad.yaml'}:2:1", "  hint"]
    assert f"{policies / 'bad.yaml'}:5:13" in told_places
    assert "diskguard: error[policy-invalid]: " in told.err


def test_validate_prints_problems_as_file_line_column_on_stdout(cli, policies):
    told = cli("validate", policies / "first.yaml", policies / "bad.yaml")

    assert (told.status, told.err) == (4, "")
    assert f"{policies / 'bad.yaml'}:2:1: " in told.out
    assert "  hint: " in told.out
    assert f"{policies / 'first.yaml'}: valid\n" in told.out
    assert f"{policies / 'bad.yaml'}: invalid (" in told.out


def test_quiet_validate_says_nothing_of_good_files_and_all_of_bad_ones(cli, policies):
    good = cli("validate", "-q", policies / "first.yaml")
    bad = cli("validate", "-q", policies / "bad.yaml")

    assert (good.status, good.out, good.err) == (0, "", "")
    assert bad.status == 4
    assert "bad.yaml:2:1: " in bad.out


def test_warnings_are_said_and_only_strict_ones_count(cli, policies):
    path = policies / "warned.yaml"
    path.write_text(GOOD + "restore: {wait_for: none}\n")

    lenient, strict = cli("validate", path), cli("validate", "--strict", path)

    assert (lenient.status, strict.status) == (0, 4)
    assert "warned.yaml:8:1: warning: " in lenient.out
    assert "warned.yaml: valid (1 warning)" in lenient.out
    assert "warned.yaml: invalid (1 error)" in strict.out


def test_a_hostile_file_name_is_shown_harmlessly(cli, tmp_path):
    path = tmp_path / "a\x1b[2Jb.yaml"
    path.write_text(BAD)

    told = cli("validate", path)

    assert "\x1b" not in told.out
