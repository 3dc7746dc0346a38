"""Whatever is done to a policy's text, the answer is a policy or PolicyInvalid with places."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings, strategies as st
from tests.policy.corpus import GOOD, LAYOUT

from diskguard.errors import PolicyInvalid
from diskguard.policy.load import parse_policy

TEXTS = [path.read_text(encoding="utf-8") for path in (LAYOUT, *GOOD)]
TOKENS = [
    *(
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "!!str ",
        "!x ",
        "? ",
        ": ",
        "- ",
        "<<: *a",
        "---\n",
        "...\n",
    ),
    *(
        "|\n",
        ">-\n",
        "\t",
        "'",
        '"',
        "\\",
        "#",
        "%",
        "@",
        "`",
        "\n",
        "\r",
        "\x00",
        "\x85",
        "\ufeff",
    ),
    *(
        "on",
        "010",
        "22:30",
        "1e3",
        "2026-01-01",
        "~",
        ".nan",
        "0x1F",
        "null",
        "true",
        "99999999999999",
    ),
    *("é", "\U0001f4be", "\ud800", "é" * 300, "[" * 50, " " * 50),
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.dates(),
    st.sampled_from(
        ["*", "10s", "0s", "dr", "primary", "auto", "../x", "a" * 100, "", "-", "9" * 30]
    ),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3)
)


@st.composite
def mangled_texts(draw):
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        text = text[:start] + draw(st.sampled_from([*TOKENS, "", text[start:end] * 2])) + text[end:]
    return text


@st.composite
def mangled_values(draw):
    data = yaml.safe_load(draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(1, 4))):
        here = data
        while isinstance(here, dict | list) and here:
            key = draw(st.sampled_from(list(here) if isinstance(here, dict) else range(len(here))))
            if not isinstance(here[key], dict | list) or not here[key] or draw(st.booleans()):
                here[key] = draw(VALUES)
                break
            here = here[key]
    return yaml.safe_dump(data, allow_unicode=True)


@st.composite
def shuffled_policies(draw):
    """Give policies whose parts are of the right kind, and in the wrong place."""
    data = yaml.safe_load(draw(st.sampled_from(TEXTS)))
    changes = draw(st.permutations([swap, copy_over, remove, nest, inflate]))
    for change in changes[: draw(st.integers(1, 5))]:  # each once, or it grows without end
        holders = list(containers_of(data))
        one, other = draw(st.sampled_from(holders)), draw(st.sampled_from(holders))
        if one and other:
            key, place = draw(st.sampled_from(keys_of(one))), draw(st.sampled_from(keys_of(other)))
            change(one, key, copy.deepcopy(other[place]))
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False)


def containers_of(value):
    if isinstance(value, dict | list):
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from containers_of(each)


def keys_of(container):
    return list(container) if isinstance(container, dict) else range(len(container))


def swap(container, key, other):
    container[key] = other


def copy_over(container, key, other):
    if isinstance(container, list):
        container.extend([other, container[key]])
    else:
        container[f"{key}"] = [container[key], other]


def remove(container, key, other):
    del container[key]


def nest(container, key, other):
    for _ in range(40):
        other = {f"{key}": other} if isinstance(container, dict) else [other]
    container[key] = other


def inflate(container, key, other):
    value = container[key]
    if isinstance(value, int):
        container[key] = value * 10**12 + 7
    elif isinstance(value, str):
        container[key] = value * 500
    elif isinstance(value, list):
        container[key] = value * 60


ANY_MUTATION = st.one_of(mangled_texts(), mangled_values(), shuffled_policies())


def problems_of(text):
    try:
        parse_policy(text, file="p.yaml")
    except PolicyInvalid as invalid:
        return invalid.problems
    return None


def judge(text):
    problems = problems_of(text)
    lines = max(1, len(text.splitlines()))

    assert problems is None or any(each.severity == "error" for each in problems)
    for problem in problems or ():
        assert 1 <= problem.line <= lines
        assert problem.column >= 1
        assert str(problem).isprintable()
        assert (problem.hint or "").isprintable()


@settings(max_examples=300, derandomize=True, deadline=2000)
@given(mangled_texts())
def test_a_mangled_text_is_a_policy_or_says_what_is_wrong(text):
    judge(text)


@settings(max_examples=300, derandomize=True, deadline=2000)
@given(mangled_values())
def test_a_policy_of_mangled_values_is_a_policy_or_says_what_is_wrong(text):
    judge(text)


@settings(max_examples=300, derandomize=True, deadline=2000)
@given(shuffled_policies())
def test_a_policy_whose_parts_are_shuffled_is_a_policy_or_says_what_is_wrong(text):
    judge(text)


@settings(max_examples=100, derandomize=True, deadline=2000)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_policy_or_say_what_is_wrong(raw):
    with pytest.raises(PolicyInvalid) as caught:
        parse_policy(raw, file="p.yaml")

    assert caught.value.problems


def test_no_mutated_policy_takes_two_seconds_or_three_hundred_megabytes():
    """A process of its own: what this one has taken already says nothing of a policy."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.policy.fuzz", "300"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("300 policies, none above ")
