"""The status page in a real browser: it draws, it asks for nothing, and it complains of nothing."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.plan.builders import NOON
from tests.support.browser import PROGRAM, WHY_NOT, Browser, browsing
from tests.support.histories import (
    HOSTILE,
    THINNING,
    a_hostile_timeline,
    a_promise,
    a_timeline,
    a_troubled_estate,
)

from diskguard.cli.render.html_page import About, status_html

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(PROGRAM is None, reason=WHY_NOT),
    pytest.mark.xdist_group("browser"),
]

UNSEEN = """
[...document.querySelectorAll('.picture, .picture use, .picture rect, .bar, .bar rect, .bar circle,'
    + ' .legend use, .legend rect, header .sign, table')]
  .filter(each => { const box = each.getBoundingClientRect(); return !(box.width > 0 && box.height > 0) })
  .map(each => each.outerHTML.slice(0, 200))
"""
DRAWN = "document.querySelectorAll('.picture use').length"
FILL = "getComputedStyle(document.querySelector('{}')).{}"


def color_of(browser: Browser, selector: str, kind: str = "fill") -> str:
    found = browser.ask(FILL.format(selector, kind))
    assert isinstance(found, str)
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    now = NOON + timedelta(minutes=23)
    timeline = a_timeline(a_promise(THINNING), a_troubled_estate(), now=now)
    path = tmp_path_factory.mktemp("page") / "status.html"
    about = About(policy="erp-prod", version="1.2.3", generated_at=now)
    path.write_text(status_html(timeline, about), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as browser:
        browser.prefer("light")
        browser.open(page)
        yield browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_that_is_drawn_can_be_seen(browser, scheme):
    browser.prefer(scheme)

    assert browser.ask(UNSEEN) == []
    assert browser.ask(DRAWN) > 400
    assert browser.picture().startswith(b"\x89PNG")


def test_dark_and_light_have_colours_of_their_own(browser):
    shown = {}
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        shown[scheme] = (
            color_of(browser, "body", "backgroundColor"),
            color_of(browser, "h1", "color"),
            color_of(browser, "#filesystem"),
        )

    assert shown["light"][0] == "rgb(255, 255, 255)"
    assert all(light != dark for light, dark in zip(*shown.values(), strict=True))


def test_what_is_late_lies_above_what_is_not_and_in_the_first_screen(browser):
    browser.prefer("light")
    first = browser.ask("document.querySelector('.track h3').textContent")
    verdict = browser.ask("document.querySelector('h1').getBoundingClientRect().bottom")
    names = browser.ask("document.querySelector('.who').textContent")

    assert first.startswith("web-new")
    assert verdict < 200
    assert names == "web-new, erp-db01, erp-db02"


def test_a_gap_that_is_open_is_filled_and_reaches_now(browser):
    browser.prefer("light")
    edges = browser.ask(
        "[...document.querySelectorAll('.track .gap.open')].map(each => each.getBBox())"
        ".map(box => Math.round(box.x + box.width))"
    )

    assert set(edges) == {792}
    assert color_of(browser, ".track .gap.open") == "rgb(217, 32, 44)"


def test_it_prints_on_white_paper_in_any_scheme(browser):
    browser.prefer("dark", media="print")
    paper = color_of(browser, "body", "backgroundColor")
    browser.prefer("dark")

    assert paper == "rgb(255, 255, 255)"
    assert browser.print().startswith(b"%PDF-")


def test_a_narrow_screen_needs_no_sideways_scrolling(browser):
    browser.resize(420)
    wide = browser.ask("document.documentElement.scrollWidth")
    browser.resize(1280)

    assert wide <= 420


def test_it_complained_of_nothing_and_asked_for_itself_alone(browser, page):
    assert browser.complaints() == []
    assert set(browser.requested()) <= {page.as_uri(), "about:blank"}


def test_hostile_names_stay_text(browser, page):
    for number, name in enumerate(HOSTILE):
        about = About(policy=name, version=name, generated_at=NOON, unseen=(name,))
        hostile = page.with_name(f"hostile{number}.html")
        hostile.write_text(status_html(a_hostile_timeline(name), about), encoding="utf-8")
        browser.open(hostile)

        assert (
            browser.ask("document.querySelectorAll('script, img, [onload], [onerror]').length") == 0
        )
        assert browser.ask("document.querySelectorAll('style').length") == 1
        assert browser.complaints() == []


def test_a_page_that_breaks_its_own_policy_would_be_noticed(browser, page):
    foreign = page.with_name("foreign.html")
    text = page.read_text(encoding="utf-8").replace("<header", "<img src=x.png><header", 1)
    foreign.write_text(text, encoding="utf-8")
    before = len(browser.complaints())

    browser.open(foreign)

    (complaint,) = browser.complaints()[before:]
    assert "Content Security Policy" in complaint
