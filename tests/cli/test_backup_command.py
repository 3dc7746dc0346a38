"""`diskguard backup` and `copy` against the emulated Azure, over HTTPS."""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
import yaml

from diskguard.cli.lock import run_lock
from diskguard_emulator.faults import Fails, Fault, OperationStalls

SNAPSHOT = r"/snapshots/db02-"
BOTH = ["db01", "db02"]


def outcomes(document):
    """Source (or disk) and result of each item."""
    return [(item.get("source") or item["disk"], item["result"]) for item in document["items"]]


def test_a_backup_makes_copies_and_reports_both(cloud, write_policy):
    told = cloud("backup", write_policy(names='["db02"]'))

    lines = told.out.splitlines()
    assert told.status == 0
    assert lines[0].split()[:4] == ["KIND", "VM", "OR", "DISK"]
    assert lines[1].split()[:3] == ["backup", "db02", "done"]
    assert lines[2].split()[:3] == ["copy", "db02-os", "done"]
    assert "1 source: 1 done; 1 copy: 1 done" in lines[-1]
    assert "db02: snapshots" in told.err.splitlines()


def test_a_backups_document_has_an_item_for_each_vm(cloud, write_policy):
    told = cloud("backup", write_policy(), "--no-copy", "-o", "json")

    document = json.loads(told.out)
    assert document["schema"] == "diskguard/backup/1"
    assert (document["result"], document["exit_code"], document["policy"]) == ("done", 0, "erp")
    assert outcomes(document) == [(name, "done") for name in BOTH]
    assert document["items"][0]["consistency"]["achieved"] == "crash"
    assert document["items"][0]["disks"] == 2


def test_yaml_says_the_same(cloud, write_policy):
    told = cloud("backup", write_policy(), "--no-copy", "-o", "yaml")

    assert outcomes(yaml.safe_load(told.out)) == [(name, "done") for name in BOTH]


def test_json_lines_stream_events_and_end_in_one_summary(cloud, write_policy):
    told = cloud("backup", write_policy(), "--no-copy", "-o", "jsonl")

    kinds = [json.loads(line)["type"] for line in told.out.splitlines()]
    assert kinds[0] == "run-started"
    assert kinds.count("point-sealed") == 2
    assert kinds[-3:] == ["item", "item", "summary"]
    assert kinds.count("summary") == 1


def test_quiet_is_silent_on_success_and_the_log_file_has_the_story(cloud, write_policy, tmp_path):
    log = tmp_path / "run.log"

    told = cloud("backup", write_policy(), "--no-copy", "-q", "--log-file", log)

    assert (told.status, told.out, told.err) == (0, "", "")
    assert "db02: sealed db02-" in log.read_text()


def test_json_logs_replace_the_step_lines(cloud, write_policy):
    told = cloud("backup", write_policy(), "--no-copy", "--log-format", "json")

    messages = [json.loads(line)["message"] for line in told.err.splitlines()]
    assert "db01: snapshots" in messages


def test_one_vm_that_fails_leaves_the_others_done(cloud, emulator, write_policy):
    refused = Fails(status=400, code="BadRequest", message="not this disk")
    emulator.strike(Fault(effect=refused, method="PUT", path=SNAPSHOT, times=9))

    told = cloud("backup", write_policy(), "--no-copy", "-q", "-o", "json")

    document = json.loads(told.out)
    assert (told.status, document["result"]) == (3, "partial")
    assert outcomes(document) == [("db01", "done"), ("db02", "failed")]
    assert document["items"][1]["failure"]["message"] != ""
    assert "diskguard: error[" in told.err
    assert "db02: " in told.err


def test_what_fails_all_over_ends_with_its_own_code(cloud, emulator, write_policy, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_ID", "reader")

    told = cloud("backup", write_policy(), "--no-copy")

    assert told.status == 7
    assert "error[access-denied]: db01: " in told.err


def test_a_run_under_way_refuses_a_second_one(cloud, emulator, write_policy, tmp_path):
    clock = cloud.around.clock
    with run_lock([tmp_path / "locks"], "erp", run_id="first", since=clock.now()):
        told = [cloud(name, write_policy(), "-o", "json") for name in ("backup", "copy")]

    assert [each.status for each in told] == [6, 6]
    assert all("run first, since" in each.err for each in told)
    assert json.loads(told[0].out)["result"] == "locked"
    assert emulator.requests() == []


def test_a_run_that_is_out_of_time_keeps_what_is_done(cloud, emulator, write_policy):
    stalled = OperationStalls(by=timedelta(minutes=5))
    emulator.strike(Fault(effect=stalled, method="PUT", path=SNAPSHOT, times=9))
    path = write_policy()
    path.write_text(path.read_text() + "limits: {run_timeout: 1s}\n")

    told = cloud("backup", path, "--no-copy")

    assert told.status == 8
    assert "error[unfinished]: not finished within `run_timeout`" in told.err
    assert ["db02", "unfinished"] in [line.split()[1:3] for line in told.out.splitlines()]


def test_copies_are_made_by_whoever_comes_next(cloud, write_policy):
    policy = write_policy(names='["db02"]')
    cloud("backup", policy, "--no-copy")

    started = cloud("copy", policy, "--no-wait", "-o", "json")
    followed = cloud("copy", policy, "-o", "json")
    nothing = cloud("copy", policy, "-o", "json")

    assert json.loads(started.out)["schema"] == "diskguard/copy/1"
    assert outcomes(json.loads(started.out)) == [("db02-os", "started")]
    assert outcomes(json.loads(followed.out)) == [("db02-os", "done")]
    assert (nothing.status, json.loads(nothing.out)["items"]) == (0, [])


def test_a_copy_that_fails_is_told_with_its_disk_and_region(cloud, emulator, write_policy):
    policy = write_policy(names='["db02"]')
    cloud("backup", policy, "--no-copy")
    refused = Fails(status=400, code="BadRequest", message="not there")
    emulator.strike(Fault(effect=refused, method="PUT", path=SNAPSHOT, times=9))

    told = cloud("copy", policy)

    assert told.status == 1
    assert "copy of db02-os to westus: " in told.err


# -- signals ------------------------------------------------------------------------------------

HURRIED = """
import sys
from dataclasses import replace
from pathlib import Path
from diskguard.cli.main import run
from diskguard.cli.wiring import wired
around = replace(wired(), lock_folders=(Path(sys.argv[1]),))
sys.exit(run(sys.argv[2:], around=around))
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_cleanly_with_one_summary(
    emulator, write_policy, tmp_path, number, status
):
    stalled = OperationStalls(by=timedelta(minutes=5))
    emulator.strike(Fault(effect=stalled, method="PUT", path=SNAPSHOT, times=9))
    command = ["backup", str(write_policy()), "--no-copy", "-o", "jsonl"]
    with subprocess.Popen(
        [sys.executable, "-c", HURRIED, str(tmp_path), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        before = []
        while '"point-sealed"' not in (line := process.stdout.readline()):
            before.append(line)
        os.kill(process.pid, number)
        rest, said = process.communicate(timeout=20)

    lines = [json.loads(line) for line in rest.splitlines()]
    assert process.returncode == status
    assert [line["type"] for line in lines].count("summary") == 1
    assert (lines[-1]["type"], lines[-1]["exit_code"]) == ("summary", status)
    assert f"{number.name}: ending cleanly" in said
    assert "Traceback" not in said
