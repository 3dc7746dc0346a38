"""The scripts we send: whole, quiet, and with nothing of a policy on a command line."""

import base64
import io
import json
import shutil
import subprocess
import zipfile
from datetime import timedelta
from typing import Any

import pytest

from diskguard.guest import dialogue
from diskguard.guest.archive import helper_archive
from diskguard.model.guest import FreezeRequest, GuestDisk

SENTINEL = "c0ffee00c0ffee00"


def a_request(**changes: Any) -> FreezeRequest:
    wish: dict[str, Any] = {
        "attempt": "a1",
        "disks": (
            GuestDisk(name="os", lun=None, size_bytes=32 << 30),
            GuestDisk(name="d0", lun=0, size_bytes=64 << 30),
        ),
        "lead": timedelta(seconds=30),
        "limit": timedelta(seconds=10),
    }
    return FreezeRequest(**{**wish, **changes})


def here_doc(script: tuple[str, ...], marker: str) -> bytes:
    start = next(at for at, line in enumerate(script) if f"<<'{marker}'" in line)
    end = script.index(marker, start)
    return base64.b64decode("".join(script[start + 1 : end]))


def test_a_request_travels_whole():
    script = dialogue.render_arm(
        a_request(hold=timedelta(seconds=4.5), mounts=("/data", "/srv")), sentinel=SENTINEL
    )

    assert here_doc(script, "DISKGUARD_SENTINEL").decode() == SENTINEL
    assert json.loads(here_doc(script, "DISKGUARD_REQUEST")) == {
        "sentinel": SENTINEL,
        "attempt": "a1",
        "disks": [["os", None, 32 << 30], ["d0", 0, 64 << 30]],
        "lead": 30.0,
        "limit": 10.0,
        "hold": 4.5,
        "mounts": ["/data", "/srv"],
        "allow_without_systemd": False,
    }


def test_the_helper_is_the_same_bytes_every_time():
    script = dialogue.render_thaw(sentinel=SENTINEL)

    assert here_doc(script, "DISKGUARD_HELPER") == helper_archive()
    assert helper_archive.__wrapped__() == helper_archive()


def test_the_archive_runs_and_holds_every_module_of_the_helper():
    names = zipfile.ZipFile(io.BytesIO(helper_archive())).namelist()

    assert names[0] == "__main__.py"
    assert "diskguard_helper/kernel.py" in names
    assert len(names) == len(set(names))


def test_nothing_of_a_policy_is_on_a_command_line():
    script = dialogue.render_arm(a_request(mounts=("/$(reboot)", "'; reboot #")), sentinel=SENTINEL)

    assert "reboot" not in "\n".join(script)


def test_a_script_fits_the_guests_limit():
    script = dialogue.render_arm(a_request(mounts=("/mnt",) * 100), sentinel=SENTINEL)

    assert sum(len(line) + 1 for line in script) < 128 * 1024  # the handler takes 256 KiB
    assert not any("\r" in line or "\n" in line for line in script)


@pytest.mark.parametrize(
    ("script", "verb"),
    [
        (dialogue.render_arm(a_request(), sentinel=SENTINEL), "arm"),
        (dialogue.render_collect("a1", sentinel=SENTINEL), "collect"),
        (dialogue.render_thaw(sentinel=SENTINEL), "thaw"),
    ],
)
def test_each_script_has_one_verb(script: tuple[str, ...], verb: str):
    assert [line for line in script if line.startswith("verb=")] == [f"verb={verb}"]


@pytest.mark.parametrize("word", ["", "a b", "$(x)", "../x", "ä", "a" * 64, "-rf", "a\n"])
def test_a_mark_that_is_no_plain_word_is_not_sent(word: str):
    with pytest.raises(ValueError, match="no plain word"):
        dialogue.render_collect(word, sentinel=SENTINEL)
    with pytest.raises(ValueError, match="no plain word"):
        dialogue.render_thaw(sentinel=word)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck")
def test_the_script_is_clean_posix_shell():
    script = "\n".join(dialogue.render_arm(a_request(), sentinel=SENTINEL))

    done = subprocess.run(
        ["shellcheck", "--shell=sh", "--enable=all", "--exclude=SC2250,SC2249,SC2310,SC2312", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == ""


@pytest.mark.parametrize("shell", ["sh", "bash", "dash"])
def test_without_a_python_the_shell_itself_refuses(shell: str, tmp_path: Any):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    script = "\n".join(without_pythons(dialogue.render_thaw(sentinel=SENTINEL), tmp_path))

    done = subprocess.run([shell], input=script, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == (f"diskguard {SENTINEL} refused no-python\n", "")
    assert list((tmp_path / "run").iterdir()) == []


def without_pythons(script: tuple[str, ...], folder: Any) -> list[str]:
    """The script with a /run of its own, looking for pythons where there are none."""
    swapped = {
        "run=/run/diskguard": f"run={folder}/run",
        "for candidate in python3 /usr/libexec/platform-python; do": "for candidate in no-python-a no-python-b; do",
    }
    assert set(swapped) <= set(script)
    return [swapped.get(line, line) for line in script]


def test_a_helper_that_dies_is_a_refusal_too(tmp_path: Any):
    script = [
        f"run={tmp_path}/run" if line == "run=/run/diskguard" else line
        for line in dialogue.render_thaw(sentinel=SENTINEL)
    ]
    start = next(at for at, line in enumerate(script) if "<<'DISKGUARD_HELPER'" in line)
    end = script.index("DISKGUARD_HELPER", start)
    broken = [*script[: start + 1], "bm90IGFuIGFyY2hpdmU=", *script[end:]]

    done = subprocess.run(
        ["sh"], input="\n".join(broken), capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == (f"diskguard {SENTINEL} refused helper-failed\n", "")
