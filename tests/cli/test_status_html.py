"""`diskguard status --html FILE` against the emulated Azure."""

import json
from pathlib import Path

import pytest

from diskguard import __version__
from diskguard_emulator.faults import Fails, Fault


@pytest.fixture
def page(tmp_path):
    return tmp_path / "status.html"


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_the_page_shows_what_was_backed_up(cloud, write_policy, page):
    cloud("backup", write_policy(), "--no-copy")

    told = cloud("status", write_policy(), "--html", page)

    assert told.status == 9  # there are no copies in the other region
    assert f"the page is in {page}" in told.err
    assert "db01" in told.out
    assert "<title>2 of 2 VMs late - erp</title>" in text_of(page)
    assert f"diskguard {__version__}, policy erp, generated" in text_of(page)
    assert text_of(page).count('role="img" class="picture"') == 4


def test_the_page_and_the_document_agree_on_who_is_late(cloud, write_policy, page):
    told = cloud("status", write_policy(), "--html", page, "-o", "json")

    late = [item for item in json.loads(told.out)["items"] if item["late"]]
    assert len(late) == 4
    assert text_of(page).count("<b>never</b>") == 4


def test_when_all_is_well_cron_hears_nothing(cloud, write_policy, page):
    cloud("backup", write_policy())

    told = cloud("status", write_policy(), "-q", "--html", page)

    assert (told.status, told.out, told.err) == (0, "", "")
    assert "All in time: 2 VMs" in text_of(page)


def test_a_web_server_may_read_it_and_nothing_is_left_beside_it(cloud, write_policy, page):
    page.write_text("the old page", encoding="utf-8")

    cloud("status", write_policy(), "--html", page)

    assert page.stat().st_mode & 0o777 == 0o644
    assert text_of(page).startswith("<!doctype html>")
    assert [path.name for path in page.parent.iterdir() if "status" in path.name] == [page.name]


def test_a_page_that_cannot_be_written_is_an_error(cloud, write_policy, tmp_path):
    told = cloud("status", write_policy(), "--html", tmp_path / "nowhere" / "status.html")

    assert told.status == 1
    assert "error[output-lost]: cannot write" in told.err


def test_where_azure_cannot_be_read_the_old_page_stays(cloud, emulator, write_policy, page):
    page.write_text("the old page", encoding="utf-8")
    forbidden = Fails(status=403, code="AuthorizationFailed")
    emulator.strike(Fault(effect=forbidden, method="GET", path="/snapshots$", times=99))

    told = cloud("status", write_policy(), "--html", page)

    assert told.status == 7
    assert text_of(page) == "the old page"


@pytest.mark.parametrize("other", [["--check"], ["--region-lost", "eastus"]])
def test_it_goes_with_nothing_that_is_no_status(cloud, emulator, write_policy, page, other):
    told = cloud("status", write_policy(), "--html", page, *other)

    assert told.status == 2
    assert "--html goes with neither --check nor --region-lost" in told.err
    assert emulator.requests() == []
