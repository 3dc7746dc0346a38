"""The status page, as text: what it says, to whom, and what it never contains."""

import re
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from tests.plan.builders import NOON, a_disk, a_policy, a_vm, an_estate
from tests.support.histories import (
    HOSTILE,
    THINNING,
    Past,
    a_hostile_timeline,
    a_promise,
    a_timeline,
    a_troubled_estate,
    an_estate_with,
    hours,
)

from diskguard.cli.render.html_page import MOST_DRAWN, About, status_html
from diskguard.cli.render.html_parts import GRADE_SIGNS, STANDING_SIGNS
from diskguard.cli.render.html_sections import MOST_CHARTED
from diskguard.model.restore_point import Grade, Location

SOON = NOON + timedelta(minutes=20)
ABOUT = About(policy="erp-prod", version="1.2.3", generated_at=SOON)
ALLOWED_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section"),
    *("article", "h1", "h2", "h3", "p", "ul", "li", "b", "small", "span", "div", "time"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("svg", "defs", "g", "path", "pattern", "rect", "line", "circle", "use", "text"),
}


class Parsed(HTMLParser):
    """The page as a parser sees it; raises where elements are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1:] != ["style"]:
            self.words += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def the_page(estate=None, policy=None, about=ABOUT, **say):
    timeline = a_timeline(
        policy or a_promise(THINNING), estate or a_troubled_estate(), now=SOON, **say
    )
    return status_html(timeline, about)


def words_of(page):
    return re.sub(r"\s+", " ", Parsed(page).words)


@pytest.fixture(scope="module")
def page():
    return the_page()


def test_the_first_words_say_who_is_in_trouble(page):
    said = words_of(page)

    assert "<title>3 of 8 VMs late - erp-prod</title>" in page
    assert said.index("3 of 8 VMs late") < said.index("web-new, erp-db01, erp-db02")
    assert "3 late1 at risk4 in time" in said


def test_it_says_why(page):
    said = words_of(page)

    assert "No restorable point in its own region." in said
    assert "in the other region is 30 h 20 min old; its RPO is 6 h, 24 h 20 min over." in said
    assert (
        "primary and dr: the newest point is crash, not filesystem: the guest has no systemd."
        in said
    )


def test_it_says_when_and_by_what_it_was_made_and_for_which_policy(page):
    assert "diskguard 1.2.3, policy erp-prod, generated 2026-11-22 12:20:00Z." in words_of(page)


def test_copies_standstills_quota_and_figures_are_on_it(page):
    said = words_of(page)

    assert "Under way: 1, the oldest first." in said
    assert "37 %" in said
    assert "by progress" in said
    assert "How long guests stood still" in said
    assert "Snapshots per disk" in said
    assert "past gap of 22 h until 11-21 00:00Z" in said


def test_when_all_is_well_it_says_so_and_lists_no_trouble():
    said = words_of(
        the_page(
            an_estate_with([(a_vm("db01"), Past(hours=hours(0, 9), copied=frozenset({0})))]),
            a_policy(),
        )
    )

    assert "at risk" not in said.replace("0 at risk", "")
    assert "What needs a look" not in said


def test_one_vm_is_named_in_the_singular_and_a_disk_is_a_disk():
    alone = Past(hours=hours(0, 9), copied=frozenset({0}))
    vm = words_of(the_page(an_estate_with([(a_vm("db01"), alone)])))
    loose = an_estate(disks=(a_disk("archive", state="Unattached"),))
    several = an_estate(disks=(*loose.disks, a_disk("archive2", state="Unattached")))

    assert "All in time: 1 VM" in vm
    assert "1 of 1 disk late" in words_of(the_page(loose))
    assert "2 of 2 disks late" in words_of(the_page(several))
    assert "2 of 2 VMs and disks late" in words_of(
        the_page(
            replace(an_estate(a_vm("db01")), disks=(*an_estate(a_vm("db01")).disks, *loose.disks))
        )
    )


def test_what_could_not_be_seen_is_never_green():
    fine = an_estate_with([(a_vm("db01"), Past(hours=(0,), copied=frozenset({0})))])
    unseen = replace(ABOUT, unseen=("subscription x: forbidden",))
    seen = the_page(fine, about=unseen)

    assert '<header class="risk">' in seen
    assert "What was seen is in time: 1 VM" in seen
    assert "Not seen: subscription x: forbidden" in seen
    assert '<header class="fine">' in the_page(fine)


def test_an_empty_policy_is_no_good_news():
    nothing = the_page(an_estate())
    blind = the_page(an_estate(), about=replace(ABOUT, unseen=("all",)))

    assert "This policy takes nothing" in nothing
    assert "rule all takes 0, fewer than the 1 it expects" in nothing
    assert "Nothing of this policy was seen" in blind


def test_a_first_copy_of_which_nothing_is_known_yet_is_said_to_be_one():
    nothing = Past(hours=(0,), copying=frozenset({0}), percent=0.0)
    said = words_of(the_page(an_estate_with([(a_vm("new"), nothing)])))

    assert "1 of 1 VM at risk" in said
    assert "No restorable point in the other region yet: the first copy is under way." in said
    assert "nothing to go by yet" in said
    assert "Finished" not in said


def test_copies_that_all_ended_leave_none_under_way():
    done = Past(hours=(0, 2), copied=frozenset({0, 2}))
    said = words_of(the_page(an_estate_with([(a_vm("db01"), done)])))

    assert "None is under way." in said
    assert "Finished: at most so long." in said


# -- hostile text --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_names_tags_and_reasons_cannot_become_markup(name):
    about = About(policy=name, version=name, generated_at=SOON, unseen=(name,))
    parsed = Parsed(status_html(a_hostile_timeline(name), about))

    assert {tag for tag, _ in parsed.elements} <= ALLOWED_TAGS
    assert not [key for _, said in parsed.elements for key in said if key.startswith("on")]
    assert {str(said["href"])[:1] for _, said in parsed.elements if said.get("href")} == {"#"}
    assert not re.search(r"[\x00-\x08\x1b\u202e]", parsed.words)


# -- nothing from outside ------------------------------------------------------------------------------


def test_nothing_is_loaded_and_nothing_runs(page):
    parsed = Parsed(page)

    assert {tag for tag, _ in parsed.elements} <= ALLOWED_TAGS
    assert not re.search(r"https?:|//|@import|url\((?!#)", page)
    assert not [said for _, said in parsed.elements if {"src", "style", "action"} & said.keys()]


def test_the_policy_of_the_page_allows_its_own_style_alone(page):
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    (allowed,) = [
        each["content"]
        for each in Parsed(page).all("meta")
        if each.get("http-equiv") == "Content-Security-Policy"
    ]

    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert allowed == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


# -- for everybody ---------------------------------------------------------------------------------------


def test_every_sign_has_a_shape_of_its_own_so_that_nobody_needs_its_colour(page):
    assert len({*GRADE_SIGNS.values()}) == len(Grade)
    assert len({*STANDING_SIGNS.values()}) == len(STANDING_SIGNS)
    defined = {each["id"] for _, each in Parsed(page).elements if each.get("id")}
    used = {str(each["href"])[1:] for each in Parsed(page).all("use")}
    assert used <= defined


def test_every_picture_is_named_or_hidden(page):
    assert page.count('role="img"') == len(re.findall(r'<svg[^>]*role="img"[^>]*><title>', page))
    bare = re.findall(r"<svg(?![^>]*(?:role|aria-hidden))[^>]*>", page)
    assert len(bare) == page.split('class="legend"')[1].split("</ul>")[0].count("<svg")


def test_every_lane_is_also_a_row_of_figures(page):
    figures = page.split('id="figures"')[1]

    assert figures.count('<tr><th scope="row">') == 2 * 8
    assert page.count('role="img" class="picture"') == 2 * 8


# -- many --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many():
    past = Past(hours=hours(0, 40, 2), copied=frozenset(hours(0, 40, 6)))
    late = Past(hours=hours(9, 20))
    pasts = [(a_vm(f"vm{number:04}", data_disks=0), past) for number in range(340)]
    return the_page(an_estate_with([*pasts, (a_vm("zz-late"), late)]), most=MOST_DRAWN)


def test_hundreds_of_vms_make_a_page_of_a_few_megabytes(many):
    assert len(many) < 4_000_000


def test_what_is_left_out_is_said_and_trouble_never_is(many):
    said = words_of(many)

    assert many.count("<article") == MOST_DRAWN
    assert f"Left out: {341 - MOST_DRAWN} more lines, of those that stand best." in said
    assert f"Left out: {341 - MOST_CHARTED} more" in said
    assert many.index("zz-late") < many.index("vm0000")
    assert "vm0339" in many.split('id="figures"')[1]


def test_among_many_only_the_newest_and_the_troubled_say_what_they_are(many, page):
    told = len(re.findall(r"<use[^>]*><title>", many))

    assert told < many.count("<use ") / 5
    assert len(re.findall(r'<use[^>]*y="13"/>', page)) == 0


def test_a_lane_without_anything_in_it_is_still_there():
    page = the_page(an_estate(a_vm("new")))

    assert Location.PRIMARY.value in words_of(page)
    assert "never of 2 h" in words_of(page)
