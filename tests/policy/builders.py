"""Policies with names, as text and as values."""

from diskguard.policy.load import parse_policy
from diskguard.policy.model import Policy

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
EVERYTHING = 'rules: [{name: all, select: {include: [{names: ["*"]}]}}]\n'


def policy_text(sections: str = "", *, rules: str = EVERYTHING, dr: bool = False) -> str:
    """Give the text of a policy with these sections, which start in line 7 (with DR in line 8)."""
    head = f"""version: 1
name: erp
azure:
  subscriptions: ["{SUBSCRIPTION}"]
locations:
  primary: {{resource_group: rg-snapshots}}
"""
    return head + ("  dr: {resource_group: rg-copies}\n" if dr else "") + sections + rules


def a_policy(sections: str = "", *, rules: str = EVERYTHING, dr: bool = False) -> Policy:
    """Give the policy of such a text."""
    return parse_policy(policy_text(sections, rules=rules, dr=dr), file="policy.yaml")
