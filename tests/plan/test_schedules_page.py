"""The documented slots are the real ones."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from diskguard.plan.schedule import slots_between
from diskguard.policy.sections import When

PAGE = Path(__file__).parents[2] / "docs/schedules.md"
ROW = re.compile(r"^\| `([^`]+)` \| (\d{4}-\d\d-\d\d) \| ([^|]+) \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("keys", "day", "slots"), ROWS)
def test_a_row_of_the_page_tells_the_slots_of_its_day(keys, day, slots):
    when = When.model_validate(
        {**yaml.safe_load(f"{{{keys}}}"), "timezone": "Europe/Vienna"}, strict=False
    )
    midnight = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(microseconds=1)

    found = slots_between(when, midnight, midnight + timedelta(days=1))

    assert (" ".join(f"{slot:%H:%M}" for slot in found) or "none") == slots.strip()


def test_the_page_has_rows_of_every_kind():
    assert len(ROWS) >= 8
