"""What this version does not do is an error or a warning that names it, wherever it is asked."""

import pytest
from tests.policy.builders import SUBSCRIPTION, policy_text

from diskguard.policy.load import examine_policy
from diskguard.policy.model import OVERRIDABLE
from diskguard.policy.support import UNSUPPORTED

SUBNET = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/"
    "Microsoft.Network/virtualNetworks/v/subnets/s"
)
HOOK = "[{name: sync, run: [sync]}]"
# For every row of the table: a section that asks for it, and one with the same key that does not.
ASKING = {
    "hooks.application": ("hooks: {application: [redis]}", "hooks: {application: []}"),
    "hooks.before_freeze": (f"hooks: {{before_freeze: {HOOK}}}", "hooks: {before_freeze: []}"),
    "hooks.after_thaw": (f"hooks: {{after_thaw: {HOOK}}}", "hooks: {after_thaw: []}"),
    "hooks.after_restore": (f"hooks: {{after_restore: {HOOK}}}", "hooks: {after_restore: []}"),
    "consistency.windows": ("consistency: {windows: vss}", "consistency: {windows: crash}"),
    "consistency.group": ("consistency: {group: erp}", "consistency: {group: null}"),
    "limits.cluster": ("limits: {cluster: {by: zone}}", "limits: {cluster: null}"),
    "protection.network_access": (
        "protection: {network_access: private}",
        "protection: {network_access: allow}",
    ),
    "restore": ("restore: {wait_for: none}", "restore: {}"),
    "drill": (f"drill: {{resource_group: rg, subnet: '{SUBNET}'}}", ""),
}


def examined(section, *, in_rule=False):
    if in_rule:
        rules = (
            f'rules:\n  - name: all\n    select: {{include: [{{names: ["*"]}}]}}\n    {section}\n'
        )
        return examine_policy(policy_text(rules=rules, dr=True), file="p")
    return examine_policy(policy_text(section + "\n", dr=True), file="p")


@pytest.mark.parametrize("row", UNSUPPORTED, ids=lambda row: row.key)
def test_what_is_not_supported_is_named_with_the_reason(row):
    asking, _ = ASKING[row.key]

    examination = examined(asking)

    (problem,) = examination.problems
    assert examination.policy is not None
    assert (problem.line, problem.code, problem.severity) == (8, "not-yet-supported", row.severity)
    assert f"`{row.key}`" in problem.message
    assert row.reason in problem.message


@pytest.mark.parametrize("row", UNSUPPORTED, ids=lambda row: row.key)
def test_what_is_written_but_asks_for_nothing_is_no_problem(row):
    _, modest = ASKING[row.key]

    assert examined(modest).problems == ()


@pytest.mark.parametrize(
    "row",
    [row for row in UNSUPPORTED if row.pattern[0] in OVERRIDABLE],
    ids=lambda row: row.key,
)
def test_a_rule_that_asks_for_it_is_answered_alike(row):
    asking, _ = ASKING[row.key]

    (problem,) = examined(asking, in_rule=True).problems

    assert (problem.line, problem.severity) == (11, row.severity)


def test_every_row_of_the_table_has_its_example():
    assert set(ASKING) == {row.key for row in UNSUPPORTED}


def test_a_policy_without_a_word_about_windows_is_accepted():
    examination = examine_policy(policy_text(), file="p")

    assert examination.accepted().consistency.windows == "vss"
    assert examination.problems == ()
