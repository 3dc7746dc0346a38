"""A file that is no policy ends in one clear problem: soon, and in little memory."""

import subprocess
import sys
import time

import pytest
from tests.policy.builders import policy_text

from diskguard.errors import PolicyInvalid
from diskguard.policy.load import (
    LARGEST_FILE,
    examine_file,
    examine_policy,
    load_policy,
    parse_policy,
)
from diskguard.policy.reading import DEEPEST, MOST_NODES, MOST_PROBLEMS


def problems_of(text):
    with pytest.raises(PolicyInvalid) as caught:
        parse_policy(text, file="policy.yaml")
    return caught.value.problems


def only_problem_of(text):
    (problem,) = problems_of(text)
    return problem


def test_a_policy_is_read_from_its_file(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(policy_text(), encoding="utf-8")

    assert load_policy(path).name == "erp"


def test_text_and_bytes_are_the_same_policy():
    text = policy_text("tags: {Größe: groß}\n")

    assert parse_policy(text, file="p") == parse_policy(text.encode(), file="p")


def test_every_fault_is_said_in_the_order_of_the_file():
    problems = problems_of("zzz: 1\n" + policy_text("limits: {parallel_vms: no}\naaa: 2\n"))

    assert [(each.line, each.code) for each in problems] == [
        (1, "unknown-key"),
        (8, "ambiguous-scalar"),
        (9, "unknown-key"),
    ]


def test_an_invalid_policy_reads_as_one_line_for_each_fault():
    with pytest.raises(PolicyInvalid) as caught:
        parse_policy(policy_text("limits: {paralel_vms: 3}\n"), file="erp.yaml")

    assert str(caught.value) == "erp.yaml:7:10: unknown key `paralel_vms`"
    assert caught.value.problems[0].hint == "Did you mean `parallel_vms`?"
    assert caught.value.exit_status == 4


def test_a_file_that_does_not_exist_is_unreadable(tmp_path):
    (problem,) = examine_file(tmp_path / "none.yaml").problems

    assert (problem.code, problem.line) == ("unreadable", 1)
    assert "No such file" in problem.message


def test_a_directory_is_unreadable(tmp_path):
    (problem,) = examine_file(tmp_path).problems

    assert problem.code == "unreadable"


def test_a_name_that_no_file_can_have_is_unreadable(tmp_path):
    (problem,) = examine_file(tmp_path / "a\0b").problems

    assert problem.code == "unreadable"
    assert problem.file.isprintable()


def test_an_endless_file_is_read_no_further_than_a_policy_may_go(tmp_path):
    endless = tmp_path / "endless.yaml"
    endless.symlink_to("/dev/zero")

    (problem,) = examine_file(endless).problems

    assert problem.code == "too-large"


def test_a_file_of_100_megabytes_is_refused_in_little_memory(tmp_path):
    large = tmp_path / "large.yaml"
    with large.open("wb") as stream:
        stream.truncate(100_000_000)
    script = (
        "import sys, pathlib\n"
        "from diskguard.policy.load import examine_file\n"
        "print(examine_file(pathlib.Path(sys.argv[1])).problems[0].code)\n"
        # Not getrusage: its figure survives exec, so a child would report its parent's.
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "print(next(line.split()[1] for line in status.splitlines() if 'VmHWM' in line))\n"
    )

    output = subprocess.run(
        [sys.executable, "-c", script, str(large)], capture_output=True, text=True, check=True
    ).stdout.split()

    assert output[0] == "too-large"
    assert int(output[1]) < 300_000  # kilobytes


def test_the_largest_file_is_still_read():
    text = policy_text()
    padded = text + "#" * (LARGEST_FILE - len(text))

    assert parse_policy(padded, file="p").name == "erp"
    assert only_problem_of(padded + "#").code == "too-large"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_encoding_is_no_policy(encoding):
    assert only_problem_of(policy_text().encode(encoding)).code in (
        "not-utf-8",
        "control-character",
    )


def test_a_byte_order_mark_of_another_encoding_names_the_encoding():
    assert "UTF-16" in only_problem_of(policy_text().encode("utf-16")).message
    assert "UTF-32" in only_problem_of(policy_text().encode("utf-32")).message


def test_a_wrong_byte_is_shown_with_its_place():
    problem = only_problem_of(b"version: 1\nname: \xff\n")

    assert (problem.line, problem.column, problem.code) == (2, 7, "not-utf-8")


def test_a_wrong_byte_after_a_byte_order_mark_has_its_place_too():
    problem = only_problem_of(b"\xef\xbb\xbfn\xc3\xa4me: \xff\n")

    assert (problem.line, problem.column) == (1, 7)


def test_half_a_character_in_a_text_is_no_traceback():
    assert only_problem_of("name: \ud800\n").code == "not-utf-8"


@pytest.mark.parametrize(
    ("hostile", "code"),
    [
        ("[" * 900_000, "too-deep"),
        ("{a: " * 200_000, "too-deep"),
        ("- " * 400_000, "too-deep"),
        ("? " * 400_000, "too-deep"),
        ("a: " + "&a " * 300_000, "syntax"),
        ("tags: {" + "a: b, " * 160_000, "too-many-nodes"),
        ("rules: [" + "x, " * (MOST_NODES - 10) + "]", "wrong-type"),
        ("".join(f"k{n}: 1\n" for n in range(MOST_NODES // 2 - 10)), "unknown-key"),
        ("a: 1\n" * (MOST_NODES // 2 - 10), "duplicate-key"),
        ("name: " + "9" * 900_000, "ambiguous-scalar"),
        ("name: " + "x" * 900_000, "too-long"),
        ("name: '" + "\n" * 900_000 + "'", "too-long"),
        ("x" * 900_000 + ": 1", "syntax"),
        ('"' + "x" * 900 + '": 1', "unknown-key"),
        ("%TAG ! tag:x,2026:\n" * 50_000 + "--- {}", "syntax"),
        ("&a [" + "*a, " * 200_000, "recursive-alias"),
        ("a: &a {}\n" + "b: *a\n" * (MOST_NODES // 4), "duplicate-key"),
        ("#" + "\n#" * 450_000, "empty-policy"),
        ("---\n" * 200_000, "several-documents"),
        ("!" * 900_000, "custom-tag"),
        ("a: !!python/object/apply:os.system ['exit 1']", "custom-tag"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_hostile_text_ends_in_an_error_within_two_seconds(hostile, code):
    started = time.process_time()

    problems = problems_of(hostile[:LARGEST_FILE])

    assert code in {each.code for each in problems}
    assert len(problems) <= MOST_PROBLEMS
    # Measured for coverage, every line costs several times its own time.
    assert time.process_time() - started < (2 if sys.gettrace() is None else 10)


def test_a_tab_for_indentation_is_called_a_tab():
    problem = only_problem_of(policy_text("consistency:\n\tlinux: crash\n"))

    assert (problem.line, problem.column, problem.code) == (8, 1, "syntax")
    assert problem.message == "a tab stands here: YAML is indented with spaces only"


def test_errors_are_never_crowded_out_by_warnings():
    rules = "".join(
        f"  - {{name: r{n}, select: {{include: [{{names: [a]}}]}}, retention: {{primary: {{}}}}}}\n"
        for n in range(MOST_PROBLEMS + 5)
    )
    text = policy_text(rules="rules:\n" + rules + "limits: {cluster: {by: zone}}\n")

    problems = problems_of(text)

    assert len(problems) == MOST_PROBLEMS
    assert problems[-1].severity == "error"


def test_what_is_nested_as_deep_as_allowed_is_still_read():
    deep = "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1)

    codes = {each.code for each in problems_of(policy_text(f"tags: {deep}\n"))}

    assert codes == {"wrong-type"}


def test_nothing_in_a_policy_runs(tmp_path):
    trap = tmp_path / "trap"
    text = policy_text(f"tags: !!python/object/apply:pathlib.Path.touch ['{trap}']\n")

    assert "custom-tag" in {each.code for each in problems_of(text)}
    assert not trap.exists()


def test_a_fault_below_an_alias_is_shown_where_the_alias_stands():
    text = policy_text("consistency: {disks: &d {exclude_lun: [1]}}\nlimits: *d\n")

    places = {(each.line, each.column) for each in problems_of(text)}

    assert places == {(7, 26), (8, 9)}


def test_an_accepted_policy_gives_its_warnings_and_its_document():
    examination = examine_policy(policy_text("restore: {wait_for: none}\n"), file="p")

    assert examination.accepted() is examination.policy
    assert [each.code for each in examination.warnings] == ["not-yet-supported"]
    assert examination.document.place(("restore", "wait_for")).line == 7


def test_what_the_file_does_not_hold_has_the_place_of_what_surrounds_it():
    document = examine_policy(policy_text(), file="p").document

    assert document.place(("locations", "primary", "sku")).line == 6
    assert document.place(("consistency",)).line == 1
    assert document.place(("azure",), at_key=True).column == 1
