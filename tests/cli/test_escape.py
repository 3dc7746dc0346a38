"""Text of strangers is made harmless."""

import unicodedata

import pytest
from hypothesis import given, strategies as st

from diskguard.cli.render.escape import clean, harmless, scrub

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwcyJ9.c2lnbmF0dXJl"
SIGNED = "https://management.azure.com/subscriptions/1/operations/2?p=1&t=638&c=MIIH&s=abc&h=def"


@given(st.text(st.characters(codec="utf-16", exclude_categories=())))
def test_nothing_that_controls_a_terminal_stays(text):
    kept = clean(text)

    assert {unicodedata.category(char) for char in kept} & {"Cc", "Cf", "Cs", "Zl", "Zp"} == set()


@given(st.text())
def test_what_is_clean_stays_as_it_is(text):
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\tb\nc", "a b c"),
        ("safe\u202egnp.exe", "safegnp.exe"),
        ("zero\u200bwidth", "zerowidth"),
        ("\x9b2J", "2J"),
        ("Müller 日本", "Müller 日本"),
    ],
)
def test_control_and_direction_characters_go_and_letters_stay(hostile, shown):
    assert clean(hostile) == shown


@pytest.mark.parametrize(
    "text",
    [
        f"polling {SIGNED} failed",
        f"Authorization: Bearer {JWT}",
        f"token {JWT} refused",
        f'{{"access_token": "{JWT}", "expires_in": 1}}',
        "client_secret=hunter2hunter2 was wrong",
        "AccessSAS: 'https://md-x.blob.core.windows.net/a/abcd?sv=1&sig=abc%3D'",
    ],
)
def test_tokens_secrets_and_signatures_go(text):
    kept = scrub(text)

    assert "[hidden]" in kept
    assert not any(secret in kept for secret in ("s=abc", "sig=", JWT, "hunter2", "MIIH"))


def test_scrubbing_leaves_ordinary_words_alone():
    text = "the signature of VM sig01 is fine: https://management.azure.com/subscriptions/1"

    assert scrub(text) == text


def test_a_document_is_made_harmless_all_through():
    document = {"na\x1bme": ["a\x00b", {"url": SIGNED}, 1, None, True, (2.5,)]}

    assert harmless(document) == {
        "name": [
            "ab",
            {"url": f"{SIGNED.partition('?')[0]}?[hidden]"},
            1,
            None,
            True,
            [2.5],
        ]
    }
