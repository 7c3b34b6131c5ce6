"""How wording is held against tests/golden."""

import re
from pathlib import Path

import pytest

from golden import GOLDEN, check, document


def test_another_word_fails_with_the_difference(tmp_path: Path) -> None:
    """And with what renews it; so does a file that is missing, unless it is renewed."""
    path = tmp_path / "answers.md"
    with pytest.raises(
        pytest.fail.Exception, match=r"(?s)\n\+adam leads.\n.*--renew tests/some.py"
    ):
        check(path, "adam leads.\n", renew=False, test="tests/some.py")
    assert not path.exists()
    check(path, "adam leads.\n", renew=True, test="tests/some.py")
    check(path, "adam leads.\n", renew=False, test="tests/some.py")
    with pytest.raises(pytest.fail.Exception, match=r"(?s)-adam leads.\n\+adam is first.\n"):
        check(path, "adam is first.\n", renew=False, test="tests/some.py")


def test_what_stands_above_is_not_repeated() -> None:
    """But how many paragraphs it has is told."""
    text = document({"One": "a\n\nb\n\nc", "Another": "a\n\nb\n\nd\n\nc\n"})
    assert text.partition("\n\n")[2] == "# One\n\na\n\nb\n\nc\n\n# Another\n\n… …\n\nd\n\n…\n"
    assert document({"One": "a"}) == "# One\n\na\n"


def test_every_golden_file_is_of_a_test() -> None:
    """Of one, so that no two write it."""
    modules = "".join(path.read_text() for path in Path(__file__).parent.glob("*/test_*.py"))
    named = re.findall(r'golden\(\s*"([^"]+)"', modules)
    assert sorted(named) == sorted(path.name for path in GOLDEN.iterdir())
