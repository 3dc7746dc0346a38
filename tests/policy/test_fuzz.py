"""Whatever is done to a policy's text, the answer is a policy or PolicyInvalid with places."""

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


@settings(max_examples=100, derandomize=True, deadline=2000)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_policy_or_say_what_is_wrong(raw):
    with pytest.raises(PolicyInvalid) as caught:
        parse_policy(raw, file="p.yaml")

    assert caught.value.problems


@pytest.mark.long
@settings(max_examples=10_000, deadline=2000)
@given(st.one_of(mangled_texts(), mangled_values()))
def test_ten_thousand_mangled_policies_say_what_is_wrong(text):
    judge(text)
