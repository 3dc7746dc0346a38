"""Restore points as `list` and `show` print them."""

from datetime import timedelta
from typing import Any

import pytest
from tests.cli.builders import (
    DOWNGRADED,
    POINT,
    TAKEN,
    a_copying_part,
    a_member,
    a_part,
    a_point,
    a_seal,
    an_unsealed_point,
)

from diskguard.cli.render.point import point_page
from diskguard.cli.render.points import point_item, points_page
from diskguard.cli.render.text import plain_lines, tsv_lines
from diskguard.model.restore_point import Location, PointState

# The sample of the contract, section 4, key by key.
SAMPLE: dict[str, Any] = {
    "id": "db01-3f9a2c-20261122T120000Z",
    "policy": "erp-prod",
    "vm": {"id": "/subscriptions/…/virtualMachines/db01", "name": "db01", "region": "eastus"},
    "taken_at": "2026-11-22T12:00:41.083Z",
    "state": "complete",
    "consistency": {
        "requested": "filesystem",
        "achieved": "filesystem",
        "reason": None,
        "frozen_at": "2026-11-22T12:00:40.112Z",
        "thawed_at": "2026-11-22T12:00:44.604Z",
        "window_seconds": 4.492,
        "spread_seconds": 0.084,
        "clock_error_seconds": 0.02,
    },
    "disks": [
        {
            "name": "db01-os",
            "role": "os",
            "lun": None,
            "size_bytes": 137438953472,
            "snapshot": {
                "id": "…/snapshots/db01-3f9a2c-20261122T120000Z-os",
                "state": "complete",
                "percent": 100,
            },
            "copies": [
                {
                    "location": "dr",
                    "region": "westus",
                    "id": "…",
                    "state": "copying",
                    "percent": 37.0,
                }
            ],
        }
    ],
    "locations": {"primary": "complete", "dr": "copying"},
    "held": False,
    "immutable_until": None,
    "manifest": "complete",
}


def without_new_keys(value: Any, sample: Any) -> Any:
    """The value with only the keys that the sample has, all the way down."""
    if isinstance(sample, dict):
        return {key: without_new_keys(value[key], inner) for key, inner in sample.items()}
    if isinstance(sample, list):
        return [without_new_keys(each, sample[0]) for each in value]
    return value


def shown(point, now=TAKEN + timedelta(hours=3)):
    return "\n".join(plain_lines(point_page(point, now=now).blocks))


def test_a_point_is_written_as_the_contract_writes_it():
    written = without_new_keys(point_item(a_point()), SAMPLE)

    ids = (written["vm"]["id"], written["disks"][0]["snapshot"]["id"])
    assert written["disks"][0]["copies"][0]["id"].endswith("/snapshots/" + POINT + "-os")
    assert (ids[0].rsplit("/")[-1], ids[1].rsplit("/")[-1]) == ("db01", f"{POINT}-os")
    written["vm"]["id"] = SAMPLE["vm"]["id"]
    written["disks"][0]["snapshot"]["id"] = SAMPLE["disks"][0]["snapshot"]["id"]
    written["disks"][0]["copies"][0]["id"] = "…"
    assert written | {"manifest": "complete"} == SAMPLE


def test_a_vms_shape_that_nobody_kept_is_said_to_be_missing():
    assert point_item(a_point())["manifest"] == "missing"


def test_a_loose_disk_has_no_vm():
    item = point_item(a_point(vm=None, source_name="archive"))

    assert (item["vm"], item["source"]) == (None, "archive")


def test_an_unsealed_point_proves_nothing():
    item: Any = point_item(an_unsealed_point())

    assert item["consistency"] == {
        "requested": "filesystem",
        "achieved": None,
        "reason": None,
        "frozen_at": None,
        "thawed_at": None,
        "window_seconds": None,
        "spread_seconds": None,
        "clock_error_seconds": None,
    }
    assert item["taken_at"] is None


def test_a_point_whose_primary_is_gone_is_shown_by_its_copies():
    gone = a_part(Location.PRIMARY, PointState.MISSING, region=None, members=(), seal=None)
    item: Any = point_item(a_point(gone, a_part(Location.DR)))

    assert [disk["snapshot"] for disk in item["disks"]] == [None]
    assert item["disks"][0]["copies"][0]["state"] == "complete"
    assert item["locations"] == {"primary": "missing", "dr": "complete"}


def test_a_point_of_nothing_has_no_disks():
    empty = a_part(Location.PRIMARY, PointState.MISSING, region=None, members=(), seal=None)

    assert point_item(a_point(empty))["disks"] == []


def test_the_list_shows_how_far_copies_are():
    point = a_point(a_part(), a_copying_part(40.0, None))

    (row,) = points_page([point]).table.rows

    assert row[4:7] == ("filesystem", "complete", "copying 20 %")


def test_the_list_shows_a_downgrade():
    point = a_point(a_part(seal=a_seal(DOWNGRADED)))

    (row,) = points_page([point]).table.rows

    assert (row[4], row[6]) == ("crash (asked: filesystem)", None)


def test_the_list_shows_that_nothing_is_proven():
    (row,) = points_page([an_unsealed_point()]).table.rows

    assert (row[2], row[4]) == (None, "-")


def test_an_empty_list_says_so_and_has_no_items():
    page = points_page([], ["not ours: x"])

    assert [*plain_lines(page.blocks)] == ["No restore points.", "", "not ours: x"]
    assert (page.items, [*page.table.rows]) == ((), [])


def test_the_proof_is_spelled_out():
    two = a_part(Location.PRIMARY, PointState.COMPLETE, a_member(1), a_member(2))

    text = shown(a_point(two))

    assert "state    complete: restorable" in text
    assert "(3 h ago)" in text
    assert "asked    filesystem: as asked" in text
    assert "frozen   2026-11-22T12:00:40.112Z (after the last file system froze)" in text
    assert "window   4.492 s" in text
    assert "spread   84 ms between the first and the last disk" in text
    assert "clocks   agree to 20 ms" in text
    assert "by run 00112233aabbccdd, 2 disks" in text


def test_the_reason_of_a_downgrade_is_spelled_out():
    text = shown(a_point(a_part(seal=a_seal(DOWNGRADED))))

    assert "asked    filesystem: LESS THAN ASKED" in text
    assert "reason   the guest refused: no systemd" in text
    assert "frozen   not frozen" in text


def test_a_point_without_a_seal_says_that_nothing_is_proven():
    text = shown(an_unsealed_point())

    assert "nothing is proven: the point has no seal (asked: filesystem)" in text
    assert "taken    not known yet" in text


def test_machines_get_bytes_and_nothing_for_what_is_absent():
    [line] = tsv_lines(point_page(a_point(a_part()), now=TAKEN).table)

    name, role, lun, size, *_ = line.split("\t")
    assert (name, role, lun, size) == ("db01-os", "os", "", "137438953472")


def test_a_disk_without_a_vm_is_called_a_disk():
    assert "disk     archive in eastus" in shown(a_point(vm=None, source_name="archive"))


@pytest.mark.parametrize("state", PointState)
def test_every_state_says_what_one_may_do(state):
    text = shown(a_point(state=state))

    assert f"state    {state}: " in text
