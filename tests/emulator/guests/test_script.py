"""A script is taken apart strictly, and the helper in it is loaded where nobody else sees it."""

import io
import sys
import zipfile

import pytest
from tests.emulator.guests.asking import A_FREEZE, SENTINEL

from diskguard.guest.dialogue import render_arm, render_thaw
from diskguard_emulator.guests.script import ScriptNotUnderstood, read_script
from diskguard_emulator.guests.shipped import load_helper

SCRIPT = "\n".join(render_arm(A_FREEZE, sentinel=SENTINEL))


def an_archive(**sources: str) -> bytes:
    """A helper of these modules."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, source in {"__init__": "", **sources}.items():
            archive.writestr(f"diskguard_helper/{name}.py", source)
    return packed.getvalue()


def test_what_diskguard_says_is_understood():
    sent = read_script(SCRIPT)

    assert (sent.verb, sent.sentinel) == ("arm", SENTINEL)
    assert sent.request["attempt"] == A_FREEZE.attempt
    assert sent.archive.startswith(b"PK")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("verb=arm", "verb=arm\nverb=thaw", "2 verbs"),
        ("verb=arm", "", "0 verbs"),
        ("DISKGUARD_REQUEST", "DISKGUARD_WISH", "here-documents are"),
        ("\nDISKGUARD_HELPER\n", "\nDISKGUARD_HELP\n", "does not end"),
        ("verb=arm", "verb=arm\ncat <<'DISKGUARD_HELPER'\nDISKGUARD_HELPER", "comes twice"),
        (
            "<<'DISKGUARD_REQUEST' || refuse script-damaged\n",
            "<<'DISKGUARD_REQUEST'\n%%%\n",
            "base64",
        ),
        (
            "<<'DISKGUARD_REQUEST' || refuse script-damaged\n",
            "<<'DISKGUARD_REQUEST'\nAAAA\n",
            "JSON",
        ),
    ],
)
def test_anything_else_is_an_error(old, new, complaint):
    assert old in SCRIPT

    with pytest.raises(ScriptNotUnderstood, match=complaint):
        read_script(SCRIPT.replace(old, new))


def test_a_request_that_is_no_object_is_an_error():
    script = "\n".join(render_thaw(sentinel=SENTINEL))
    head, _, rest = script.partition("<<'DISKGUARD_REQUEST'")
    line, _, rest = rest.partition("\n")
    _, _, tail = rest.partition("DISKGUARD_REQUEST\n")

    with pytest.raises(ScriptNotUnderstood, match="not an object"):
        read_script(f"{head}<<'DISKGUARD_REQUEST'{line}\nW10=\nDISKGUARD_REQUEST\n{tail}")


def test_the_helper_sees_its_own_modules_and_the_kernel_it_is_given():
    helper = load_helper(
        an_archive(
            kernel="Kernel = 1",
            words="import json\nWORD = json.dumps('frozen')",
            main="from diskguard_helper import words\nfrom diskguard_helper.kernel import Kernel\n"
            "import diskguard_helper.words\nSAID = (Kernel, words.WORD, diskguard_helper.words.WORD)",
        ),
        complex,
    )

    main = helper.module("main")

    assert (complex, '"frozen"', '"frozen"') == main.SAID
    assert getattr(sys.modules.get("diskguard_helper.main"), "SAID", None) is None


def test_a_helper_without_a_module_is_an_error():
    with pytest.raises(ScriptNotUnderstood, match="no module"):
        load_helper(an_archive(), complex).module("main")


def test_a_helper_that_is_no_archive_is_an_error():
    with pytest.raises(ScriptNotUnderstood, match="no archive"):
        load_helper(b"#!/bin/sh", complex)
