"""`diskguard metrics`: text that Prometheus reads, in a file that is never half."""

import json
import stat
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.cli.builders import TAKEN, an_id
from tests.cli.conftest import WITH_VMS
from tests.cli.test_nagios import HOUR, a_freshness, a_status, a_use

from diskguard.cli.render.metrics import StatusMetrics, metrics_text
from diskguard.cli.steps.whole_file import write_at_once
from diskguard.errors import OutputLost
from diskguard.model.report import Traffic
from diskguard.plan.status_run import LastRun
from diskguard_emulator.faults import Fails, Fault

NO_SUCH = "33333333-3333-4333-8333-333333333333"


def read(text):
    """Every sample by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def named(text, name):
    return [value for (found, *_), value in read(text).items() if found == name]


def text_of(status, unseen=0):
    return metrics_text(StatusMetrics(status, Traffic(requests=6, throttled=1), unseen=unseen))


@pytest.fixture
def backed_up(cloud, write_policy):
    path = write_policy()
    path.write_text(path.read_text() + "objectives: {rpo: {primary: 2h, dr: 6h}}\n")
    assert cloud("backup", path).status == 0
    return path


# -- the text --------------------------------------------------------------------------------------


def test_ages_and_rpos_are_there_per_source_and_location():
    text = text_of(a_status(a_freshness(), a_freshness("db02", age=None)))

    labels = {
        "policy": "erp",
        "rule": "gold",
        "subscription": "11111111-2222-3333-4444-555555555555",
        "resource_group": "app",
        "vm": "db01",
        "location": "primary",
    }
    samples = read(text)
    assert samples["diskguard_age_seconds", *sorted(labels.items())] == 3600
    assert samples["diskguard_rpo_seconds", *sorted(labels.items())] == 7200
    newest = samples["diskguard_newest_point_timestamp_seconds", *sorted(labels.items())]
    assert newest == (TAKEN - HOUR).timestamp()
    assert len(named(text, "diskguard_age_seconds")) == 1  # what never was has no age
    assert named(text, "diskguard_late") == [0, 1]


def test_a_source_without_an_rpo_has_none():
    assert named(text_of(a_status(a_freshness(rpo=None))), "diskguard_rpo_seconds") == []


def test_names_of_strangers_are_escaped():
    odd = 'a"b\\c\nd}'
    fresh = a_freshness(rule=odd, source=an_id("virtualMachines", 'x"y'))

    (labels,) = [
        dict(key[1:]) for key in read(text_of(a_status(fresh))) if key[0] == "diskguard_late"
    ]

    assert labels["rule"] == 'a"b\\c d}'
    assert labels["vm"] == 'x"y'


def test_windows_are_a_histogram_of_what_there_is():
    windows = tuple(timedelta(seconds=length) for length in (0.1, 0.3, 4, 70))

    samples = read(text_of(a_status(windows=windows)))

    buckets = {
        dict(key[1:])["le"]: value
        for key, value in samples.items()
        if key[0] == "diskguard_frozen_window_seconds_bucket"
    }
    assert (buckets["0.1"], buckets["0.5"], buckets["5.0"], buckets["60.0"]) == (1, 2, 3, 3)
    assert buckets["+Inf"] == 4
    assert samples["diskguard_frozen_window_seconds_sum", ("policy", "erp")] == 74.4


def test_the_last_run_quota_and_the_invocation_are_told():
    run = LastRun(
        run_id="00ff",
        began_at=TAKEN - HOUR,
        ended_at=TAKEN,
        points=3,
        downgraded=0,
        whole=False,
    )

    text = text_of(a_status(last_run=run, uses=(a_use(7),)), unseen=2)

    samples = {key[0]: value for key, value in read(text).items()}
    assert samples["diskguard_last_run_duration_seconds"] == 3600
    assert samples["diskguard_last_run_success"] == 0
    assert samples["diskguard_last_run_points"] == 3
    assert samples["diskguard_last_run_end_timestamp_seconds"] == TAKEN.timestamp()
    assert samples["diskguard_snapshots_used"] == 7
    assert samples["diskguard_snapshots_limit"] == 500
    assert samples["diskguard_requests"] == 6
    assert samples["diskguard_throttled_requests"] == 1
    assert samples["diskguard_unseen_subscriptions"] == 2
    assert samples["diskguard_generated_timestamp_seconds"] == TAKEN.timestamp()


def test_without_a_run_there_is_nothing_of_one():
    assert named(text_of(a_status()), "diskguard_last_run_success") == []


def test_every_sample_says_of_which_policy_it_is():
    """Files of several policies lie side by side; a series in two of them is refused."""
    text = text_of(a_status(a_freshness(), uses=(a_use(1),), windows=(HOUR,)))

    assert [key for key in read(text) if ("policy", "erp") not in key] == []


# -- the command -----------------------------------------------------------------------------------


def test_metrics_are_on_stdout_for_who_asks(cloud, backed_up):
    told = cloud("metrics", backed_up)

    assert told.status == 0
    assert named(told.out, "diskguard_rpo_seconds") == [7200, 21600, 7200, 21600]
    assert named(told.out, "diskguard_requests") == [6]
    assert named(told.out, "diskguard_throttled_requests") == [0]


def test_throttled_requests_are_counted(cloud, emulator, backed_up):
    slow = Fails(status=429, code="TooManyRequests", retry_after=1)
    emulator.strike(Fault(effect=slow, method="GET", path="/disks$"))

    told = cloud("metrics", backed_up)

    assert named(told.out, "diskguard_requests") == [7]
    assert named(told.out, "diskguard_throttled_requests") == [1]


def test_json_has_the_same_samples(cloud, backed_up):
    told = cloud("metrics", backed_up, "-o", "json")

    document = json.loads(told.out)
    assert document["schema"] == "diskguard/metrics/1"
    ages = [item for item in document["items"] if item["name"] == "diskguard_age_seconds"]
    assert {(item["labels"]["vm"], item["labels"]["location"]) for item in ages} == {
        (vm, location) for vm in ("db01", "db02") for location in ("primary", "dr")
    }


def test_a_textfile_is_readable_by_others_and_nothing_lies_beside_it(cloud, backed_up, tmp_path):
    folder = tmp_path / "textfiles"
    folder.mkdir()
    file = folder / "diskguard.prom"
    file.write_text("old")

    told = cloud("metrics", backed_up, "-q", "--textfile", file)

    assert (told.status, told.out) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert named(file.read_text(), "diskguard_points")
    assert list(folder.iterdir()) == [file]


def test_where_azure_cannot_be_read_the_old_file_stays(cloud, emulator, backed_up, tmp_path):
    file = tmp_path / "diskguard.prom"
    file.write_text("old")
    no = Fails(status=403, code="AuthorizationFailed")
    emulator.strike(Fault(effect=no, method="GET", path="/virtualMachines$", times=9))

    told = cloud("metrics", backed_up, "--textfile", file)

    assert told.status == 7
    assert file.read_text() == "old"


def test_a_subscription_that_cannot_be_read_is_counted_and_ends_in_3(cloud, backed_up):
    text = backed_up.read_text().replace(f'["{WITH_VMS}"]', f'["{WITH_VMS}", "{NO_SUCH}"]')
    backed_up.write_text(text)

    told = cloud("metrics", backed_up)

    assert told.status == 3
    assert named(told.out, "diskguard_unseen_subscriptions") == [1]
    assert NO_SUCH in told.err


@pytest.mark.parametrize("place", ["nowhere/x.prom", "file/x.prom"])
def test_a_file_that_cannot_be_written_is_said(tmp_path, place):
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(OutputLost, match="cannot write"):
        write_at_once("text", tmp_path / place)
