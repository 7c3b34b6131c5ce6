from pathlib import Path

import pytest

from optledger.core.errors import UserError
from optledger.trials import code

TEXT = '''
"""A module."""

import numpy as np


def doubled(value: float, *, times: int = 2) -> float:
    """Double it."""
    return float(np.float32(value) * times)
'''


def digest(text: str, folder: Path) -> str:
    """Return the digest of a file with this text."""
    path = folder / f"text{len(list(folder.iterdir()))}.py"
    path.write_text(text)
    return code.digest(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Double it."""', '"""Twice what is given."""'),
        ('"""A module."""', "# A comment."),
        ("times: int = 2) -> float", "times: int = 0x2,\n) -> float"),
        ("    return", "\n    # Why.\n    return"),
        ('    """Double it."""\n', ""),
    ],
)
def test_what_python_does_not_see_does_not_count(old: str, new: str, tmp_path: Path) -> None:
    """Comments, docstrings, line breaks and how a number is written."""
    assert old in TEXT
    assert digest(TEXT.replace(old, new), tmp_path) == digest(TEXT, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("times: int = 2", "times: int = 3"),
        ("* times", "+ times"),
        ("np.float32", "np.float64"),
        ("doubled", "twice"),
        ("return float", "yield float"),
        ("*, times", "times"),
    ],
)
def test_what_python_sees_counts(old: str, new: str, tmp_path: Path) -> None:
    """Values, operators, names, statements, and how arguments are passed."""
    assert old in TEXT
    assert digest(TEXT.replace(old, new), tmp_path) != digest(TEXT, tmp_path)


def test_imports_are_followed(tmp_path: Path) -> None:
    """At the top and in functions; of other packages, the name is told, of Python's own nothing."""
    path = tmp_path / "model.py"
    path.write_text(
        "import json\nimport numpy\ndef f():\n    from optledger.trials.plateau import best_epoch\n"
    )
    found = code.closure([], {"model f": path})
    assert found.files.keys() == {
        *("model f", "optledger", "optledger.trials", "optledger.trials.plateau"),
    } | {name for name in found.files if name.startswith("optledger.trials.plateau")}
    assert found.packages == {"numpy"} | (found.packages - {"json"})
    assert "json" not in found.packages


def test_a_file_that_says_nothing_has_no_digest() -> None:
    """As most packages: a docstring alone changes nothing."""
    found = code.closure(["optledger.trials", "optledger.trials.places"])
    assert "optledger.trials" in found.files
    assert "optledger.trials" not in found.digests()
    assert "optledger.trials.places" in found.digests()


@pytest.mark.parametrize("content", [b"def (", b"x = '\xff'\n", b"a\0b"])
def test_a_file_that_is_no_python_is_one_line(content: bytes, tmp_path: Path) -> None:
    """With its name."""
    path = tmp_path / "model.py"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"model\.py: cannot be read as Python: ") as caught:
        code.closure([], {"model": path}).digests()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["from .mlp import mlp", "def f():\n    from .. import sizes"])
def test_a_relative_import_is_refused(text: str, tmp_path: Path) -> None:
    """It is of whatever package the file is run in."""
    path = tmp_path / "model.py"
    path.write_text(text)
    with pytest.raises(UserError, match=r"model\.py: has a relative import; "):
        code.closure([], {"model": path})


def test_too_deep_an_expression_is_one_line(tmp_path: Path) -> None:
    """Where Python itself would take it."""
    path = tmp_path / "model.py"
    path.write_text(f"x = {' + '.join(['1'] * 3000)}\n")
    with pytest.raises(UserError, match=r"model\.py: "):
        code.closure([], {"model": path}).digests()
