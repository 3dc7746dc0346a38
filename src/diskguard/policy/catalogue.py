"""What each problem's id means, in one sentence: for code scanning and for the manual."""

from typing import Final

from diskguard.policy.lint_table import LINTS

FAULTS: Final[dict[str, str]] = {
    "ambiguous-scalar": "YAML 1.1 and 1.2 read this differently; quotes make it text.",
    "bad-cron": "This is not a cron expression of five fields that ever comes true.",
    "bad-duration": "A duration is a whole number and its unit, as in 90m or 24h.",
    "bad-group": "This cannot be the name of a resource group.",
    "bad-immutability": "`days` belongs to the modes `unlocked` and `locked`, and only to them.",
    "bad-mount": "A mount is an absolute path.",
    "bad-name": "A name has letters, digits, `.`, `_` and `-`, at most 63, and no sign first.",
    "bad-region": "This cannot be the name of a region.",
    "bad-resource-id": "A whole resource id of the right type is due here.",
    "bad-schedule": "A schedule has either `cron`, or `every` with an optional `at`.",
    "bad-subscription": "A subscription is named by its id.",
    "bad-tag": "This cannot be the name of a tag in Azure.",
    "bad-time": "A time of day is written as in 01:30, in quotes.",
    "bad-timezone": "A time zone is a name of the tz database.",
    "control-character": "The file holds a character that cannot be seen.",
    "custom-tag": "The file holds a YAML tag; nothing but plain data is read.",
    "duplicate-key": "A key is given twice.",
    "duplicate-name": "Two entries of a list have one name.",
    "duplicate-tag": "Two tag names differ in case only; to Azure they are one.",
    "duplicate-value": "A value is in a list twice.",
    "empty-list": "A list is empty that needs an entry.",
    "empty-policy": "There is no policy in the file.",
    "empty-selector": "A selector without a key would fit everything.",
    "empty-text": "A text is empty.",
    "empty-value": "A key is given without a value.",
    "impossible-selector": "A selector asks for VMs, and for disks without a VM, at once.",
    "key-not-text": "A key is not text.",
    "merge-key": "YAML's merge keys are not read.",
    "missing-key": "A key that has no default is missing.",
    "no-dr-location": "Something needs the location dr, which the policy does not have.",
    "not-utf-8": "The file is not UTF-8.",
    "not-yet-supported": "This version does not do what the key asks for.",
    "out-of-range": "A number or a duration is too small or too large.",
    "recursive-alias": "A YAML alias contains itself.",
    "reserved-tag": "Tags of this name belong to diskguard or to Azure.",
    "several-documents": "The file holds more than one YAML document.",
    "syntax": "This is not YAML.",
    "too-deep": "The file is nested deeper than any policy.",
    "too-large": "The file is larger than any policy.",
    "too-long": "A text is too long.",
    "too-many-nodes": "The file has more values than any policy, counting what aliases repeat.",
    "too-many-tags": "There are more tags than Azure leaves room for.",
    "unknown-alias": "A YAML alias names no anchor.",
    "unknown-key": "The layout has no such key here.",
    "unknown-rule": "No rule has that name.",
    "unknown-subscription": "An id lies in a subscription that the policy does not name.",
    "unknown-value": "Only certain words are known here, and this is none of them.",
    "unknown-version": "The layout has no such version.",
    "unreadable": "The file cannot be read.",
    "wrong-type": "A value is of another type than is due here.",
}
_LINTS: Final = {lint.code: lint for lint in LINTS}


def sentence_of(code: str) -> str | None:
    """Give what a problem of that id means, None for one that is not known here."""
    lint = _LINTS.get(code)
    return FAULTS.get(code) if lint is None else lint.sentence


def remedy_of(code: str) -> str | None:
    """Give what to do about any problem of that id, where that can be said without its place."""
    lint = _LINTS.get(code)
    return None if lint is None else lint.remedy


def render_faults() -> str:
    """Give the manual's page of the faults; lints have a page of their own."""
    rows = "".join(f"| `{code}` | {sentence} |\n" for code, sentence in sorted(FAULTS.items()))
    return f"{_HEAD}{rows}"


_HEAD: Final = """# Faults of a policy

<!-- Generated from src/diskguard/policy by `make docs`; a test keeps it current. -->

What `diskguard validate` calls invalid, by the id that stands behind each problem and in every machine-readable
form. `not-yet-supported` may be a warning too. What is well formed but hardly meant is a [lint](lints.md).

| id | meaning |
|---|---|
"""
