"""The wording of texts, which stands in tests/golden and nowhere else in the tests."""

from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path

import pytest

GOLDEN = Path(__file__).with_name("golden")


_DOTS = "Dots are a paragraph or a table that stands above already."


def document(cases: Mapping[str, str]) -> str:
    """Return texts as one Markdown document, each under a heading that says what its case is.

    Paragraphs and tables that stand above already are dots.
    """
    parts, known = [], set[str]()
    for case, text in cases.items():
        paragraphs = text.strip().split("\n\n")
        told = "\n\n".join("…" if each in known else each for each in paragraphs)
        parts.append(f"# {case}\n\n{told}".replace("…\n\n…", "… …").replace("…\n\n…", "… …"))
        known.update(paragraphs)
    whole = "\n\n".join(parts) + "\n"
    return f"{_DOTS}\n\n{whole}" if "…" in whole else whole


def check(path: Path, text: str, renew: bool, test: str) -> None:
    """Fail unless a file holds this text; or write it.

    Args:
        path: the file.
        text: what was written now.
        renew: whether to write it.
        test: the file of the test, for the hint.
    """
    if renew:
        path.write_text(text)
    known = path.read_text() if path.is_file() else ""
    if known != text:
        lines = unified_diff(known.splitlines(), text.splitlines(), path.name, "now", lineterm="")
        pytest.fail(
            "\n".join([*lines, "", f"If that is meant: pytest --renew {test}"]), pytrace=False
        )
