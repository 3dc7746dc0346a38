"""HTML is escaped by construction: text cannot become markup."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies as st

from diskguard.cli.render.html import Markup, glue, tag


class Read(HTMLParser):
    """What a parser makes of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def test_text_is_escaped_and_markup_is_not():
    told = tag("p", "<b>&", tag("i", "x"), None)

    assert told == "<p>&lt;b&gt;&amp;<i>x</i></p>"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a\"b'<", ' x="a&quot;b&#x27;&lt;"'),
        (1, ' x="1"'),
        (1.25, ' x="1.2"'),
        (True, " x"),
        (False, ""),
        (None, ""),
    ],
)
def test_attributes_are_quoted_or_left_out(value, written):
    assert tag("a", x=value) == f"<a{written}></a>"


def test_names_that_python_reserves_are_spelled_as_html_has_them():
    assert tag("g", class_="x", aria_label="y") == '<g class="x" aria-label="y"></g>'


def test_empty_elements_close_themselves_unless_something_is_in_them():
    assert tag("rect", x=1) == '<rect x="1"/>'
    assert tag("rect", tag("title", "t")) == "<rect><title>t</title></rect>"


def test_control_characters_and_secrets_never_reach_the_page():
    told = glue(["a\x1b[31m\u202eb", " password=hunter2"])

    assert told == "a[31mb password=[hidden]"


@given(text=st.text())
def test_no_text_makes_an_element_or_leaves_its_attribute(text):
    read = Read(tag("p", text, title=text, data_x=text))

    assert read.tags == ["p"]
    assert [name for name, _ in read.attributes] == ["title", "data-x"]


@given(text=st.text(st.characters(categories=("L", "N", "P", "S")), max_size=30))
def test_plain_text_comes_out_as_it_went_in(text):
    read = Read(tag("p", text))

    assert read.text == text


def test_markup_stays_markup_when_glued():
    assert isinstance(glue([Markup("<b>"), "<"]), Markup)
    assert glue([Markup("<b>"), "<", None]) == "<b>&lt;"
