"""The reference page says what the models say."""

from pathlib import Path

from tests.policy.corpus import LAYOUT

from diskguard.policy.reference import render_reference

PAGE = Path(__file__).parents[2] / "docs" / "policy.md"


def test_the_committed_page_is_what_the_models_say():
    assert PAGE.read_text(encoding="utf-8") == render_reference()


def test_every_key_of_the_layout_is_on_the_page():
    page = render_reference()
    keys = {
        line.strip().lstrip("- ").split(":")[0]
        for line in LAYOUT.read_text(encoding="utf-8").splitlines()
        if ":" in line and not line.lstrip().startswith(("#", "-"))
    }

    assert all(f"| `{key}` |" in page for key in keys)
