"""Texts of policies for whole runs; braces are doubled, because the subscription is put in later."""

HEAD = """
version: 1
name: test-policy
azure: {{subscriptions: ["{subscription}"]}}
"""
ONE_REGION = HEAD + "locations: {{primary: {{resource_group: rg-diskguard-eus}}}}\n"
TWO_REGIONS = (
    HEAD
    + """locations:
  primary: {{resource_group: rg-diskguard-eus}}
  dr: {{region: paired, resource_group: rg-diskguard-wus}}
"""
)
CRASH = "consistency: {{linux: crash}}\n"
EVERY_VM = 'rules: [{{name: all, select: {{include: [{{names: ["*"]}}]}}}}]\n'
DB01_FROZEN_FILES01_STOPPED = """rules:
  - name: frozen
    select: {{include: [{{names: ["db01"]}}]}}
  - name: stopped
    select: {{include: [{{names: ["files01"]}}]}}
    consistency: {{linux: offline}}
"""
