"""Every id a problem can have is explained."""

import re
from pathlib import Path

from tests.policy.corpus import BAD, GOOD, expected_of

import diskguard.policy
from diskguard.policy.catalogue import FAULTS, remedy_of, sentence_of
from diskguard.policy.lint_table import LINTS

ROOM = Path(diskguard.policy.__file__).parent
GIVEN = re.compile(
    r'(?:code=|refused\(|_refusal\(file, |_note\(place, |_blame\(place, |_Stop\([^,"]+, )"([a-z0-9-]+)"'
)


def test_every_id_of_the_corpus_is_explained():
    met = {line.split()[1] for path in [*BAD, *GOOD] for line in expected_of(path)}

    assert [code for code in sorted(met) if sentence_of(code) is None] == []


def test_every_id_in_the_code_is_explained():
    given = {code for path in ROOM.glob("*.py") for code in GIVEN.findall(path.read_text("utf-8"))}

    assert len(given) > 30
    assert [code for code in sorted(given) if sentence_of(code) is None] == []


def test_a_lint_is_explained_in_its_own_words():
    assert [sentence_of(lint.code) for lint in LINTS] == [lint.sentence for lint in LINTS]
    assert [remedy_of(lint.code) for lint in LINTS] == [lint.remedy for lint in LINTS]
    assert not set(FAULTS) & {lint.code for lint in LINTS}


def test_an_unknown_id_has_no_meaning():
    assert (sentence_of("no-such-id"), remedy_of("no-such-id")) == (None, None)
