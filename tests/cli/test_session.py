"""One invocation: exactly one document, whatever happens."""

import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import replace

import click
import pytest
import yaml
from tests.cli.builders import a_view

from diskguard.cli.render.page import Lines, Page, Table
from diskguard.cli.session import Session
from diskguard.errors import CloudRefused, Throttled

PAGE = Page(
    schema="probe",
    items=({"name": "db01"},),
    blocks=(Lines(lines=("db01",)),),
    table=Table(headings=("name",), rows=(("db01",),)),
)
ENDS = {
    "an expected error": CloudRefused("no", hint="do so", correlation_id="c-1"),
    "a throttle": Throttled("slow", retry_after_seconds=None),
}


@pytest.fixture
def session(cli):
    """Make a session with a view that is changed by keywords."""
    return lambda **changes: Session(cli.around, a_view(**changes), schema="probe")


def documents_of(text, output):
    """The documents, or the summaries, that stdout holds."""
    if output == "jsonl":
        lines = [json.loads(line) for line in text.splitlines()]
        return [line for line in lines if line["type"] == "summary"]
    return [yaml.safe_load(text) if output == "yaml" else json.loads(text)]


@pytest.mark.parametrize("output", ["json", "jsonl", "yaml"])
def test_a_page_is_one_document(session, capsys, output):
    probe = session(output=output)

    assert probe.attempt(lambda: probe.show(PAGE)) == 0

    (document,) = documents_of(capsys.readouterr().out, output)
    assert document["schema"] == "diskguard/probe/1"
    assert (document["run_id"], document["exit_code"]) == (probe.run_id, 0)


@pytest.mark.parametrize("error", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("output", ["json", "jsonl", "yaml"])
def test_an_error_is_one_document_too(session, capsys, output, error):
    def fail():
        raise error

    status = session(output=output).attempt(fail)

    said = capsys.readouterr()
    (document,) = documents_of(said.out, output)
    assert status == document["exit_code"] == error.exit_status
    assert document["error"]["code"] == error.code
    assert said.err.startswith(f"diskguard: error[{error.code}]: ")


def test_an_error_after_the_document_adds_no_second_one(session, capsys):
    probe = session(output="jsonl")

    def show_and_fail():
        probe.show(PAGE)
        raise ENDS["a throttle"]

    assert probe.attempt(show_and_fail) == 8
    assert len(documents_of(capsys.readouterr().out, "jsonl")) == 1


@pytest.mark.parametrize("output", ["table", "tsv"])
def test_people_and_tsv_get_the_error_on_stderr_only(session, capsys, output):
    def fail():
        raise ENDS["an expected error"]

    session(output=output).attempt(fail)

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "diskguard: error[cloud-refused]: no",
        "hint: do so",
        "correlation id: c-1",
    ]


def test_a_bug_ends_the_document_and_goes_on_its_way(session, capsys):
    def slip():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        session(output="json").attempt(slip)

    (document,) = documents_of(capsys.readouterr().out, "json")
    assert (document["result"], document["exit_code"]) == ("failed", 1)


def test_ctrl_c_in_quick_work_is_130_with_a_document(session, capsys):
    def interrupt():
        raise KeyboardInterrupt

    assert session(output="json").attempt(interrupt) == 130
    assert documents_of(capsys.readouterr().out, "json")[0]["result"] == "interrupted"


def test_a_usage_error_of_click_goes_on_its_way_without_a_document(session, capsys):
    def misuse():
        raise click.UsageError("no")

    with pytest.raises(click.UsageError):
        session(output="json").attempt(misuse)

    assert capsys.readouterr().out == ""


def test_quiet_hides_only_the_success_of_those_who_act(session, capsys):
    quiet = session(quiet=True)

    quiet.show(PAGE, silent_on_success=True)
    hidden = capsys.readouterr().out
    quiet.show(PAGE)
    quiet.show(replace(PAGE, exit_code=3), silent_on_success=True)
    session(quiet=True, output="tsv").show(PAGE, silent_on_success=True)

    assert hidden == ""
    assert capsys.readouterr().out == "db01\n" * 3


def test_quiet_says_nothing_and_complains_all_the_same(session, capsys):
    quiet = session(quiet=True)

    quiet.say("by the way")
    quiet.complain(["diskguard: error[x]: y"])

    assert capsys.readouterr().err == "diskguard: error[x]: y\n"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_rich_output(session):
    with redirect_stdout(Terminal()) as terminal:
        session().show(replace(PAGE, blocks=(PAGE.table,)))

    assert re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).split() == ["NAME", "db01"]


@pytest.mark.parametrize(
    ("no_color", "environment", "color"),
    [
        (False, {}, True),
        (True, {}, False),
        (False, {"NO_COLOR": "1"}, False),
        (False, {"NO_COLOR": ""}, True),
    ],
)
def test_colours_are_for_those_who_want_them(cli, no_color, environment, color):
    around = replace(cli.around, environment=environment)

    assert Session(around, a_view(no_color=no_color), schema="x").color is color


def test_a_dumb_terminal_is_no_terminal(cli):
    dumb = Session(replace(cli.around, environment={"TERM": "dumb"}), a_view(), schema="x")

    assert not dumb.is_terminal(Terminal())
    assert Session(cli.around, a_view(), schema="x").is_terminal(Terminal())


def output_to(stream):
    """What comes of `diskguard version` with its stdout there: exit code and stderr."""
    program = "import sys; from diskguard.cli.main import run; sys.exit(run(['version']))"
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=stream, stderr=subprocess.PIPE, check=False
    )
    return done.returncode, done.stderr.decode()


def test_a_result_that_cannot_be_written_is_an_error():
    full = os.open("/dev/full", os.O_WRONLY)
    status, said = output_to(full)
    os.close(full)

    assert status == 1
    assert said.splitlines() == [
        "diskguard: error[output-lost]: the result could not be written: No space left on device"
    ]


def test_a_reader_who_goes_away_ends_it_without_a_word():
    reader, writer = os.pipe()
    os.close(reader)
    ended = output_to(writer)
    os.close(writer)

    assert ended == (1, "")


def test_a_log_file_that_cannot_be_written_is_a_usage_error_with_its_document(cli, tmp_path):
    told = cli("version", "-o", "json", "--log-file", tmp_path)

    assert told.status == 2

    told = cli("version", "-o", "json", "--log-file", tmp_path / "no" / "log")

    assert json.loads(told.out)["error"]["code"] == "usage-invalid"
    assert "cannot write the log file" in told.err


def test_a_bug_is_a_traceback_without_secrets_and_a_request(cli):
    def broken_nonce() -> str:
        raise RuntimeError("https://x.test/y?sig=abc\x1b[2J")

    told = cli("version", nonce=broken_nonce)

    assert told.status == 1
    assert "Traceback" in told.err
    assert "diskguard: error[bug]: RuntimeError: https://x.test/y?[hidden]" in told.err
    assert "Please report it" in told.err
    assert "\x1b" not in told.err
    assert "sig=abc" not in told.err


def test_ctrl_c_before_there_is_a_session_is_130(cli):
    def interrupted() -> str:
        raise KeyboardInterrupt

    assert cli("version", nonce=interrupted).status == 130


def test_completion_and_version_print_what_they_say(cli):
    assert "_diskguard_completion" in cli("completion", "bash").out
    assert cli("version", "-o", "tsv").out.startswith("0.")
    assert "version" in json.loads(cli("version", "-o", "json").out)["items"][0]
