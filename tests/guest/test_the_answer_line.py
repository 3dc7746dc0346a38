"""The helper's answers fit Run Command's few bytes, and its door never shows a traceback."""

import base64
import json
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.guest.asking import OS_DISK, a_request, data_disk
from tests.guest.azure_shapes import generation_two
from tests.guest.fake_machine import FakeKernel

from diskguard_helper.kernel import Kernel
from diskguard_helper.main import answer, live, main
from diskguard_helper.report import LONGEST_LINE, render


def opened(line: str) -> dict[str, Any]:
    mark, sentinel, payload, digest = line.split(" ")
    assert mark == "diskguard"
    assert digest == sha256(f"{sentinel} {payload}".encode()).hexdigest()[:16]
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(payload)))
    return found


def name(number: int) -> str:
    """A path that does not compress."""
    return "/" + sha256(str(number).encode()).hexdigest()


def test_a_short_answer_stays_whole():
    assert opened(render({"kind": "armed", "mounts": [["/", "ext4", [None]]]}, "s")) == {
        "kind": "armed",
        "mounts": [["/", "ext4", [None]]],
    }


def test_too_many_mounts_are_counted_and_only_the_faulty_are_named():
    answer = {
        "kind": "report",
        "mount_count": 900,
        "mounts": [[name(number), "ext4", [0]] for number in range(900)],
        "left_out": [[name(number), "odd"] for number in range(900)],
        "faulty": [["/data", "FIFREEZE hangs"]],
    }

    line = render(answer, "c0ffee00")

    assert len(line) <= LONGEST_LINE
    assert opened(line)["mount_count"] == 900
    assert opened(line)["faulty"] == [["/data", "FIFREEZE hangs"]]
    assert opened(line)["shortened"] == ["left_out", "mounts"]


def test_long_texts_are_cut():
    assert opened(render({"message": "x" * 9000}, "s"))["message"] == "x" * 300


def test_what_cannot_be_shortened_is_sent_as_it_is():
    digits = [[sha256(str(n).encode()).hexdigest()] for n in range(200)]

    assert opened(render({"disks": digits}, "s")) == {"disks": digits}


def test_sixty_four_disks_and_their_counters_fit():
    disks = [[lun, [10**8 + lun * 7919, lun * 31, 0]] * 1 for lun in range(64)]
    both = [[lun, counters, counters] for lun, counters in disks]

    line = render({"kind": "report", "disks": both, "wall_minus_boot": [1.7e9] * 4}, "c0ffee00")

    assert len(line) <= LONGEST_LINE
    assert opened(line)["disks"] == both


def test_a_request_is_answered_by_its_verb():
    kernel = FakeKernel(generation_two().machine)

    line = answer("arm", {**a_request(OS_DISK, data_disk(0)), "sentinel": "s1"}, kernel)

    assert opened(line)["kind"] == "armed"
    assert line.split(" ")[1] == "s1"


def test_a_refusal_is_an_answer():
    line = answer("arm", {"sentinel": "s1"}, FakeKernel(generation_two().machine))

    assert opened(line)["reason"] == "request-invalid"


def test_a_fault_of_ours_is_an_answer():
    machine = generation_two().machine
    del machine.files["/proc/1/mountinfo"]

    found = opened(answer("arm", a_request(OS_DISK), FakeKernel(machine)))

    assert found["reason"] == "helper-failed"
    assert "FileNotFoundError" in found["message"]


def test_a_leg_is_lived_by_its_kernels_clock():
    kernel = FakeKernel(generation_two().machine)

    live(iter([kernel.boot_clock() + 5, kernel.boot_clock() + 7]), kernel)

    assert kernel.boot_clock() == pytest.approx(107)


def test_the_door_prints_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "request.json").write_text(
        json.dumps({"attempt": "never-armed-here", "sentinel": "s1"})
    )

    assert main(["collect", str(tmp_path)]) == 0

    printed = capsys.readouterr()
    assert opened(printed.out.rstrip("\n"))["kind"] == "missing"
    assert printed.err == ""


def test_the_door_lets_a_leg_live(tmp_path: Path):
    folder = Path(Kernel.run) / tmp_path.name

    assert main(["clean", str(folder)]) == 0

    assert not folder.exists()
